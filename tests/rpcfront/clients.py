"""Drivers: each calls over one protocol and one face, and tells how the call ended in one form for all of them.

A call is begun, looked at while it runs, and waited for or left:

    async with begin(transport, port, Call(method, request)) as running:
        await running.arrived(1)
        ended = await running.ended()
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import h11
from google.protobuf.message import Message
from google.rpc import status_pb2

from tests.rpcfront.servicers import service
from tests.support.clients.http import Reply
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import echo
from tests.support.wire.calls import Call, Ended
from tests.support.wire.protocols import STREAMING_WIRES, WIRES, Wire

PATIENCE = 20.0
"""Seconds that a call may take before it is taken to hang."""


@dataclass(frozen=True)
class Transport:
    """A protocol, over one of the gateway's faces."""

    face: str
    protocol: str

    def __str__(self) -> str:
        return self.protocol if self.face == self.protocol else f"{self.face} {self.protocol}"


NATIVE = Transport("grpc", "grpc")
"""grpcio's own server: what the gateway is compared with."""
GRPC = [NATIVE, Transport("listener", "grpc")]
UNARY = [*GRPC, *(Transport(face, wire) for face in HTTP_FACES for wire in WIRES)]
STREAMING = [*GRPC, *(Transport(face, wire) for face in HTTP_FACES for wire in STREAMING_WIRES)]


def forms_of(transport: Transport) -> tuple[str, ...]:
    """The forms of servicers that can be called: not every protocol has streams."""
    return (*service.UNARY, *(service.STREAMING if transport in STREAMING else ()))


class Running(Protocol):
    """A call that was begun."""

    async def arrived(self, count: int) -> list[Message]:
        """Waits until so many messages of the stream are here, and answers them."""

    async def ended(self) -> Ended:
        """Waits for the end."""

    def leave(self) -> None:
        """Goes away in the middle, without a word more than the protocol has for it."""


def begin(transport: Transport, port: int, call: Call) -> AbstractAsyncContextManager[Running]:
    """Sends the call's request."""
    if transport in GRPC:
        return _begin_native(port, call)
    return _begin_http(port, call, WIRES[transport.protocol])


async def invoke(transport: Transport, port: int, call: Call) -> Ended:
    """A whole call."""
    async with begin(transport, port, call) as running:
        return await running.ended()


@asynccontextmanager
async def _begin_native(port: int, call: Call) -> AsyncIterator["NativeCall"]:
    # Channels of one process share their connections unless told otherwise.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    async with asyncio.timeout(PATIENCE), grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield NativeCall(channel, call)


class NativeCall:
    """grpc.aio's own client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._is_stream = call.method.server_streaming
        invoke = channel.unary_stream if self._is_stream else channel.unary_unary
        # One call for both kinds; the stubs tell them apart.
        invoke_any: Any = invoke(call.rpc_path, bytes, echo.note_class().FromString)
        data = call.request.SerializeToString()
        self._call = invoke_any(data, metadata=tuple(call.metadata), timeout=call.seconds)
        self._messages: list[Message] = []

    async def arrived(self, count: int) -> list[Message]:
        while len(self._messages) < count:
            message = await self._call.read()
            assert message is not grpc.aio.EOF, f"the stream ended with {len(self._messages)} messages"
            self._messages.append(message)
        return self._messages

    async def ended(self) -> Ended:
        try:
            if self._is_stream:
                while (message := await self._call.read()) is not grpc.aio.EOF:
                    self._messages.append(message)
            else:
                self._messages.append(await self._call)
        except grpc.aio.AioRpcError:
            pass  # the call itself knows how it ended
        status = status_pb2.Status(code=(await self._call.code()).value[0], message=await self._call.details() or "")
        trailing: list[Any] = list(await self._call.trailing_metadata() or ())
        for pair in [pair for pair in trailing if pair[0] == "grpc-status-details-bin"]:
            trailing.remove(pair)
            rich = status_pb2.Status.FromString(pair[1])
            assert (rich.code, rich.message) == (status.code, status.message)
            status = rich
        return Ended(status, self._messages, list(await self._call.initial_metadata() or ()), trailing)

    def leave(self) -> None:
        self._call.cancel()


@asynccontextmanager
async def _begin_http(port: int, call: Call, wire: Wire) -> AsyncIterator["HttpCall"]:
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield HttpCall(reader, writer, call, wire)
        finally:
            writer.close()


class HttpCall:
    """One HTTP/1.1 request on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call, wire: Wire) -> None:
        self._reader = reader
        self._writer = writer
        self._call = call
        self._wire = wire
        self._http = h11.Connection(h11.CLIENT)
        self._head: h11.Response | None = None
        self._body = b""
        request = wire.write(call)
        headers = [("host", "localhost"), ("content-length", str(len(request.body))), *request.headers]
        self._send(h11.Request(method="POST", target=request.path, headers=headers))
        self._send(h11.Data(request.body))
        self._send(h11.EndOfMessage())

    def _send(self, event: Any) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def arrived(self, count: int) -> list[Message]:
        while True:
            if self._head is not None:
                messages = self._wire.messages(self._reply())
                if len(messages) >= count:
                    return messages
            assert await self._more(), "the stream ended early"

    async def ended(self) -> Ended:
        while await self._more():
            pass
        return self._wire.ended(self._call, self._reply())

    def leave(self) -> None:
        self._writer.close()

    async def _more(self) -> bool:
        """Reads on by one event of HTTP. Answers whether there is more to come."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(65536))
        if isinstance(event, h11.Response):
            self._head = event
        elif isinstance(event, h11.Data):
            self._body += event.data
        else:
            assert isinstance(event, h11.EndOfMessage), event
            assert not event.headers, "HTTP trailers are not asked for"
            return False
        return True

    def _reply(self) -> Reply:
        assert self._head is not None
        headers = [(key.decode(), value.decode()) for key, value in self._head.headers]
        return Reply(self._head.status_code, headers, self._body)
