"""Streams of messages over gRPC and Connect, message by message, as a client sends and reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.rpcfront.listener import kinds
from tests.support.clients import http1_client, http2_client
from tests.support.clients.http1_client import Http1Client, Response, request
from tests.support.clients.http2_client import Http2Connection, head
from tests.support.wire.grpc_web import frame, split_frames
from tests.support.wire.protocols import CONNECT_CODES, whole_frames

_END = 0x02
PATIENCE = 10.0


@dataclass
class Running:
    """A call. Its status is that of google.rpc.Code, as soon as there is one."""

    messages: list[Any] = field(default_factory=list)
    code: int | None = None
    text: str = ""

    def send(self, message: Any) -> None:
        """Send a message."""
        self.write(frame(message.SerializeToString()))

    def write(self, data: bytes) -> None:
        """Send bytes of the body."""
        raise NotImplementedError

    def end(self) -> None:
        """Send the end."""
        raise NotImplementedError

    async def received(self, count: int) -> list[Any]:
        """Wait for so many messages."""
        raise NotImplementedError

    async def ended(self) -> int:
        """Wait for the end, and return the code."""
        raise NotImplementedError

    def take(self, frames: list[tuple[int, bytes]]) -> None:
        self.messages = [kinds.note_class().FromString(data) for flags, data in frames if not flags & _END]

    def take_end(self, data: bytes) -> None:
        """Take Connect's last envelope."""
        end = json.loads(data)
        error = end.get("error")
        self.code = 0 if error is None else CONNECT_CODES[error["code"]]
        self.text = "" if error is None else error.get("message", "")


@dataclass
class Over2(Running):
    """Over a stream of HTTP/2."""

    client: Http2Connection = field(kw_only=True)
    stream: int = field(kw_only=True)

    def write(self, data: bytes) -> None:
        self.client.data(self.stream, data)
        self.client.flush()

    def end(self) -> None:
        self.client.data(self.stream, b"", end=True)
        self.client.flush()

    def _look(self) -> list[Any]:
        self.take(whole_frames(bytes(self.client.streams[self.stream].body)))
        return self.messages

    async def received(self, count: int) -> list[Any]:
        await self.client.until(lambda: len(self._look()) >= count)
        return self.messages

    async def ended(self) -> int:
        stream = await self.client.response(self.stream)
        frames = split_frames(bytes(stream.body))
        self.take(frames)
        last = stream.blocks[-1]
        if "grpc-status" in last:
            self.code, self.text = int(last["grpc-status"]), last.get("grpc-message", "")
        else:
            assert frames[-1][0] == _END
            self.take_end(frames[-1][1])
        assert self.code is not None
        return self.code


@dataclass
class Over1(Running):
    """Over HTTP/1.1, in chunks."""

    client: Http1Client = field(kw_only=True)
    head: Response | None = None
    body: bytes = b""

    def write(self, data: bytes) -> None:
        self.client.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.client.send(b"0\r\n\r\n")

    async def _begin(self) -> None:
        if self.head is None:
            self.head = await self.client.head()
            assert self.head.status == 200
            self._chunks = self.client.chunks() if self.head.field("transfer-encoding") else self._whole(self.head)

    async def _whole(self, head: Response) -> AsyncIterator[bytes]:
        yield await self.client.reader.readexactly(int(head.field("content-length") or ""))

    async def received(self, count: int) -> list[Any]:
        await self._begin()
        while len(self.messages) < count:
            self.body += await asyncio.wait_for(anext(self._chunks), PATIENCE)
            self.take(whole_frames(self.body))
        return self.messages

    async def ended(self) -> int:
        await self._begin()
        async for chunk in self._chunks:
            self.body += chunk
        frames = split_frames(self.body)
        self.take(frames)
        assert frames[-1][0] == _END
        self.take_end(frames[-1][1])
        assert self.code is not None
        return self.code


WAYS = ("gRPC", "Connect over HTTP/2", "Connect over HTTP/1.1")
FULL_DUPLEX = WAYS[:2]
_CONNECT = ("content-type", "application/connect+proto")


@asynccontextmanager
async def begin(way: str, port: int, method: str, *fields: tuple[str, str]) -> AsyncIterator[Running]:
    """Begin a call of a method that has a stream."""
    path = kinds.path(method)
    if way == "Connect over HTTP/1.1":
        async with http1_client.connect(port) as client1:
            client1.send(request("POST", path, _CONNECT, *fields, ("transfer-encoding", "chunked")))
            yield Over1(client=client1)
        return
    content_type = ("content-type", "application/grpc") if way == "gRPC" else _CONNECT
    async with http2_client.connect(port) as client:
        stream = client.request(head("POST", path, content_type, *fields), end=False)
        client.flush()
        yield Over2(client=client, stream=stream)


def timeout(way: str, milliseconds: int) -> tuple[str, str]:
    """Return the header of a deadline."""
    return ("grpc-timeout", f"{milliseconds}m") if way == "gRPC" else ("connect-timeout-ms", f"{milliseconds}")
