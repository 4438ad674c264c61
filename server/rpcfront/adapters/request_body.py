"""What the faces of the HTTP servers have in common: a request's body, read within limits, and the calls that run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

from rpcfront.calls.deadlines import Deadlines
from rpcfront.limits import too_large, too_slow
from rpcfront.protocols.http import Headers, HttpRequest
from rpcfront.status import StatusError

DRAIN_SECONDS = 1.0
"""How long a body that nobody wants is read, so that its sender gets to see the answer."""
DRAIN_BYTES = 4 * 1024 * 1024

_LENGTH_DIGITS = 19


class Exchange(HttpRequest):
    """One request at the interface of a server on the event loop. A face says how its chunks arrive."""

    def __init__(self, method: str, path: str, headers: Headers, deadlines: Deadlines, seconds: float) -> None:
        super().__init__(method, path, headers)
        self.expect(deadlines, seconds)

    is_http1 = True
    unread = True
    """Whether there is a body that nobody has begun to read."""
    is_whole = False
    """Whether the body has been read to its end: if not, what comes next on the connection is no request."""

    def expect(self, deadlines: Deadlines, seconds: float) -> None:
        """Makes ready to read the body, which must be there within so many seconds."""
        self._deadlines = deadlines
        self._seconds = seconds
        declared = self.header("content-length")
        self._length = self._undeclared_length() if declared is None else declared_length(declared)
        if self._length == 0:
            self.unread, self.is_whole = False, True

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, once. Raises StatusError when it is cut short."""
        raise NotImplementedError

    def _undeclared_length(self) -> int | None:
        """0 for a request without a body; None where only its end will tell, as HTTP/2 may have it."""
        return 0 if self.is_http1 and self.header("transfer-encoding") is None else None

    async def read(self, limit: int, framing: int) -> bytes:
        """See HttpRequest.read."""
        if self._length == 0:
            return b""
        if self._length is not None and self._length > limit + framing:
            raise too_large(limit)
        self.unread = False
        try:
            return await self._deadlines.wait(self.whole(limit, framing), self._seconds)
        except TimeoutError:
            raise too_slow(self._seconds) from None

    async def whole(self, limit: int, framing: int) -> bytes:
        """All chunks. One that is too much is read on for a while: see `drain`."""
        kept: list[bytes] = []
        size = 0
        longest = limit + framing
        async with aclosing(self.chunks()) as chunks:  # type: ignore[type-var]  # they are generators
            async for chunk in chunks:
                size += len(chunk)
                if size <= longest:
                    kept.append(chunk)
                elif size > longest + DRAIN_BYTES:
                    break
            else:
                self.is_whole = True
        if size > longest:
            raise too_large(limit)
        return b"".join(kept)

    async def drain(self) -> None:
        """Reads some of what nobody wants: a sender that is stopped in the middle may never look for the answer.

        The answer is known by now, so a task that is cancelled here has only this reading to give up.
        """
        with suppress(TimeoutError, StatusError, asyncio.CancelledError):
            await self._deadlines.wait(self.whole(0, 0), DRAIN_SECONDS)


def declared_length(text: str) -> int | None:
    """What a Content-Length says; None for what is no number."""
    if not (text.isascii() and text.isdigit()):
        return None
    # No server sends so much: longer ones are not worth the reading.
    return int(text) if len(text) < _LENGTH_DIGITS else 10**_LENGTH_DIGITS


def origin_path(target: str) -> str:
    """The path of a request target, in its origin form or the absolute one that proxies send (RFC 9112, 3.2)."""
    if target.startswith("/"):
        return target.partition("?")[0]
    with suppress(ValueError):
        parts = urlsplit(target)
        if parts.scheme and parts.netloc:
            return parts.path or "/"
    return target


class Calls:
    """The requests that are being answered, over all faces that have an event loop to themselves."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()

    def enter(self) -> "asyncio.Task[Any]":
        """Counts the current task in, and answers it."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is answered in a task")
        self._tasks.add(task)
        return task

    def leave(self, task: "asyncio.Task[Any]") -> None:
        """Counts it out."""
        self._tasks.discard(task)
        if not self._tasks:
            self._idle.set()

    async def wait_idle(self) -> None:
        """Returns when none is left."""
        while self._tasks:
            self._idle.clear()
            await self._idle.wait()

    def cancel(self) -> None:
        """Cancels those that are still running."""
        for task in self._tasks:
            task.cancel()
