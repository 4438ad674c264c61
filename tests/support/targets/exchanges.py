"""A request that a target received, and the means to write its response."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it was received."""

    method: str
    path: str
    """Path with the query."""
    headers: tuple[Header, ...]
    """In the order received, with names in lower case."""
    body: bytes
    connection: int
    """Number of its connection, counted from 1."""

    def header(self, name: str) -> str | None:
        """Return the value of a header that occurs at most once."""
        values = [value for each, value in self.headers if each == name.lower()]
        assert len(values) <= 1, f"{name} occurs {len(values)} times"
        return values[0] if values else None


@dataclass(slots=True)
class Exchange:
    """The context of an answer. The connection stays open when the answer returns, unless it has closed it."""

    received: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    released: asyncio.Event
    """Set when the test releases held requests."""
    is_over: bool = field(default=False, init=False)
    """Whether the connection accepts no more requests."""

    @property
    def argument(self) -> str:
        """The rest of the path after its first segment, without the query."""
        return self.received.path.partition("?")[0].lstrip("/").partition("/")[2]

    async def send(self, data: bytes) -> None:
        """Send bytes. Raises ConnectionError if the client has disconnected."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: bytes = b"", headers: Iterable[Header] = ()) -> None:
        """Send a plain response with a Content-Length."""
        await self.send(head(status, (*headers, ("content-length", str(len(body))))) + body)

    async def hold(self) -> None:
        """Wait until the test releases held requests. Raises ConnectionError if the client disconnects first."""
        gone = asyncio.ensure_future(self.reader.read(1))
        held = asyncio.ensure_future(self.released.wait())
        try:
            await asyncio.wait((gone, held), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            held.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await gone
        if not held.done() or held.cancelled():
            raise ConnectionResetError

    async def close(self) -> None:
        """Close the connection properly."""
        self.is_over = True
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Reset the connection, which discards what the client has not read."""
        self.is_over = True
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


Answer = Callable[[Exchange], Awaitable[None]]
"""Responds to a request, well or badly."""


def head(status: int, headers: Iterable[Header], *, version: str = "1.1") -> bytes:
    """Return the head of a response."""
    lines = [f"HTTP/{version} {status} -", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()
