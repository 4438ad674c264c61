"""The limits: `python -m bench.constant_server`, the gateway's parsers with constant responses.

Each call gets the bytes that the gateway wrote for one such call. The protocols are plain asyncio on the gateway's
event loop, so the difference between their time and the gateway's is spent in the gateway's own code.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import httptools
import ngh2

from bench import serving
from bench.recorded import GrpcAnswer, record

_BACKLOG = 4096


class _Http1(asyncio.Protocol):
    """Reads a whole request, its fields and its body, and writes the response of its path."""

    _transport: asyncio.Transport
    _url: bytes

    def __init__(self, answers: Mapping[bytes, bytes]) -> None:
        self._answers = answers
        self._parser = httptools.HttpRequestParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._headers, self._body = [], []

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._transport.write(self._answers[self._url])


class _Http2(asyncio.Protocol):
    """Reads whole requests, opens the windows by what it has read, and answers each with a head, data and trailers."""

    _transport: asyncio.Transport

    def __init__(self, answer: GrpcAnswer) -> None:
        self._answer = answer
        self._bodies: dict[int, list[bytes]] = {}
        # The gateway opens windows itself too, or it could not hold clients back.
        self._connection = ngh2.Connection(ngh2.Role.SERVER, ngh2.Configuration(auto_window_update=False))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connection.initiate_connection()
        self._transport.write(self._connection.data_to_send())

    def data_received(self, data: bytes) -> None:
        connection = self._connection
        connection.receive_data(data)
        for event in connection.events():
            match event:
                case ngh2.RequestReceived():
                    self._bodies[event.stream_id] = []
                case ngh2.DataReceived():
                    stream = event.stream_id
                    self._bodies[stream].append(event.data)
                    connection.acknowledge_received_data(len(event.data), stream)
                    if event.end_stream:
                        self._respond(stream)
        self._transport.write(connection.data_to_send())

    def _respond(self, stream: int) -> None:
        del self._bodies[stream]
        self._connection.send_response(stream, self._answer.headers)
        self._connection.send_data(stream, self._answer.body)
        self._connection.send_trailers(stream, self._answer.trailers)


@asynccontextmanager
async def _serve() -> AsyncIterator[serving.Ports]:
    answers = await record()
    by_url = {path.encode(): answer for path, answer in answers.http1.items()}
    loop = asyncio.get_running_loop()
    grpc = await loop.create_server(lambda: _Http2(answers.grpc), "127.0.0.1", 0, backlog=_BACKLOG)
    http = await loop.create_server(lambda: _Http1(by_url), "127.0.0.1", 0, backlog=_BACKLOG)
    yield grpc.sockets[0].getsockname()[1], http.sockets[0].getsockname()[1]
    grpc.close()
    http.close()


if __name__ == "__main__":
    serving.run(_serve())
