"""The ASGI face: for any ASGI server, or below the path of another application (a Mount).

The path is `raw_path`, which is as it was sent; where a server leaves it out, the path counts as decoded.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from rpcfront.adapters.request_body import Calls, Exchange, origin_path
from rpcfront.calls.deadlines import Deadlines
from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.limits import Limits, cut_short
from rpcfront.protocols.http import Headers, HttpResponse, Write
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.router import Router
from rpcfront.status import StatusError

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_log = logging.getLogger(__name__)


class _AsgiRequest(Exchange):
    has_started = False

    def __init__(self, scope: Scope, receive: Receive, send: Send, deadlines: Deadlines, seconds: float) -> None:
        self.is_http1 = scope.get("http_version", "1.1").startswith("1")
        raw = scope.get("raw_path")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        super().__init__(scope["method"], _path(scope, raw), headers, deadlines, seconds)
        self.path_is_decoded = raw is None
        self.query = scope.get("query_string", b"").decode("latin-1")
        self.peer = _peer(scope.get("client"))
        self._receive = receive
        self._send = send

    async def chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise cut_short()
            yield event.get("body", b"")
            more = event.get("more_body", False)

    async def wait_disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            """What is left of a body that nobody has read."""

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        self.has_started = True
        await self._start(status, headers)
        return self.write

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Sends a part of the body. Raises StatusError when the server says that the client has left."""
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except OSError:
            raise StatusError(CLIENT_LEFT) from None

    async def respond(self, response: HttpResponse, *, has_body: bool) -> None:
        """Sends an answer, whole."""
        headers = response.headers
        if response.status != 204:
            headers = [*headers, ("content-length", str(len(response.body)))]
        if self.is_http1 and not self.is_whole:
            headers = [*headers, ("connection", "close")]
        await self._start(response.status, headers)
        await self.write(response.body if has_body else b"", more=False)

    async def _start(self, status: int, headers: Headers) -> None:
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        try:
            await self._send({"type": "http.response.start", "status": status, "headers": pairs})
        except OSError:
            raise StatusError(CLIENT_LEFT) from None


class AsgiApplication:
    """An ASGI 3 application: HTTP, and the lifespan protocol, in which it has nothing to do."""

    def __init__(self, router: Router, errors: JsonErrors, limits: Limits, calls: Calls) -> None:
        self._router = router
        self._deadlines = Deadlines()
        self._limits = limits
        self._internal = errors.response(Outcome(status=INTERNAL))
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _AsgiRequest(scope, receive, send, self._deadlines, self._limits.read_seconds)
        request.task = self._calls.enter()
        try:
            try:
                response = await self._router(request)
                if request.unread and response is not None:
                    await request.drain()
            except asyncio.CancelledError:
                response = self._internal
            except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
                _log.exception("%s %s failed", scope["method"], scope["path"])
                response = self._internal
            if request.has_started:
                await request.write(b"", more=False)
            elif response is not None:
                await request.respond(response, has_body=scope["method"] != "HEAD")
        except StatusError:
            """The client has left: nobody is there to be answered."""
        finally:
            self._calls.leave(request.task)


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol: what runs when the server stops, the server waits for."""
    event = await receive()
    while event["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
        event = await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _path(scope: Scope, raw: bytes | None) -> str:
    """The path, behind that of a mount."""
    path: str = scope["path"] if raw is None else origin_path(raw.decode("latin-1"))
    prefix = scope.get("root_path", "").rstrip("/")
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def _peer(client: Any) -> str:
    """As grpcio writes it; empty where the server does not say."""
    if not client:
        return ""
    host, port = client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
