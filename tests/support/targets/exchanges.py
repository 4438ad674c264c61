"""One request that a target has received, and what its answer is written with."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    """With the query."""
    headers: tuple[Header, ...]
    """In their order, the names in lower case."""
    body: bytes
    connection: int
    """Which connection it came on: they are counted from 1."""

    def header(self, name: str) -> str | None:
        """The value of a header that may be there once."""
        values = [value for each, value in self.headers if each == name.lower()]
        assert len(values) <= 1, f"{name} stands there {len(values)} times"
        return values[0] if values else None


@dataclass(slots=True)
class Exchange:
    """What an answer is given. An answer that returns leaves the connection open, unless it has closed it."""

    received: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    released: asyncio.Event
    """Set when the test lets go of what is held."""
    is_over: bool = field(default=False, init=False)
    """Whether the connection takes no more requests."""

    @property
    def argument(self) -> str:
        """What stands behind the path's first segment, without the query."""
        return self.received.path.partition("?")[0].lstrip("/").partition("/")[2]

    async def send(self, data: bytes) -> None:
        """Raises ConnectionError when the client has gone."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: bytes = b"", headers: Iterable[Header] = ()) -> None:
        """A plain answer of a known length."""
        await self.send(head(status, (*headers, ("content-length", str(len(body))))) + body)

    async def hold(self) -> None:
        """Waits until the test lets go. Raises ConnectionError when the client goes first."""
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
        """Ends the connection properly."""
        self.is_over = True
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Ends it with a reset, which throws away what the client has not read."""
        self.is_over = True
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


Answer = Callable[[Exchange], Awaitable[None]]
"""Answers a request, well or badly."""


def head(status: int, headers: Iterable[Header], *, version: str = "1.1") -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/{version} {status} -", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()
