"""The RSGI face: granian's protocol, the fastest of the three.

RSGI hands over the path percent-decoded: an encoded `/` or `:` cannot be told from a plain one. So this face refuses,
when it is made, routes with a multi-segment variable, and answers 400 to a decoded path that holds `%` or U+FFFD.
Header values that are not ASCII do not arrive at all. A client that closes its sending half counts as gone.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # documented, but not in its __all__

from rpcfront.adapters.request_body import Calls, Exchange
from rpcfront.adapters.rsgi_interface import RsgiScope
from rpcfront.calls.deadlines import Deadlines
from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.limits import Limits, cut_short, too_slow
from rpcfront.protocols.http import Headers, HttpResponse, Write
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.router import Router
from rpcfront.status import StatusError

_log = logging.getLogger(__name__)


class _RsgiRequest(Exchange):
    """What granian knows of a request is made for each asking, so it is asked only for what somebody needs."""

    path_is_decoded = True
    task: "asyncio.Task[Any]"
    has_started = False
    _transport: Any = None

    def __init__(
        self, scope: RsgiScope, protocol: Any, task: "asyncio.Task[Any]", deadlines: Deadlines, limits: Limits
    ) -> None:
        self._scope = scope
        self._protocol = protocol
        self.method = scope.method
        self.path = scope.path
        self.query = scope.query_string
        self._granians = headers = scope.headers
        self.header = headers.get
        self.stream_limit = limits.stream_bytes
        self.task = task
        self.expect(deadlines, limits.read_seconds)

    @property
    def is_http1(self) -> bool:  # type: ignore[override]  # elsewhere it is set
        return self._scope.http_version != "2"

    @property
    def peer(self) -> str:  # type: ignore[override]  # elsewhere it is set
        return _peer(self._scope.client)

    def headers(self) -> Headers:
        items: Headers = self._granians.items()
        return items

    def header_names(self) -> Iterable[str]:
        names: list[str] = self._granians.keys()
        return names

    async def read(self, limit: int, framing: int) -> bytes:
        length = self._length
        if not length or length > limit + framing:
            return await super().read(limit, framing)
        # What most requests are, without the layers between.
        self.unread = False
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
        # Over HTTP/1 a body that ends whole ends with one empty chunk, one cut short with two. Over HTTP/2 both may
        # be whole, and one that is cut short has no end at all.
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
        # granian takes all that it is given at once: other calls get their turn here.
        await asyncio.sleep(0)

    def end(self) -> None:
        """Ends a stream, which to granian it is when nobody holds its transport any more."""
        self._transport = None

    async def wait_disconnected(self) -> None:
        await self._protocol.client_disconnect()


def _peer(client: str) -> str:
    """`1.2.3.4:5` or `[::1]:5` as grpcio writes it."""
    return f"ipv6:{client}" if client.startswith("[") else f"ipv4:{client}"


class GranianApplication:
    """What granian calls: `(scope, protocol)`."""

    def __init__(self, router: Router, errors: JsonErrors, limits: Limits, calls: Calls) -> None:
        self._router = router
        self._deadlines = Deadlines()
        self._limits = limits
        self._internal = errors.response(Outcome(status=INTERNAL))
        self._calls = calls

    async def __rsgi__(self, scope: RsgiScope, protocol: Any) -> None:
        """Never raises and always answers: granian would make an empty 500 of either."""
        task = self._calls.enter()
        request = _RsgiRequest(scope, protocol, task, self._deadlines, self._limits)
        response: HttpResponse | None
        try:
            response = await self._router(request)
            if request.unread and response is not None:
                await request.drain()
        except asyncio.CancelledError:
            response = self._internal
        except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
            _log.exception("%s %s failed", scope.method, scope.path)
            response = self._internal
        finally:
            self._calls.leave(task)
        if request.has_started:
            request.end()
        elif response is not None:
            protocol.response_bytes(response.status, response.headers, response.body)
