"""The RSGI face: granian's protocol, the fastest of the three.

RSGI hands over the path percent-decoded: an encoded `/` or `:` cannot be told from a plain one. So this face refuses,
when it is made, routes with a multi-segment variable, and answers 400 to a decoded path that holds `%` or U+FFFD.
Header values that are not ASCII do not arrive at all.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # documented, but not in its __all__

from server.gateway.deadlines import Deadlines
from server.gateway.dispatch import INTERNAL, Outcome
from server.gateway.http import ErrorPages, Headers, HttpRequest, HttpResponse, cut_short, too_large, too_slow

_log = logging.getLogger(__name__)

DRAIN_SECONDS = 1.0
"""How long a body that nobody wants is read, so that its sender gets to see the answer."""
DRAIN_BYTES = 4 * 1024 * 1024


class RsgiScope(Protocol):
    """The parts of RSGI's scope that are read here."""

    http_version: str
    method: str
    path: str
    query_string: str
    client: str
    headers: Any


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


class _Body:
    """The one reading of a request's body."""

    __slots__ = ("_deadlines", "_length", "_protocol", "_seconds", "unread")

    def __init__(self, protocol: Any, length: int | None, deadlines: Deadlines, seconds: float) -> None:
        self._protocol = protocol
        self._length = length
        self._deadlines = deadlines
        self._seconds = seconds
        self.unread = length != 0

    async def read(self, limit: int, framing: int) -> bytes:
        """See HttpRequest.read."""
        if self._length == 0:
            return b""
        if self._length is not None and self._length > limit + framing:
            raise too_large(limit)
        self.unread = False
        try:
            if self._length is None:
                return await self._deadlines.wait(self._chunks(limit, framing), self._seconds)
            body: bytes = await self._deadlines.wait(self._protocol(), self._seconds)
        except TimeoutError:
            raise too_slow(self._seconds) from None
        except ProtocolClosed:
            raise cut_short() from None
        return body

    async def _chunks(self, limit: int, framing: int) -> bytes:
        """A body of undeclared length. One that ends whole ends with one empty chunk, one cut short with two."""
        chunks: list[bytes] = []
        size = empty = 0
        longest = limit + framing
        async for chunk in self._protocol:
            size += len(chunk)
            empty += not chunk
            if size > longest + DRAIN_BYTES:
                break
            if size <= longest:
                chunks.append(chunk)
        if size > longest:
            raise too_large(limit)
        if empty > 1:
            raise cut_short()
        return b"".join(chunks)

    async def drain(self) -> None:
        """Reads some of what nobody wants: a sender that is stopped in the middle may never look for the answer.

        The answer is known by now, so a task that is cancelled here has only this reading to give up.
        """
        with suppress(TimeoutError, ProtocolClosed, asyncio.CancelledError):
            await self._deadlines.wait(self._discard(), DRAIN_SECONDS)

    async def _discard(self) -> None:
        size = 0
        async for chunk in self._protocol:
            size += len(chunk)
            if size > DRAIN_BYTES:
                return


def _body_length(scope: RsgiScope, headers: Headers) -> int | None:
    """The declared length; 0 for a request without a body; None where only its end will tell."""
    framed = scope.http_version == "2"
    for key, value in headers:
        if key == "content-length":
            # granian has seen to it that these are digits, and that there is one length.
            return int(value)
        framed = framed or key == "transfer-encoding"
    return None if framed else 0


def _peer(client: str) -> str:
    """`1.2.3.4:5` or `[::1]:5` as grpcio writes it."""
    return f"ipv6:{client}" if client.startswith("[") else f"ipv4:{client}"


class RsgiApplication:
    """What granian calls: `(scope, protocol)`."""

    def __init__(self, handler: Handler, pages: ErrorPages, read_timeout: float) -> None:
        self._handler = handler
        self._deadlines = Deadlines()
        self._read_timeout = read_timeout
        self._internal = pages.response(Outcome(status=INTERNAL))
        self._calls: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()

    async def __rsgi__(self, scope: RsgiScope, protocol: Any) -> None:
        """Never raises and always answers: granian would make an empty 500 of either."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("granian runs a request in a task")
        self._calls.add(task)
        try:
            response = await self._respond(scope, protocol)
        except asyncio.CancelledError:
            response = self._internal
        except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
            _log.exception("%s %s failed", scope.method, scope.path)
            response = self._internal
        finally:
            self._calls.discard(task)
            if not self._calls:
                self._idle.set()
        protocol.response_bytes(response.status, response.headers, response.body)

    async def _respond(self, scope: RsgiScope, protocol: Any) -> HttpResponse:
        headers = scope.headers.items()
        body = _Body(protocol, _body_length(scope, headers), self._deadlines, self._read_timeout)
        request = HttpRequest(
            method=scope.method,
            path=scope.path,
            query=scope.query_string,
            headers=headers,
            read=body.read,
            peer=_peer(scope.client),
            path_is_decoded=True,
        )
        response = await self._handler(request)
        if body.unread:
            await body.drain()
        return response

    async def wait_idle(self) -> None:
        """Returns when no call is running."""
        while self._calls:
            self._idle.clear()
            await self._idle.wait()

    def cancel(self) -> None:
        """Cancels the calls that are still running."""
        for task in self._calls:
            task.cancel()
