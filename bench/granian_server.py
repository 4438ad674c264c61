"""The peer on granian, an HTTP server written in Rust: `python -m bench.granian_server`, an RSGI application.

It reads each body and returns the gateway's bytes, or runs the servicer and frames what it yields: a stream without a
gateway, as grpc.aio's is.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from bench import feed, serving
from bench.recorded import record
from bench.requests import frame
from tests.support.servers.ports import free_port

_Answer = tuple[int, list[tuple[str, str]], bytes]
_OWN_HEADERS = {"content-length", "date", "server"}
"""Headers that granian writes itself."""
_STREAM_HEADERS = [("content-type", "application/grpc-web+proto")]
_TRAILERS = frame(0x80, b"grpc-status: 0\r\n")


def _parse(response: bytes) -> _Answer:
    head, _, body = response.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = [line.split(": ", 1) for line in lines]
    return int(first.split(" ")[1]), [(name, value) for name, value in fields if name not in _OWN_HEADERS], body


class _Peer:
    def __init__(self, answers: Mapping[str, _Answer]) -> None:
        self._answers = answers
        self._servicer = feed.Servicer()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        body = await protocol()
        if scope.path != feed.METHOD:
            protocol.response_bytes(*self._answers[scope.path])
            return
        transport = protocol.response_stream(200, _STREAM_HEADERS)
        async for message in self._servicer.Follow(feed.Request.FromString(body[5:]), None):
            await transport.send_bytes(frame(0, message.SerializeToString()))
        await transport.send_bytes(_TRAILERS)


@asynccontextmanager
async def _serve() -> AsyncIterator[serving.Ports]:
    peer = _Peer({path: _parse(response) for path, response in (await record()).http1.items()})
    port = free_port()
    server = Server(
        peer,
        port=port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=4096,
        backpressure=65_536,
        http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=64 * 1024),
    )
    served = asyncio.create_task(server.serve())
    await _listening(port)
    yield 0, port
    server.stop()
    await served


async def _listening(port: int) -> None:
    """Wait until the server accepts connections: granian offers nothing to await."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return


if __name__ == "__main__":
    serving.run(_serve())
