"""A gateway below a path of another application."""

from collections.abc import Callable, Iterable
from typing import Any

from rpcfront import Gateway


class Mounted:
    """Mounts as Starlette's Mount and Werkzeug's DispatcherMiddleware do it."""

    def __init__(self, gateway: Gateway, path: str) -> None:
        self._gateway = gateway
        self._path = path

    @property
    def asgi(self) -> Callable[..., Any]:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"].startswith(f"{self._path}/"):
                await self._gateway.asgi({**scope, "root_path": self._path}, receive, send)
            else:
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})

        return app

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        mount = self._path.encode().decode("latin-1")
        if environ["PATH_INFO"].startswith(f"{mount}/"):
            below = environ["PATH_INFO"].removeprefix(mount)
            return self._gateway.wsgi({**environ, "SCRIPT_NAME": mount, "PATH_INFO": below}, start_response)
        start_response("404 Not Found", [])
        return []
