"""Reads the body of a request, within limits of size and time, for servers that run on the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from urllib.parse import quote, unquote, urlsplit

from rpcfront.calls.deadlines import Deadlines
from rpcfront.limits import too_large, too_slow
from rpcfront.protocols.http import Headers, HttpRequest
from rpcfront.status import StatusError

DRAIN_SECONDS = 1.0
"""How long a body that is not wanted is read, so that its sender gets to see the response."""
DRAIN_BYTES = 4 * 1024 * 1024

PATH_SAFE = "/:@!$&'()*+,;=~"
"""What a path may hold unencoded (RFC 3986, 3.3), for servers that hand over decoded ones."""

_MAX_LENGTH_DIGITS = 18


class AsyncRequest(HttpRequest):
    """A request on the event loop, whose body arrives in chunks. A server adapter says how."""

    has_unread_body = True
    """Whether there is a body, and reading it has not begun."""
    _chunks: AsyncIterator[bytes] | None = None
    is_complete = False
    """Whether the body has been read to its end. If not, what follows on the connection is no request."""

    def __init__(self, method: str, path: str, headers: Headers, deadlines: Deadlines, seconds: float) -> None:
        """Make a request whose body must arrive within `seconds` once it is read."""
        super().__init__(method, path, headers)
        self._deadlines = deadlines
        self._seconds = seconds
        declared = self.header("content-length")
        self._length = self._undeclared_length() if declared is None else declared_length(declared)
        if self._length == 0:
            self.has_unread_body, self.is_complete = False, True

    @property
    def is_abandoned(self) -> bool:
        """Whether the client is still sending a body that nobody has read, or read to its end."""
        return self.has_unread_body or (self._chunks is not None and not self.is_complete)

    @property
    def is_http1(self) -> bool:
        """Whether the request came over HTTP/1."""
        raise NotImplementedError

    async def receive(self, *, timely: bool) -> bytes:
        if self._length == 0:
            return b""
        self.has_unread_body = False
        if self._chunks is None:
            self._chunks = aiter(self.chunks())
        try:
            while True:
                waiting = anext(self._chunks)
                chunk = await (self._deadlines.wait(waiting, self._seconds) if timely else waiting)
                if chunk:
                    return chunk
        except TimeoutError:
            raise too_slow(self._seconds) from None
        except StopAsyncIteration:
            self.is_complete = True
            return b""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; once only. Raises StatusError if it is cut short."""
        raise NotImplementedError

    def _undeclared_length(self) -> int | None:
        """Return 0 for a request without a body; None if only its end will tell, as over HTTP/2."""
        return 0 if self.header("transfer-encoding") is None and self.is_http1 else None

    async def read(self, limit: int, framing: int) -> bytes:
        """Return the body, see HttpRequest.read."""
        if self._length == 0:
            return b""
        if self._length is not None and self._length > limit + framing:
            raise too_large(limit)
        self.has_unread_body = False
        try:
            return await self._deadlines.wait(self._read_all(limit, framing), self._seconds)
        except TimeoutError:
            raise too_slow(self._seconds) from None

    async def _read_all(self, limit: int, framing: int) -> bytes:
        """Return all chunks. What exceeds the limit is still read for a while, see `drain`."""
        kept: list[bytes] = []
        size = 0
        max_size = limit + framing
        async with aclosing(self.chunks()) as chunks:  # type: ignore[type-var]  # they are generators
            async for chunk in chunks:
                size += len(chunk)
                if size <= max_size:
                    kept.append(chunk)
                elif size > max_size + DRAIN_BYTES:
                    break
            else:
                self.is_complete = True
        if size > max_size:
            raise too_large(limit)
        return b"".join(kept)

    async def drain(self) -> None:
        """Read some of an unwanted body: a sender that is stopped halfway may never look for the response.

        The response is known by then, so cancelling the task ends nothing but this reading.
        """
        with suppress(TimeoutError, StatusError, asyncio.CancelledError):
            await self._deadlines.wait(self._read_all(0, 0), DRAIN_SECONDS)


def declared_length(text: str) -> int | None:
    """Return the length in a Content-Length header; None if it is no number."""
    if not (text.isascii() and text.isdigit()):
        return None
    # Python converts long numbers slowly, and no body is as long as those.
    return int(text) if len(text) <= _MAX_LENGTH_DIGITS else 10**_MAX_LENGTH_DIGITS


def split_mount(path: str, mount: str) -> tuple[str, str]:
    """Return the path of a mount as URLs have it, and what an encoded path has below it.

    `mount` is decoded; some servers hand it over as it was sent. A path that is not below it is returned whole.
    """
    mount = mount.rstrip("/")
    if not mount:
        return "", path
    segments = path.split("/")
    length = mount.count("/") + 1
    head = "/".join(segments[:length])
    if length < len(segments) and mount in {head, unquote(head)}:
        return f"/{head.lstrip('/')}", path[len(head) :]
    return quote(f"/{mount.lstrip('/')}", PATH_SAFE), path


def origin_path(target: str) -> str:
    """Return the path of a request target in origin form, or in the absolute form of proxies (RFC 9112, 3.2)."""
    if target.startswith("/"):
        return target.partition("?")[0]
    with suppress(ValueError):
        parts = urlsplit(target)
        if parts.scheme and parts.netloc:
            return parts.path or "/"
    return target
