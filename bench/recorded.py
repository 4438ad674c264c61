"""What the gateway writes in answer to one request over each protocol, for the servers that answer constant bytes."""

import asyncio
from dataclasses import dataclass

import ngh2

from bench import gateway_server
from bench.load import CallError
from bench.requests import JSON, JSON_PATH, JSON_TYPE, METHOD, PROTOBUF, WEB, WEB_TYPE, frame
from bench.subjects import post

REQUESTS = {JSON_PATH: post(JSON_PATH, JSON_TYPE, JSON), METHOD: post(METHOD, WEB_TYPE, WEB)}
"""The requests over HTTP/1.1, JSON's and gRPC-Web's, by path."""
_HEADERS = {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "127.0.0.1",
    ":path": METHOD,
    "content-type": "application/grpc",
    "te": "trailers",
}

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class GrpcAnswer:
    headers: Fields
    body: bytes
    trailers: Fields


@dataclass(frozen=True, slots=True)
class Recorded:
    http1: dict[str, bytes]
    """The whole response, its head included, by the path of the request."""
    grpc: GrpcAnswer


async def record() -> Recorded:
    """Serve the gateway as long as it takes to ask it."""
    async with gateway_server.serve() as (port, _):
        http1 = {path: await _over_http1(port, request) for path, request in REQUESTS.items()}
        return Recorded(http1, await _over_grpc(port))


async def _over_http1(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    _, found, rest = head.lower().partition(b"\r\ncontent-length: ")
    if not found:
        raise CallError(f"a response of unknown length: {head!r}")
    body = await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    writer.close()
    return head + body


async def _over_grpc(port: int) -> GrpcAnswer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = ngh2.Connection(ngh2.Role.CLIENT)
    connection.initiate_connection()
    stream = connection.send_request([(name.encode(), value.encode()) for name, value in _HEADERS.items()])
    connection.send_data(stream, frame(0, PROTOBUF), end_stream=True)
    headers: Fields = ()
    trailers: Fields = ()
    body = b""
    is_open = True
    while is_open:
        writer.write(connection.data_to_send())
        received = await reader.read(65_536)
        if not received:
            raise CallError("the gateway closed the connection")
        connection.receive_data(received)
        for event in connection.events():
            match event:
                case ngh2.ResponseReceived():
                    headers = event.headers
                case ngh2.DataReceived():
                    body += event.data
                case ngh2.TrailersReceived():
                    trailers = event.headers
                case ngh2.StreamClosed():
                    is_open = False
    writer.close()
    return GrpcAnswer(headers, body, trailers)
