"""The same edges over real sockets: the listener, uvicorn, cheroot, grpc.aio, each with clients that say anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import grpc

from tests.fuzz import refusals
from tests.fuzz.cases.inputs import GrpcInput, HttpInput
from tests.fuzz.runs import Send
from tests.fuzz.senders import http2_client
from tests.fuzz.senders.answers import Answer, GrpcAnswer, ServersOwn
from tests.fuzz.senders.http1 import Connection
from tests.fuzz.senders.http2_client import Http2Connection
from tests.fuzz.service import STYLES, gateway, methods
from tests.support.servers.faces import HTTP_FACES, grpc_server, listener

STYLE_OF = dict(zip(("asgi", "listener", "wsgi"), STYLES, strict=True))

# The gateway never refuses anything in such a form; other servers do before they hand a request over.
_SERVERS_TYPES: tuple[list[str], ...] = ([], ["text/plain"], ["text/plain; charset=utf-8"])


async def _http(connection: Connection, face: str, request: HttpInput) -> Answer | None:
    answer = await connection.call(request)
    if answer is None:
        return None
    if face == "listener":
        return refusals.checked(request, answer)
    if answer.status >= 400 and answer.values("content-type") in _SERVERS_TYPES:
        return ServersOwn(answer.status)
    return answer


@asynccontextmanager
async def http_ports(read_seconds: float = 5.0) -> AsyncIterator[dict[str, int]]:
    """A server of every HTTP face."""
    async with AsyncExitStack() as stack:
        ports = {}
        for face, server in HTTP_FACES.items():
            served = gateway(STYLE_OF[face], read_seconds=read_seconds)
            ports[face] = await stack.enter_async_context(server(served))
        yield ports


@asynccontextmanager
async def http_senders() -> AsyncIterator[dict[str, Send]]:
    """One kept connection to each, and one to the listener over HTTP/2."""
    async with http_ports() as ports:
        connections = {face: Connection(port) for face, port in ports.items()}
        http2 = Http2Connection(ports["listener"])
        yield {
            **{face: partial(_http, connection, face) for face, connection in connections.items()},
            "listener, HTTP/2": partial(http2_client.http, http2),
        }
        for connection in connections.values():
            await connection.close()
        await http2.close()


@asynccontextmanager
async def grpc_senders() -> AsyncIterator[dict[str, Send]]:
    """One channel to a server with servicers of each style: of grpcio, and the listener."""
    async with AsyncExitStack() as stack:
        senders: dict[str, Send] = {}
        for style in STYLES:
            for name, server in (("grpcio", grpc_server), ("listener", listener)):
                port = await stack.enter_async_context(server(gateway(style)))
                channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
                senders[f"{name}, {style}"] = partial(_grpc, channel)
        yield senders


async def _grpc(channel: grpc.aio.Channel, request: GrpcInput) -> Answer | None:
    stub: Any = channel.stream_stream(request.path)
    call = stub(iter(request.messages), timeout=request.timeout, metadata=request.metadata)
    if request.leaves:
        await asyncio.sleep(0.001)
        call.cancel()
        return None
    messages: list[bytes] = []
    try:
        messages.extend([message async for message in call])
    except grpc.aio.AioRpcError:
        """Its parts are read below."""
    except asyncio.CancelledError:
        # So grpc.aio tells of the status CANCELLED as well.
        if not call.done():
            raise
    code = await call.code()
    if request.path not in methods():
        # grpcio answers it by itself, and its client reports whatever came first: that, or that it could not write on.
        return ServersOwn(code.value[0])
    initial, trailing = await call.initial_metadata() or (), await call.trailing_metadata() or ()
    return GrpcAnswer(tuple(messages), code.value[0], await call.details() or "", tuple(initial), tuple(trailing))


SENDERS = {"grpc": grpc_senders}
"""By edge; every other is HTTP's."""
