"""Connections to the listener without sockets: the bytes of each side arrive in the pieces in which they were sent."""

import asyncio
from collections import deque
from typing import Any, Protocol

from rpcfront.listener.server import Server
from rpcfront.listener.sniff import Sniffer


class Writer(Protocol):
    """What a client needs of an asyncio.StreamWriter."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...
    async def wait_closed(self) -> None: ...


class MemoryConnection(asyncio.Transport):
    """The server's transport, and the client's writer. What the server writes is fed to `reader`."""

    def __init__(self, server: Server, *, is_deaf: bool = False) -> None:
        """Connect to a server. A deaf client takes nothing that the server writes: it stays in the transport."""
        super().__init__()
        self.reader = asyncio.StreamReader()
        self._is_deaf = is_deaf
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[bytes | None] = deque()
        """What the client has sent and the server has not read. None is the end of input."""
        self._high = 64 * 1024
        self._unread = 0
        self._is_reading = True
        self._is_feeding = False
        self._has_ended = False
        self._has_written_eof = False
        self.has_closed = asyncio.Event()
        """Set when the server's side of the connection is lost."""
        self._protocol: Any = Sniffer(server)
        self._protocol.connection_made(self)

    # The client's side.

    def send(self, data: bytes | None) -> None:
        """Send a piece, which arrives by itself; None ends the input."""
        self._pieces.append(data)
        self._feed_soon()

    def _feed_soon(self) -> None:
        if not self._is_feeding and self._is_reading:
            self._is_feeding = True
            self._loop.call_soon(self._feed)

    def _feed(self) -> None:
        self._is_feeding = False
        if self._has_ended or not self._pieces or not self._is_reading:
            return
        piece = self._pieces.popleft()
        if piece is None:
            if not self._protocol.eof_received():
                self.close()
        elif piece:
            self._protocol.data_received(piece)
        if self._pieces:
            self._feed_soon()

    async def delivered(self) -> None:
        """Wait until everything has arrived that the server is willing to read."""
        while self._is_feeding:  # noqa: ASYNC110  # each turn of the loop delivers a piece
            await asyncio.sleep(0)

    def leave(self) -> None:
        """Close the client's side once everything has arrived."""
        if self._is_feeding:
            self._loop.call_soon(self.leave)
        else:
            self._lose()

    # The server's side.

    def write(self, data: Any) -> None:
        assert not isinstance(data, str)
        if self._has_ended:
            return
        if self._has_written_eof:
            raise RuntimeError("Cannot call write() after write_eof()")  # as uvloop does
        if not self._is_deaf:
            self.reader.feed_data(bytes(data))
            return
        self._unread += len(data)
        if self._unread > self._high:
            self._protocol.pause_writing()

    def close(self) -> None:
        if not (self._is_deaf and self._unread):
            self._lose()

    def abort(self) -> None:
        self._lose()

    def _lose(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._loop.call_soon(self._lost)

    def _lost(self) -> None:
        self.reader.feed_eof()
        self._protocol.connection_lost(None)
        self.has_closed.set()

    def is_closing(self) -> bool:
        return self._has_ended

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._has_written_eof = True
        self.reader.feed_eof()

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True
        if self._pieces:
            self._feed_soon()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = self._high if high is None else high

    def get_write_buffer_size(self) -> int:
        return self._unread

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 50000) if name == "peername" else default


class _MemoryWriter:
    """The client's side as an asyncio.StreamWriter."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.send(data)

    def write_eof(self) -> None:
        self._connection.send(None)

    async def drain(self) -> None:
        await self._connection.delivered()

    def close(self) -> None:
        self._connection.leave()

    async def wait_closed(self) -> None:
        await self._connection.has_closed.wait()


async def open_connection(server: Server) -> tuple[asyncio.StreamReader, Writer]:
    """Connect to a server as `asyncio.open_connection` does."""
    connection = MemoryConnection(server)
    return connection.reader, _MemoryWriter(connection)
