"""The RSGI adapter: granian's protocol, the fastest of the three.

RSGI percent-decodes the path, so an encoded `/` or `:` cannot be told from a plain one. Therefore `Gateway.rsgi`
refuses routes with a multi-segment variable, and a decoded path that contains `%` or U+FFFD gets 400. Header values
that are not ASCII do not arrive at all. A client that closes its sending half counts as disconnected.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # documented, but not in its __all__

from rpcfront.adapters.request_body import AsyncRequest
from rpcfront.adapters.rsgi_interface import RsgiScope
from rpcfront.adapters.running_requests import RunningRequests
from rpcfront.calls.deadlines import Deadlines
from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.limits import Limits, cut_short, too_slow
from rpcfront.protocols.http import Headers, HttpResponse, Write
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.router import Router
from rpcfront.status import StatusError

_log = logging.getLogger(__name__)


class _RsgiRequest(AsyncRequest):
    """A request in granian, which makes each value anew when it is asked for: so it is only asked when necessary."""

    path_is_decoded = True
    task: "asyncio.Task[Any]"
    has_started = False
    _transport: Any = None

    def __init__(
        self, scope: RsgiScope, protocol: Any, task: "asyncio.Task[Any]", deadlines: Deadlines, limits: Limits
    ) -> None:
        self._scope = scope
        self._protocol = protocol
        super().__init__(scope.method, scope.path, scope.headers, deadlines, limits.read_seconds)
        self.query = scope.query_string
        self.stream_limit = limits.stream_bytes
        self.task = task

    @property
    def is_http1(self) -> bool:
        return self._scope.http_version != "2"

    @property
    def peer(self) -> str:
        return _peer(self._scope.client)

    async def read(self, limit: int, framing: int) -> bytes:
        length = self._length
        if not length or length > limit + framing:
            return await super().read(limit, framing)
        # The common case, without the layers between.
        self.has_unread_body = False
        task, deadlines = self.task, self._deadlines
        deadlines.enter(task, self._seconds)
        try:
            body: bytes = await self._protocol()
        except ProtocolClosed:
            raise cut_short() from None
        except asyncio.CancelledError:
            if deadlines.is_expired(task):
                raise too_slow(self._seconds) from None
            raise
        finally:
            deadlines.leave(task)
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        empty = 0
        async for chunk in self._protocol:
            empty += not chunk
            yield chunk
        # Over HTTP/1 a complete body ends with one empty chunk, one that is cut short with two. Over HTTP/2 either may
        # be complete, and a body that is cut short never ends.
        if empty > 1 and self.is_http1:
            raise cut_short()

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        self._transport = self._protocol.response_stream(status, headers)
        self.has_started = True
        return self._write

    async def _write(self, data: bytes) -> None:
        try:
            await self._transport.send_bytes(data)
        except ProtocolClosed:
            raise StatusError(CLIENT_LEFT) from None
        # granian accepts everything at once, so let other calls run.
        await asyncio.sleep(0)

    def end(self) -> None:
        """End a stream. For granian it has ended once its transport is no longer referenced."""
        self._transport = None

    async def wait_disconnected(self) -> None:
        await self._protocol.client_disconnect()


def _peer(client: str) -> str:
    """Return `1.2.3.4:5` or `[::1]:5` as grpcio writes it."""
    return f"ipv6:{client}" if client.startswith("[") else f"ipv4:{client}"


class GranianApplication:
    """What granian calls: `(scope, protocol)`."""

    def __init__(self, router: Router, errors: JsonErrors, limits: Limits, running: RunningRequests) -> None:
        self._router = router
        self._deadlines = Deadlines()
        self._limits = limits
        self._internal = errors.response(Outcome(status=INTERNAL))
        self._running = running

    async def __rsgi__(self, scope: RsgiScope, protocol: Any) -> None:
        """Respond to one request in any case: if this raised or did not respond, granian would send an empty 500."""
        task = self._running.enter()
        request = _RsgiRequest(scope, protocol, task, self._deadlines, self._limits)
        response: HttpResponse | None
        try:
            response = await self._router(request)
            if request.has_unread_body and response is not None:
                await request.drain()
        except asyncio.CancelledError:
            response = self._internal
        except Exception:  # noqa: BLE001  # whatever it is, the client gets a response
            _log.exception("%s %s failed", scope.method, scope.path)
            response = self._internal
        finally:
            self._running.leave(task)
        if request.has_started:
            request.end()
        elif response is not None:
            protocol.response_bytes(response.status, response.headers, response.body)
