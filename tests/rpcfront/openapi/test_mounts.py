"""Where the document says that its paths are: a client that appends a path to it reaches the operation."""

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

import pytest

from rpcfront import Gateway, Info
from tests.rpcfront.openapi.documented import INFO
from tests.support.clients.http import ask
from tests.support.servers.faces import asgi_server, listener, wsgi_server
from tests.support.services import echo


class Mounted:
    """A gateway below a path of another application, as Starlette's Mount and Werkzeug's DispatcherMiddleware do it."""

    def __init__(self, gateway: Gateway, path: str) -> None:
        self._gateway = gateway
        self._path = path

    @property
    def asgi(self) -> Callable[..., Any]:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"].startswith(f"{self._path}/"):
                return await self._gateway.asgi({**scope, "root_path": self._path}, receive, send)
            await send({"type": "http.response.start", "status": 404, "headers": []})
            return await send({"type": "http.response.body", "body": b""})

        return app

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        mount = self._path.encode().decode("latin-1")
        if environ["PATH_INFO"].startswith(f"{mount}/"):
            below = environ["PATH_INFO"].removeprefix(mount)
            return self._gateway.wsgi({**environ, "SCRIPT_NAME": mount, "PATH_INFO": below}, start_response)
        start_response("404 Not Found", [])
        return []


SERVERS = {"asgi": asgi_server, "wsgi": wsgi_server, "listener": listener}
ROWS = [
    ("asgi", "", "", None),
    ("wsgi", "", "", None),
    ("listener", "", "", None),
    ("asgi", "/api", "", "/api"),
    ("wsgi", "/api", "", "/api"),
    ("asgi", "/a b/käse", "", "/a%20b/k%C3%A4se"),
    ("wsgi", "/a b/käse", "", "/a%20b/k%C3%A4se"),
    ("listener", "", "/proxied", "/proxied"),
    ("asgi", "/api", "/proxied/here", "/proxied/here/api"),
    ("wsgi", "/api", "/proxied/here", "/proxied/here/api"),
]


@pytest.mark.parametrize(("face", "mount", "prefix", "expected"), ROWS)
async def test_the_document_says_below_which_path_it_is_served(
    face: str, mount: str, prefix: str, expected: str | None
) -> None:
    gateway = Gateway([(echo.service(), echo.AsyncEcho())], openapi=replace(INFO, prefix=prefix))
    serve: Callable[[Gateway], AbstractAsyncContextManager[int]] = SERVERS[face]
    async with serve(cast("Gateway", Mounted(gateway, mount)) if mount else gateway) as port:
        document = json.loads((await ask(port, "GET", f"{quote(mount)}/openapi.json")).body)
        assert document.get("servers") == (None if expected is None else [{"url": expected}])
        # What a proxy does: it takes its prefix off.
        base = document["servers"][0]["url"].removeprefix(prefix) if expected else ""
        assert (await ask(port, "GET", f"{base}/v1/notes/a")).body == b'{"id":"a"}'


@pytest.mark.parametrize("prefix", ["api", "/", "/api/", "//api", "/a b", "/a?b", "/ä", "https://a.example", "/%zz"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded"):
        Info("The title", "1", prefix=prefix)
