"""A client of HTTP/1.1 that sends any bytes, and reads responses strictly."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

PATIENCE = 10.0
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [ -~]*")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9a-z]+): ([\t -~\x80-\xff]*)")


@dataclass(frozen=True)
class Response:
    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def field(self, name: str) -> str | None:
        values = [value for key, value in self.fields if key == name]
        assert len(values) <= 1, f"{name} is there twice"
        return values[0] if values else None

    @property
    def closes(self) -> bool:
        """Whether the server says that the connection ends."""
        return self.field("connection") == "close"

    def page(self) -> dict[str, Any]:
        """Return the google.rpc.Status of an error, in JSON."""
        assert self.field("content-type") == "application/json"
        page: dict[str, Any] = json.loads(self.body)
        assert list(page) == ["code", "message", "details"]
        return page


class Http1Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def get(self, path: str = "/healthz") -> None:
        self.send(request("GET", path))

    async def drain(self) -> None:
        """Wait until the kernel has taken everything."""
        await self.writer.drain()

    def end(self) -> None:
        """Close the sending half."""
        self.writer.write_eof()

    def leave(self) -> None:
        """End the connection at once, by a TCP reset."""
        reset(self.writer)

    async def head(self) -> Response:
        """Read the head of a response, an interim one too."""
        async with asyncio.timeout(PATIENCE):
            data = await self.reader.readuntil(b"\r\n\r\n")
        line, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
        match = _STATUS_LINE.fullmatch(line)
        assert match, f"not a status line: {line!r}"
        fields = []
        for text in lines:
            field = _FIELD.fullmatch(text)
            assert field, f"not a field: {text!r}"
            fields.append((field[1].decode(), field[2].decode("latin-1")))
        return Response(int(match[1]), fields, b"")

    async def response(self, method: str = "GET") -> Response:
        """Read a response, which is not an interim one."""
        head = await self.head()
        assert head.status >= 200
        async with asyncio.timeout(PATIENCE):
            return Response(head.status, head.fields, await self._body(head, method))

    async def _body(self, head: Response, method: str) -> bytes:
        length, coding = head.field("content-length"), head.field("transfer-encoding")
        if head.status in {204, 304}:
            assert length is coding is None
            return b""
        if method == "HEAD":
            return b""
        if coding is not None:
            assert (coding, length) == ("chunked", None)
            return b"".join([chunk async for chunk in self.chunks()])
        if length is None:
            return await self.reader.read()
        return await self.reader.readexactly(int(length))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the chunks of a body, until the last one."""
        while True:
            line = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE)
            assert re.fullmatch(rb"[0-9a-f]+\r\n", line)
            chunk = await asyncio.wait_for(self.reader.readexactly(int(line, 16) + 2), PATIENCE)
            assert chunk.endswith(b"\r\n")
            if chunk == b"\r\n":
                return
            yield chunk[:-2]

    async def has_ended(self, seconds: float = PATIENCE) -> bool:
        """Return whether the server closes the connection, and sends nothing before."""
        try:
            return await asyncio.wait_for(self.reader.read(1), seconds) == b""
        except (ConnectionError, TimeoutError) as error:
            return isinstance(error, ConnectionError)

    async def goes_on(self) -> bool:
        """Return whether the connection takes another request."""
        self.get()
        return (await self.response()).status == 200


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection such that the kernel sends RST, where it else would only end the input of the other side."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:  # else it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def request(
    method: str, path: str, *fields: tuple[str, str], body: bytes | None = None, version: str = "HTTP/1.1"
) -> bytes:
    """Return a request. A body has a content-length."""
    lines = [f"{method} {path} {version}", "host: localhost", *(f"{name}: {value}" for name, value in fields)]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + (body or b"")


def chunked(*chunks: bytes) -> bytes:
    """Return a body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@asynccontextmanager
async def connect(port: int, receive_buffer: int | None = None) -> AsyncIterator[Http1Client]:
    """Open a connection. With `receive_buffer`, the kernel keeps about that much of what is not read."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=receive_buffer or 2**16)
    try:
        yield Http1Client(reader, writer)
    finally:
        # And not close: what the server does not take would hold up the end of the loop.
        writer.transport.abort()
