"""A call over native gRPC whose message does not arrive is ended in bounded time, and holds up nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
import pytest_asyncio

from tests.fuzz.cases import frames
from tests.fuzz.senders import http2
from tests.fuzz.service import gateway
from tests.support.servers.faces import grpc_server, listener

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ_SECONDS = 0.5
BOUND = READ_SECONDS + 2.0
CALM = 1.0
UNARY, STREAM = "/t.v1.T/PostAll", "/t.more.More/Lines"
MESSAGE = frames.frame(b"\x12\x64" + b"x" * 100)
CUTS = {
    "before the message": b"",
    "in the prefix": MESSAGE[:3],
    "behind the prefix": MESSAGE[:5],
    "in the message": MESSAGE[:-5],
    # A client of a unary call says at once that no other message comes; this one leaves it open.
    "before the end of the request": MESSAGE,
}


SERVERS = {"listener": listener, "grpcio": grpc_server}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=SERVERS)
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with SERVERS[request.param](gateway("on the loop", read_seconds=READ_SECONDS)) as port:
        yield port


async def _until_ended(port: int, path: str, sent: bytes) -> float:
    """Seconds until the server has ended stream 1: with trailers, or by resetting it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    writer.write(http2.opening() + http2.head(path) + (http2.frame(http2.DATA, 0, 1, sent) if sent else b""))
    while True:
        prefix = await asyncio.wait_for(reader.readexactly(9), 10)
        await reader.readexactly(int.from_bytes(prefix[:3], "big"))
        kind, flags, stream = prefix[3], prefix[4], int.from_bytes(prefix[5:], "big")
        if stream == 1 and (kind == http2.RST_STREAM or (kind == http2.HEADERS and flags & http2.END_STREAM)):
            break
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return time.monotonic() - begun


async def _call_until(port: int, done: asyncio.Event) -> float:
    """The longest that a well-behaved client waits for one of its calls."""
    longest = 0.0
    while not done.is_set():
        begun = time.monotonic()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = channel.unary_unary(UNARY)
            assert await stub(b"\x12\x01a", timeout=5) == b"\x12\x01a"
        longest = max(longest, time.monotonic() - begun)
    return longest


async def test_a_half_sent_call_is_ended_and_other_clients_notice_nothing(port: int) -> None:
    done = asyncio.Event()
    caller = asyncio.create_task(_call_until(port, done))
    rows = [(path, sent) for path in (UNARY, STREAM) for sent in CUTS.values()]
    try:
        seconds = await asyncio.gather(*(_until_ended(port, path, sent) for path, sent in rows))
    finally:
        done.set()
        longest = await caller
    assert longest < CALM
    assert max(seconds) < BOUND


@pytest.mark.parametrize("path", [UNARY, STREAM])
async def test_its_status_is_deadline_exceeded(port: int, path: str) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.stream_stream(path)()
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
