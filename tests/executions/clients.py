"""Calls over sockets: begun, looked at while they run, and waited for or left.

async with begin(server, protocol, call) as running:
    …
    answer = await running.ended()
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import grpc
import h11
from google.rpc import status_pb2

from tests.executions.protocols import HTTP, NATIVE, Answer, Http, response_class
from tests.support.clients.http import Reply
from tests.support.servers.actiond import ServerProcess
from tests.support.wire.calls import Call

PATIENCE = 40.0
"""Seconds that a call may take before it is taken to hang."""


class Running(Protocol):
    """A call whose request is sent."""

    async def ended(self) -> Answer:
        """Waits for the end."""

    def leave(self) -> None:
        """Goes away without waiting for it."""


def begin(server: ServerProcess, protocol: str, call: Call) -> AbstractAsyncContextManager[Running]:
    """Sends the call, on a connection of its own."""
    if protocol == NATIVE:
        return _begin_native(server.grpc_target, call)
    return _begin_http(server.http_port, call, HTTP[protocol])


@asynccontextmanager
async def _begin_native(address: str, call: Call) -> AsyncIterator["_NativeCall"]:
    # Channels of one process share their connections unless told otherwise.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    async with asyncio.timeout(PATIENCE), grpc.aio.insecure_channel(address, options) as channel:
        yield _NativeCall(channel, call)


class _NativeCall:
    """grpcio's own client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        read = response_class(call.method).FromString
        invoke: Any = channel.unary_unary(call.rpc_path, type(call.request).SerializeToString, read)
        self._call = invoke(call.request, metadata=tuple(call.metadata), timeout=call.seconds)

    async def ended(self) -> Answer:
        try:
            response = await self._call
        except grpc.aio.AioRpcError:
            response = None  # the call itself knows how it ended
        initial, trailing = await self._call.initial_metadata(), dict(await self._call.trailing_metadata() or ())
        status = status_pb2.Status(code=(await self._call.code()).value[0], message=await self._call.details() or "")
        if "grpc-status-details-bin" in trailing:
            rich = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
            assert (rich.code, rich.message) == (status.code, status.message)
            status = rich
        raw = repr((initial, trailing)).encode() + status.SerializeToString()
        return Answer(status, response, trailing, raw)

    def leave(self) -> None:
        self._call.cancel()


@asynccontextmanager
async def _begin_http(port: int, call: Call, protocol: Http) -> AsyncIterator["_HttpCall"]:
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield _HttpCall(reader, writer, call, protocol)
        finally:
            writer.close()


class _HttpCall:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call, protocol: Http) -> None:
        self._reader = reader
        self._writer = writer
        self._call = call
        self._protocol = protocol
        self._http = h11.Connection(h11.CLIENT)
        request = protocol.write(call)
        headers = [("host", "localhost"), ("content-length", str(len(request.body))), *request.headers]
        self._send(h11.Request(method=request.verb, target=request.path, headers=headers))
        self._send(h11.Data(request.body))
        self._send(h11.EndOfMessage())

    def _send(self, event: Any) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def ended(self) -> Answer:
        head: h11.Response | None = None
        body = b""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            else:
                assert isinstance(event, h11.Data), event
                body += event.data
        assert head is not None
        headers = [(key.decode(), value.decode()) for key, value in head.headers]
        return self._protocol.read(self._call, Reply(head.status_code, headers, body))

    async def _next(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(65536))
        return event

    def leave(self) -> None:
        self._writer.close()
