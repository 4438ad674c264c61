"""Hostile connections over HTTP/2, a batch at a time against one listener, and what must hold beside and after them.

Each connection must end within bounded time: it is alive, and answers a PING, or it is closed. Nothing is logged as an
error. A well-behaved client on connections of its own notices nothing. No connection, call or memory stays behind.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from resource import getpagesize

from rpcfront import ConnectionLimits, Gateway
from rpcfront.listener.connection import LINGER_SECONDS
from rpcfront.listener.http2 import Http2Request
from rpcfront.listener.server import Server
from tests.fuzz.cases.dice import dice_of
from tests.fuzz.cases.http2_frames import Frames, connection
from tests.fuzz.cases.inputs import GrpcInput
from tests.fuzz.logs import Aside, listening
from tests.fuzz.readings import require
from tests.fuzz.runs import Failure, Tally
from tests.fuzz.senders import http2, http2_client, memory
from tests.fuzz.senders.answers import GrpcAnswer
from tests.fuzz.senders.http1 import NotHttpError
from tests.fuzz.senders.http2_client import Http2Connection
from tests.fuzz.service import gateway

EDGE = "http2-frames"
BATCH = 200
"""Connections at once."""
BOUND = 5.0
"""Seconds in which every connection must have ended. All limits of time are a fraction of a second, unless a run is
patient: that multiplies all of them, and leaves a busy machine time to answer before a limit is reached."""
CALM = 2.0
"""The longest that the well-behaved client may wait, on a machine that answers two hundred hostile ones meanwhile."""
MAX_GROWTH = 48 * 1024 * 1024
"""Bytes by which the process may grow after its first batches, in a run of any length."""
WARM_UP = 20
"""Batches until every table and cache is filled."""

READ_SECONDS = 0.2


def _limits(patience: float) -> ConnectionLimits:
    return ConnectionLimits(
        head_seconds=0.2 * patience,
        idle_seconds=0.3 * patience,
        http2_idle_seconds=0.5 * patience,
        ping_seconds=0.3 * patience,
        pong_seconds=0.5 * patience,
        write_seconds=0.3 * patience,
    )


_PROBE = b"are you?"
_ACK = http2.frame(http2.PING, 1, 0, _PROBE)
_WELL = GrpcInput("/t.v1.T/PostAll", (), (b"\x12\x01a",))


@dataclass(frozen=True, slots=True)
class Victim:
    """A listener, and a well-behaved client of it."""

    gateway: Gateway
    server: Server
    client: Http2Connection
    patience: float


@asynccontextmanager
async def victim(patience: float) -> AsyncIterator[Victim]:
    served = gateway("on the loop", read_seconds=READ_SECONDS * patience)
    server = await served.listen(limits=_limits(patience))
    client = Http2Connection(partial(memory.open_connection, server))
    yield Victim(served, server, client, patience)
    await client.close()
    await server.drain(1)


async def run(seed: int, indices: Iterable[int], tally: Tally | None = None, *, patience: float = 1.0) -> Tally:
    """The connections with these numbers. A given tally grows meanwhile; patience multiplies all times."""
    tally = tally or Tally()
    first = 0
    with listening() as aside:
        async with victim(patience) as attacked:
            for number, batch in enumerate(_batches(indices)):
                begun = time.perf_counter()
                try:
                    await _attack(attacked, seed, batch, aside, tally)
                except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
                    await _blame(attacked, seed, batch, aside, tally, error)
                tally.inputs += len(batch)
                tally.slowest = max(tally.slowest, time.perf_counter() - begun)
                if number == WARM_UP:
                    first = _resident()
            # What lingers does so for a second.
            await asyncio.sleep(LINGER_SECONDS + 0.1)
            gc.collect()
            left = [each for each in gc.get_objects() if isinstance(each, Http2Request)]
            assert not left, f"requests stay behind: {left}"
        grown = _resident() - first if first else 0
    assert grown < MAX_GROWTH, f"the process has grown by {grown} bytes"
    return tally


def _batches(indices: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(indices)
    while batch := tuple(islice(rest, BATCH)):
        yield batch


async def _blame(
    attacked: Victim, seed: int, batch: tuple[int, ...], aside: Aside, tally: Tally, error: Exception
) -> None:
    """Find the connection whose fault it was; if none does it alone, note the batch by its first."""
    culprits = []
    if len(batch) > 1:
        for index in batch:
            try:
                await _attack(attacked, seed, (index,), aside, Tally())
            except Exception as again:  # noqa: BLE001  # as above
                culprits.append((index, again))
    for index, reason in culprits or [(batch[0], error)]:
        case = connection(dice_of(seed, EDGE, index))
        failure = Failure(EDGE, seed, index, "listener", case, f"{type(reason).__name__}: {reason}")
        tally.failures.setdefault(failure.rule, []).append(failure)


async def _attack(attacked: Victim, seed: int, batch: tuple[int, ...], aside: Aside, tally: Tally) -> None:
    """Say everything that the clients of a batch have to say. Raises whatever is wrong with what comes of it."""
    cases = [connection(dice_of(seed, EDGE, index)) for index in batch]
    done = asyncio.Event()
    calm = asyncio.create_task(_call_until(attacked.client, done))
    try:
        kinds = await asyncio.gather(*(_attacked_by(attacked, case) for case in cases), return_exceptions=True)
    finally:
        done.set()
        longest = await calm
    for kind in kinds:
        if isinstance(kind, BaseException):
            raise kind
        tally.kinds[kind] += 1
    async with asyncio.timeout(BOUND * attacked.patience):
        await attacked.gateway.wait_idle()
    said = aside.take()
    require(not said, "nothing is said aside", said)
    require(longest < CALM * attacked.patience, "others do not wait", longest)
    await attacked.client.close()
    others = len(attacked.server._connections)
    require(others == 0, "no connection stays behind", others)


async def _call_until(client: Http2Connection, done: asyncio.Event) -> float:
    """The longest that a call of the well-behaved client takes."""
    longest = 0.0
    retries = 1
    # Its connection may have been silent for so long that the server is about to close it.
    await client.close()
    while True:
        begun = time.monotonic()
        try:
            answer = await http2_client.grpc(client, _WELL)
        except NotHttpError:
            # Server and clients share one event loop. If that stands still for longer than the limits of time, which
            # are far shorter than anybody else's, the server cannot know that this client is not silent.
            if not retries:
                raise
            retries -= 1
            await client.close()
            answer = await http2_client.grpc(client, _WELL)
        longest = max(longest, time.monotonic() - begun)
        assert isinstance(answer, GrpcAnswer)
        require((answer.code, answer.messages) == (0, _WELL.messages), "others are answered", answer)
        if done.is_set():
            return longest
        await asyncio.sleep(0.01)


async def _attacked_by(attacked: Victim, case: Frames) -> str:
    """How the connection ended."""
    bound = BOUND * attacked.patience
    client = memory.MemoryConnection(attacked.server, is_deaf=case.is_deaf)
    for piece in case.pieces:
        client.send(piece)
    client.send(http2.frame(http2.PING, 0, 0, _PROBE))
    received = b""
    kind = "closed"
    try:
        async with asyncio.timeout(bound):
            while data := await client.reader.read(65536):
                received += data
                if _ACK in received:
                    kind = "alive"
                    break
    except TimeoutError:
        raise AssertionError(f"neither alive nor closed after {bound} s, having said {received[-200:]!r}") from None
    if received.startswith(b"HTTP/1.1 "):
        kind = "HTTP/1.1"
    elif received:
        kind = f"{kind}, GOAWAY" if any(each == http2.GOAWAY for each in _kinds(received)) else kind
    client.leave()
    async with asyncio.timeout(bound):
        await client.has_closed.wait()
    return f"{kind}, deaf" if case.is_deaf else kind


def _kinds(received: bytes) -> Iterator[int]:
    """The kinds of the frames that the server has sent, which must be whole, and SETTINGS the first."""
    at = 0
    while at < len(received):
        size, kind = int.from_bytes(received[at : at + 3], "big"), received[at + 3]
        require(at or kind == http2.SETTINGS, "the first frame is SETTINGS", received[:20])
        require(kind in _SENT and at + 9 + size <= len(received), "frames are whole", received[at : at + 20])
        yield kind
        at += 9 + size


_SENT = {
    http2.DATA,
    http2.HEADERS,
    http2.RST_STREAM,
    http2.SETTINGS,
    http2.PING,
    http2.GOAWAY,
    http2.WINDOW_UPDATE,
    http2.CONTINUATION,
}


def _resident() -> int:
    """The bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * getpagesize()
