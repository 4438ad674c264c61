"""Floods, and clients that read slowly or not at all: bounded in memory and time, while other clients go on."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from urllib.parse import quote

import hpack
import pytest
from hyperframe.frame import (
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from rpcfront import ConnectionLimits
from rpcfront.listener.engine import ENHANCE_YOUR_CALM
from rpcfront.listener.http2 import SHORT_LIVED_SECONDS
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.process import LARGE, MIB, ServerProcess, server_process
from tests.support.clients import http1_client, http2_client
from tests.support.clients.http1_client import request
from tests.support.clients.http2_client import Http2Connection, grpc_head, head
from tests.support.wire.grpc_web import frame

LIMITS = ConnectionLimits(
    head_seconds=1.0,
    # Longer than the other client's calls are apart on a busy machine, for its loop is also that of the floods.
    http2_idle_seconds=5.0,
    ping_seconds=30.0,
    write_seconds=1.5,
    streams=100,
)
BOUND = 24 * MIB
"""How much more memory one client may cost: its buffers, and what the allocator keeps of them."""
WINDOW = SettingsFrame.INITIAL_WINDOW_SIZE


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process(LIMITS) as server:
        yield server


@asynccontextmanager
async def bounded(server: ServerProcess, bound: int = BOUND) -> AsyncIterator[None]:
    """Check that memory stays bounded, that nothing is logged, and that another client is served meanwhile."""
    logged = server.log.read_text()
    waits: list[float] = []
    calling = asyncio.create_task(_call(server.port, waits))
    before = server.begin()
    try:
        yield
        calls = len(waits)
        async with asyncio.timeout(10):
            while len(waits) < calls + 3 and not calling.done():  # noqa: ASYNC110  # nothing tells of a call
                await asyncio.sleep(0.01)
        if calling.done():
            await calling  # what has failed
    finally:
        calling.cancel()
    assert max(waits) < 4
    assert server.peak() - before < bound
    assert server.log.read_text() == logged


async def _call(port: int, waits: list[float]) -> None:
    """Make calls over a connection of each version, and note how long they take."""
    async with http1_client.connect(port) as http1, http2_client.connect(port) as http2:
        while True:
            start = time.monotonic()
            assert await http1.goes_on()
            assert (await http2.get()).status == 200
            waits.append(time.monotonic() - start)
            await asyncio.sleep(0.02)


# Floods of frames.


def rapid_resets(client: Http2Connection) -> bytes:
    frames = []
    for _ in range(200):
        stream = client.request(head("GET", "/wait"))
        client.reset(stream)
        frames.append(bytes(client.out))
        client.out.clear()
    return b"".join(frames)


def continuations(client: Http2Connection) -> bytes:
    if 1 not in client.streams:
        client.streams[1] = http2_client.Stream()
        client.frame(HeadersFrame(1, client.encode(head()), flags=[]))
    return _raw(9, 0, 1, client.encode([("x-a", "a" * 100)])) * 500


def empty_continuations(client: Http2Connection) -> bytes:
    if 1 not in client.streams:
        client.streams[1] = http2_client.Stream()
        client.frame(HeadersFrame(1, client.encode(head()), flags=[]))
    return _raw(9, 0, 1, b"") * 5000


def empty_data(client: Http2Connection) -> bytes:
    if not client.streams:
        client.request(head("POST", "/wait"), end=False)
    return DataFrame(1).serialize() * 5000


def window_updates(client: Http2Connection) -> bytes:
    if not client.streams:
        client.request(head("GET", "/wait"), end=False)
    return WindowUpdateFrame(1, 1).serialize() * 5000


def refused_streams(client: Http2Connection) -> bytes:
    return _raw(1, 5, 0, b"") + b"".join(
        HeadersFrame(2 * number + 1, hpack.Encoder().encode(head("GET", "/wait")), flags=["END_HEADERS"]).serialize()
        for number in range(300)
    )


def _raw(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


FLOODS: dict[str, Callable[[Http2Connection], bytes]] = {
    "rapid resets": rapid_resets,
    "CONTINUATION": continuations,
    "empty CONTINUATION": empty_continuations,
    "PING": lambda _: PingFrame(0, b"pingpong").serialize() * 5000,
    "acknowledged PING": lambda _: PingFrame(0, b"pingpong", flags=["ACK"]).serialize() * 5000,
    "SETTINGS": lambda _: SettingsFrame(0, settings={WINDOW: 100}).serialize() * 5000,
    "empty SETTINGS": lambda _: SettingsFrame(0).serialize() * 5000,
    "acknowledged SETTINGS": lambda _: SettingsFrame(0, flags=["ACK"]).serialize() * 5000,
    "empty DATA": empty_data,
    "window updates": window_updates,
    "PRIORITY": lambda _: PriorityFrame(3, depends_on=1, stream_weight=1).serialize() * 5000,
    "resets of no stream": lambda _: RstStreamFrame(1, 8).serialize() * 5000,
    "frames that nobody knows": lambda _: _raw(0xEE, 0xFF, 0, b"what") * 5000,
    "streams over the limit": refused_streams,
}


@pytest.mark.parametrize("reads", [True, False], ids=["read", "unread"])
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_frames_is_bounded(server: ServerProcess, flood: str, reads: bool) -> None:
    async with bounded(server), http2_client.connect(server.port, receive_buffer=None if reads else 8192) as client:
        await client.until(lambda: client.settings_acks)
        reading = asyncio.create_task(client.until_closed()) if reads else None
        sent, end = 0, time.monotonic() + 1.2
        try:
            async with asyncio.timeout(1.5):  # a server that reads no more has ended the flood, too
                while not client.has_ended and time.monotonic() < end and sent < 20 * MIB:
                    client.out += FLOODS[flood](client)
                    sent += len(client.out)
                    await client.drain()
                    await asyncio.sleep(0)
        except (ConnectionError, TimeoutError):
            pass
        if reading is not None:
            reading.cancel()
        client.leave()


def have_ended(client: Http2Connection, streams: list[int]) -> bool:
    return all(client.streams[stream].has_ended for stream in streams)


async def test_a_client_that_gives_up_what_it_begins_is_sent_away(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        client.out += b"".join(rapid_resets(client) for _ in range(6))
        await client.until_closed()
        assert client.goaways[-1][1] == ENHANCE_YOUR_CALM


async def test_a_client_may_reset_as_many_streams_as_it_likes_that_have_their_response(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        for _ in range(60):
            # As gRPC clients do with a call that ends before their last message, and Envoy with a processor's streams.
            streams = [client.request(grpc_head("/no.Service/Method"), end=False) for _ in range(50)]
            await client.until(partial(have_ended, client, streams))
            for stream in streams:
                client.reset(stream)
        assert (await client.get()).status == 200
        assert client.goaways == []


async def test_a_client_that_waits_for_half_of_its_responses_may_give_up_the_others(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        for _ in range(60):
            streams = [client.request(head("GET", "/wait")) for _ in range(30)]
            others = [client.request(head("GET", "/healthz")) for _ in range(31)]
            await client.until(partial(have_ended, client, others))
            for stream in streams:
                client.reset(stream)
        assert (await client.get()).status == 200
        assert client.goaways == []


async def test_requests_that_are_given_up_later_may_be_many(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        for _ in range(30):
            # As the many clients of a proxy do, which shares a connection among them.
            streams = [client.request(head("GET", "/wait")) for _ in range(50)]
            await client.get()  # they have arrived
            await asyncio.sleep(2 * SHORT_LIVED_SECONDS)
            for stream in streams:
                client.reset(stream)
        assert (await client.get()).status == 200
        assert client.goaways == []


def bomb(name: str) -> list[tuple[str, str]]:
    return [(name, "a" * 4000)]


async def test_a_small_block_of_fields_that_unpacks_to_a_large_one_is_refused(server: ServerProcess) -> None:
    async with bounded(server):
        for _ in range(10):
            async with http2_client.connect(server.port) as client:
                assert (await client.response(client.request(head("GET", "/healthz", *bomb("x-a"))))).status == 200
                # One byte each for the field that is in the table.
                client.request(head("GET", "/healthz", *bomb("x-a") * 10_000))
                await client.until_closed()


async def test_blocks_of_fields_that_unpack_to_large_ones_are_refused_one_by_one(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        for _ in range(300):
            stream = await client.response(client.request(head("GET", "/healthz", *bomb("x-a") * 25)))
            assert stream.status == 431
        assert (await client.get()).status == 200


async def test_a_connection_keeps_no_more_of_hpacks_table_than_was_announced(server: ServerProcess) -> None:
    async with bounded(server):
        clients = []
        for _ in range(100):
            context = http2_client.connect(server.port)
            client = await context.__aenter__()
            for number in range(20):
                client.request(head("GET", "/healthz", (f"x-{number}", "a" * 4000)))
            client.flush()
            clients.append((context, client))
        await asyncio.sleep(0.5)
        for context, _ in clients:
            await context.__aexit__(None, None, None)


# Responses that nobody reads.


LARGE_MESSAGES = "/v1/many?count=1000&data=" + quote("A" * 40_000)


@pytest.mark.parametrize("path", ["/large", LARGE_MESSAGES], ids=["whole", "streamed"])
@pytest.mark.parametrize("settings", [{}, {WINDOW: 0}, {WINDOW: 2**24}], ids=["some", "no window", "much window"])
async def test_responses_on_100_streams_that_nobody_reads_are_bounded(
    server: ServerProcess, path: str, settings: dict[int, int]
) -> None:
    async with (
        bounded(server),
        http2_client.connect(server.port, settings, opens_windows=False, receive_buffer=8192) as client,
    ):
        if WINDOW in settings:
            client.open_window(0, 2**24)
        streams = [client.request(head("GET", path)) for _ in range(100)]
        await client.drain()
        # What came within the window of the connection.
        await client.until(lambda: client.streams[streams[0]].blocks)
        assert client.streams[streams[0]].status == 200
        await asyncio.sleep(1)
        client.leave()


@pytest.mark.parametrize("path", ["/large", LARGE_MESSAGES], ids=["whole", "streamed"])
async def test_pipelined_responses_that_nobody_reads_are_bounded(server: ServerProcess, path: str) -> None:
    async with bounded(server), http1_client.connect(server.port, receive_buffer=8192) as client:
        client.send(request("GET", path) * 200)
        await asyncio.sleep(1)
        client.leave()


async def test_5000_pipelined_requests_in_one_write_are_bounded(server: ServerProcess) -> None:
    async with bounded(server), http1_client.connect(server.port) as client:
        client.send(request("GET", "/healthz", ("x-a", "a" * 200)) * 5000)
        for _ in range(5000):
            assert (await client.response()).status == 200


async def test_pipelined_requests_behind_a_slow_one_are_bounded(server: ServerProcess) -> None:
    async with bounded(server), http1_client.connect(server.port) as client:
        client.send(request("GET", "/wait"))
        sending = asyncio.create_task(_send(client, request("GET", "/healthz") * 10_000))
        await asyncio.sleep(1)
        assert not sending.done(), "the server reads on although it has enough to do"
        sending.cancel()
        client.leave()


async def _send(client: http1_client.Http1Client, data: bytes) -> None:
    while True:
        client.send(data)
        await client.drain()


async def test_windows_that_open_by_a_byte_at_a_time_are_bounded(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port, {WINDOW: 0}, opens_windows=False) as client:
        streams = [client.request(head("GET", LARGE_MESSAGES)) for _ in range(100)]
        for _ in range(30):
            for stream in streams:
                client.open_window(stream, 1)
            await client.drain()
            await asyncio.sleep(0.03)
        client.leave()


async def test_a_window_that_opens_and_shrinks_is_no_progress_beyond_what_was_sent(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port, opens_windows=False) as client:
        stream = client.request(head("GET", "/large"))
        for _ in range(200):
            client.frame(SettingsFrame(0, settings={WINDOW: 0}))
            client.frame(SettingsFrame(0, settings={WINDOW: 70_000}))
            await client.drain()
        await client.until(lambda: len(client.streams[stream].body) >= 65_535)
        client.frame(SettingsFrame(0, settings={WINDOW: LARGE}))
        client.open_window(0, LARGE)
        assert len((await client.response(stream)).body) == LARGE


@pytest.mark.parametrize("settings", [{WINDOW: 0}, {}], ids=["no window", "unread"])
async def test_a_client_that_takes_nothing_is_cut_off(server: ServerProcess, settings: dict[int, int]) -> None:
    async with bounded(server), http2_client.connect(server.port, settings, opens_windows=False) as client:
        streams = [client.request(head("GET", LARGE_MESSAGES)) for _ in range(5)]
        client.answers_pings = True
        await client.until_closed(6)
        begun = [client.streams[stream] for stream in streams if client.streams[stream].blocks]
        assert {(stream.status, stream.is_over) for stream in begun} == {(200, False)}


# Requests that nobody reads, or that are small and many.


@pytest.mark.parametrize("streams", [1, 50])
async def test_uploads_that_no_servicer_reads_are_bounded_over_http2(server: ServerProcess, streams: int) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        await client.until(lambda: client.settings_acks)
        for _ in range(streams):
            stream = client.request(grpc_head(kinds.path("Sum"), ("x-unread", "1")), end=False)
            client.data(stream, frame(bytes(2 * MIB))[: min(client.room(stream), client.window)])
        await client.drain()
        await asyncio.sleep(0.5)
        assert client.room(stream) <= MIB
        client.leave()


async def test_uploads_that_no_servicer_reads_are_bounded_over_http1(server: ServerProcess) -> None:
    async with bounded(server), AsyncExitStack() as stack:
        sending = []
        for _ in range(10):
            client = await stack.enter_async_context(http1_client.connect(server.port))
            fields = [("content-type", "application/connect+proto"), ("x-unread", "1")]
            client.send(request("POST", kinds.path("Sum"), *fields, ("content-length", f"{2**40}")))
            sending.append(asyncio.create_task(_send(client, bytes(MIB))))
        await asyncio.sleep(1)
        assert not any(task.done() for task in sending)
        for task in sending:
            task.cancel()


@pytest.mark.parametrize("method", ["One", "Sum"])
async def test_a_small_message_that_unpacks_to_a_large_one_is_refused(server: ServerProcess, method: str) -> None:
    bomb = frame(gzip.compress(bytes(200 * MIB), 9), 1)
    assert len(bomb) < MIB
    async with bounded(server), http2_client.connect(server.port) as client:
        for _ in range(3):
            stream = client.request(grpc_head(kinds.path(method), ("grpc-encoding", "gzip")), end=False)
            await client.upload(stream, bomb)
            assert (await client.response(stream)).blocks[-1]["grpc-status"] == "8"


@pytest.mark.parametrize("message", [b"", b"\x10\1"], ids=["empty", "small"])
async def test_a_stream_of_very_many_small_requests_holds_up_nobody(server: ServerProcess, message: bytes) -> None:
    count = 100_000
    async with bounded(server), http2_client.connect(server.port) as client:
        stream = client.request(grpc_head(kinds.path("Sum")), end=False)
        await client.upload(stream, frame(message) * count)
        response = await client.response(stream)
        assert response.blocks[-1] == {"grpc-status": "0"}
        assert kinds.note_class().FromString(bytes(response.body)[5:]) == kinds.note(count=count * bool(message))


async def test_a_stream_of_very_many_small_responses_holds_up_nobody(server: ServerProcess) -> None:
    async with bounded(server), http2_client.connect(server.port) as client:
        stream = client.request(head("GET", "/v1/many?count=50000"))
        assert (await client.response(stream)).body.count(b"\n") == 50_000


# Connections on which nothing happens.


SILENT = {
    "nothing": b"",
    "a byte of HTTP/1.1": b"G",
    "a byte of the preface": b"P",
    "half the preface": http2_client.PREFACE[:12],
    "the preface": http2_client.PREFACE,
    "the preface and SETTINGS": http2_client.PREFACE + SettingsFrame(0).serialize(),
    "half the SETTINGS": http2_client.PREFACE + SettingsFrame(0, settings={1: 1}).serialize()[:11],
    "half a frame": http2_client.PREFACE + SettingsFrame(0).serialize() + PingFrame(0, b"pingpong").serialize()[:12],
    "half a block of fields": (
        http2_client.PREFACE
        + SettingsFrame(0).serialize()
        + HeadersFrame(1, hpack.Encoder().encode(head())).serialize()
    ),
}


@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT.keys())
async def test_a_silent_connection_is_closed(server: ServerProcess, sent: bytes) -> None:
    async with bounded(server):
        await _sees_the_end(server.port, sent, 8)


async def _sees_the_end(port: int, sent: bytes, seconds: float) -> None:
    async with http1_client.connect(port) as client:
        client.send(sent)
        try:
            await asyncio.wait_for(client.reader.read(), seconds)
        except ConnectionError:
            return


@pytest.mark.parametrize(
    "trickle", [b"\r\n", b"x", WindowUpdateFrame(0, 1).serialize(), PingFrame(0, b"pingpong").serialize()]
)
async def test_a_connection_that_only_trickles_is_closed(server: ServerProcess, trickle: bytes) -> None:
    is_http2 = len(trickle) > 2
    begin = (
        http2_client.PREFACE + SettingsFrame(0).serialize() if is_http2 else b"GET / HTTP/1.1\r\n" * (trickle == b"x")
    )

    async def drip(client: http1_client.Http1Client) -> None:
        while True:
            client.send(trickle)
            await asyncio.sleep(0.1)

    async with bounded(server), http1_client.connect(server.port) as client:
        client.send(begin)
        dripping = asyncio.create_task(drip(client))
        try:
            await asyncio.wait_for(client.reader.read(), 8)
        except ConnectionError:
            pass
        finally:
            dripping.cancel()


async def test_many_silent_connections_cost_little(server: ServerProcess) -> None:
    async with bounded(server):
        writers = []
        for number in range(400):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write([b"", b"GET / HTTP/1.1\r\n", http2_client.PREFACE, b"P"][number % 4])
            writers.append(writer)
        await asyncio.sleep(0.3)
        for writer in writers:
            writer.close()
