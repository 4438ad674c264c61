"""How long connections of HTTP/2 stay, and what streams that end early leave behind on them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hpack
import pytest
from hyperframe.frame import (
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from rpcfront import ConnectionLimits, Gateway
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.kinds import note
from tests.rpcfront.listener.listening import listening
from tests.support.clients.http2_client import Http2Connection, connect, grpc_head, head
from tests.support.wire.grpc_web import frame

HASTY = ConnectionLimits(head_seconds=0.4, http2_idle_seconds=60.0)
WINDOW = SettingsFrame.INITIAL_WINDOW_SIZE
JSON = ("content-type", "application/json")
UNKNOWN = b"\0\0\x04\xfa\0\0\0\0\0what"


def gateway(servicer: Any = None) -> Gateway:
    return Gateway(services=[(kinds.service(), servicer or kinds.Iterators())])


def serialized(*frames: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in frames)


async def begin(client: Http2Connection) -> None:
    """Make a request, and wait until the server has read all that belongs to it: what follows comes by itself."""
    assert (await client.get("/nowhere")).status == 404
    client.ping()
    await client.until(lambda: client.pongs)


WHOLE = {
    "PING": serialized(PingFrame(0, b"pingpong")),
    "SETTINGS": serialized(SettingsFrame(0)),
    "PRIORITY": serialized(PriorityFrame(3, depends_on=1, stream_weight=1)),
    "an unknown frame": UNKNOWN,
    "a window of a stream that is over": serialized(WindowUpdateFrame(1, 100)),
    "a reset of a stream that is over": serialized(RstStreamFrame(1, 8)),
    "several": UNKNOWN * 3 + serialized(WindowUpdateFrame(1, 100), PriorityFrame(3, depends_on=1, stream_weight=1)),
}
HALF = {
    "half the head of a frame": UNKNOWN[:5],
    "half a frame": UNKNOWN[:11],
    "a whole frame and half of another": UNKNOWN + UNKNOWN[:11],
    "half a block of fields": serialized(HeadersFrame(3, hpack.Encoder().encode(head()))),
}


@pytest.mark.parametrize("sent", WHOLE.values(), ids=WHOLE.keys())
async def test_an_idle_connection_stays_though_a_frame_has_come(sent: bytes) -> None:
    async with listening(gateway(), HASTY) as server, connect(server.port) as client:
        await begin(client)
        client.out += sent
        with pytest.raises(TimeoutError):
            await client.until_closed(4 * HASTY.head_seconds)
        assert (await client.get("/nowhere")).status == 404


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF.keys())
async def test_an_idle_connection_on_which_a_frame_stops_is_closed(sent: bytes) -> None:
    async with listening(gateway(), HASTY) as server, connect(server.port) as client:
        await begin(client)
        client.out += sent
        await client.until_closed(20 * HASTY.head_seconds)


async def test_the_end_of_a_body_behind_the_response_is_no_reset() -> None:
    async with listening(gateway()) as server, connect(server.port) as client:
        stream = client.request(head("POST", "/nowhere", JSON), end=False)
        assert (await client.response(stream)).status == 404
        client.frame(DataFrame(stream, b"{}", flags=["END_STREAM"]))
        assert (await client.get("/nowhere")).status == 404
        with pytest.raises(TimeoutError):
            await client.until(lambda: client.streams[stream].reset is not None, 0.5)


async def test_an_upload_that_goes_on_behind_the_response_is_reset() -> None:
    async with listening(gateway()) as server, connect(server.port) as client:
        stream = client.request(head("POST", "/nowhere", JSON), end=False)
        assert (await client.response(stream)).status == 404
        await client.until(lambda: client.streams[stream].reset == 0)


class Large(kinds.Iterators):
    """Whose stream has one message that the engine takes, and one that is larger than all that a connection keeps."""

    async def Many(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield note(data=bytes(70_000))
        await asyncio.sleep(0.05)  # until it has been taken
        yield note(data=bytes(600_000))
        await asyncio.Event().wait()


async def test_a_cancelled_stream_leaves_its_room_to_the_next() -> None:
    async with listening(gateway(Large())) as server, connect(server.port, {WINDOW: 0}, opens_windows=False) as client:
        stream = client.request(grpc_head(kinds.path("Many")), end=False)
        client.data(stream, frame(b""), end=True)
        await client.until(lambda: client.streams[stream].blocks)
        await asyncio.sleep(0.2)  # until it waits for the window, which nobody can see
        client.reset(stream)
        client.frame(SettingsFrame(0, settings={WINDOW: 65_535}))
        assert (await client.get("/nowhere")).status == 404
