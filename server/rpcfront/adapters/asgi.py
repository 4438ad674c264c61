"""The ASGI adapter: for any ASGI server, or mounted below a path of another application.

The path is `raw_path`, which is as it was sent. If a server leaves that out, its decoded path is encoded again, so that
an encoded slash cannot be told from a plain one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from rpcfront.adapters.request_body import PATH_SAFE, AsyncRequest, origin_path, split_mount
from rpcfront.calls.context import ServicerContext
from rpcfront.calls.deadlines import Deadlines, current_task
from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.calls.running_requests import RunningRequests
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


WATCH_AFTER = 0.025
"""Seconds after which a call that still runs is watched for a disconnect. Watching takes a task, which costs more than
most whole calls do."""


class _AsgiRequest(AsyncRequest):
    has_started = False
    _watcher: asyncio.Task[None] | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send, deadlines: Deadlines, seconds: float) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        raw = scope.get("raw_path")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        root_path, path = _path(scope, raw)
        super().__init__(scope["method"], path, headers, deadlines, seconds)
        self.root_path = root_path
        self.query = scope.get("query_string", b"").decode("latin-1")

    @property
    def is_http1(self) -> bool:
        return str(self._scope.get("http_version", "1.1")).startswith("1")

    @property
    def peer(self) -> str:
        return _peer(self._scope.get("client"))

    @property
    def scheme(self) -> str:
        return str(self._scope.get("scheme", "http"))

    async def chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise cut_short()
            yield event.get("body", b"")
            more = event.get("more_body", False)

    def watch(self) -> None:
        """Watch for a disconnect, once the body is complete: until then, reading it tells of one."""
        if self.is_complete and self.context is not None:
            self._watcher = asyncio.ensure_future(self._wait_disconnected(self.context))
        else:
            asyncio.get_running_loop().call_later(WATCH_AFTER, self.watch_if_running)

    def watch_if_running(self) -> None:
        """Watch, unless the call has ended."""
        if self.task is not None:
            self.watch()

    async def _wait_disconnected(self, context: ServicerContext) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            """Skip what is left of an unread body."""
        context.interrupt(CLIENT_LEFT)

    def forget(self) -> None:
        """Break the references between the request, its task and its call, which has ended."""
        if self._watcher is not None:
            self._watcher.cancel()
        self.task = self.context = self._watcher = None

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        self.has_started = True
        await self._start(status, headers)
        return self.write

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send a part of the body. Raises StatusError if the server says that the client has disconnected."""
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except OSError:
            raise StatusError(CLIENT_LEFT) from None

    async def respond(self, response: HttpResponse, *, has_body: bool) -> None:
        """Send a complete response."""
        headers = response.headers
        if response.status != 204:
            headers = [*headers, ("content-length", str(len(response.body)))]
        if self.is_http1 and not self.is_complete:
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
    """An ASGI 3 application: HTTP, and the lifespan protocol, where it has nothing to do."""

    def __init__(self, router: Router, errors: JsonErrors, limits: Limits, running: RunningRequests) -> None:
        self._router = router
        self._deadlines = Deadlines()
        self._limits = limits
        self._internal = errors.response(Outcome(status=INTERNAL))
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _AsgiRequest(scope, receive, send, self._deadlines, self._limits.read_seconds)
        request.task = task = current_task()
        self._running.enter(task)
        task.get_loop().call_later(WATCH_AFTER, request.watch_if_running)
        try:
            try:
                response = await self._router(request)
                if request.is_abandoned and response is not None:
                    await request.drain()
            except asyncio.CancelledError:
                response = self._internal
            except Exception:  # noqa: BLE001  # whatever it is, the client gets a response
                _log.exception("%s %s failed", scope["method"], scope["path"])
                response = self._internal
            if request.has_started:
                await request.write(b"", more=False)
            elif response is not None:
                response.headers += request.common_headers
                await request.respond(response, has_body=scope["method"] != "HEAD")
        except StatusError:
            """The client has disconnected and gets no response."""
        finally:
            self._running.leave(task)
            request.forget()


async def _lifespan(receive: Receive, send: Send) -> None:
    """Take part in the lifespan protocol. There is nothing to do: the server itself waits for running requests."""
    event = await receive()
    while event["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
        event = await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _path(scope: Scope, raw: bytes | None) -> tuple[str, str]:
    """Return the path of a mount, and the path below it."""
    path = quote(scope["path"], PATH_SAFE) if raw is None else origin_path(raw.decode("latin-1"))
    return split_mount(path, scope.get("root_path", ""))


def _peer(client: Any) -> str:
    """Return the peer as grpcio writes it; empty if the server does not say."""
    if not client:
        return ""
    host, port = client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
