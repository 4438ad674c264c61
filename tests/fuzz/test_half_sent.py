"""A request that stops in the middle, or comes byte by byte, is cut off in bounded time, and holds up nobody else.

All the rows of a face are sent at once, beside a well-behaved client. Under WSGI the time that a body takes is the
server's to bound, and so is that of a head under uvicorn and of HTTP/2's preface under grpcio: these are not here.
"""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from rpcfront import ConnectionLimits, Gateway
from tests.fuzz import oracles
from tests.fuzz.cases import frames
from tests.fuzz.cases.inputs import HttpInput, Quirk
from tests.fuzz.senders import http2
from tests.fuzz.senders.answers import HttpAnswer
from tests.fuzz.senders.http1 import Connection, answer_of, written
from tests.fuzz.service import gateway
from tests.support.servers.faces import HTTP_FACES

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ_SECONDS = 0.5
BOUND = READ_SECONDS + 2.0
"""A sweep of deadlines, or a second of reading what nobody wants, and a busy machine."""
CALM = 1.0
"""The longest that the well-behaved client may wait."""
DEADLINE_EXCEEDED = 4
BODY = b'{"id":"%s"}' % (b"x" * 100)
MESSAGE = frames.frame(b"\x12\x64" + b"x" * 100)


@dataclass(frozen=True, slots=True)
class Row:
    """A request, how many of its last bytes are never sent, and the code of the answer."""

    kind: str
    target: str
    missing: int
    body: bytes = BODY
    code: int = DEADLINE_EXCEEDED
    chunked: bool = False
    trickles: bool = False
    """Whether its bytes go on coming, one at a time, for longer than anybody should wait."""
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"

    def request(self) -> HttpInput:
        headers = (("host", "x"), ("content-type", self.kind), *self.headers)
        quirks, cuts = (Quirk.CHUNKED, (50,)) if self.chunked else (0, ())
        return HttpInput(self.method, self.target.encode(), headers, self.body, cuts, quirks=quirks)


JSON, WEB, TEXT, PROTO = "application/json", "application/grpc-web", "application/grpc-web-text", "application/proto"
VERSION = ("connect-protocol-version", "1")
UNARY, STREAM = "/t.v1.T/PostAll", "/t.more.More/Lines"
ROWS = {
    "json, before the body": Row(JSON, "/v1/all", len(BODY)),
    "json, in the body": Row(JSON, "/v1/all", 5),
    "json, byte by byte": Row(JSON, "/v1/all", len(BODY), trickles=True),
    "json, in the size of a chunk": Row(JSON, "/v1/all", 69, chunked=True),
    "json, in a chunk": Row(JSON, "/v1/all", 30, chunked=True),
    "json, before the last chunk": Row(JSON, "/v1/all", 5, chunked=True),
    "json, in the last chunk": Row(JSON, "/v1/all", 2, chunked=True),
    "json, chunks byte by byte": Row(JSON, "/v1/all", 110, chunked=True, trickles=True),
    "json, one field as the body": Row(JSON, "/v1/sub/1", 5),
    "json, a raw body": Row("text/plain", "/v1/upload", 5),
    "json, a stream of lines": Row(JSON, "/m/lines", 5),
    "grpc-web, in the prefix": Row(WEB, UNARY, len(MESSAGE) - 3, MESSAGE),
    "grpc-web, in the message": Row(WEB, UNARY, 5, MESSAGE),
    "grpc-web, a stream": Row(WEB, STREAM, 5, MESSAGE),
    "grpc-web-text, in four letters": Row(TEXT, UNARY, 2, b"AAAAAAA="),
    "connect, json": Row(JSON, UNARY, 5, headers=(VERSION,)),
    "connect, proto": Row(PROTO, UNARY, 5, headers=(VERSION,)),
    "connect, in the gzip": Row(JSON, UNARY, 5, gzip.compress(BODY), headers=(VERSION, ("content-encoding", "gzip"))),
    "plain curl": Row("application/x-www-form-urlencoded", UNARY, 5),
    # These are told at once, and what they go on to say is read for a while.
    "no such path": Row(JSON, "/nowhere", 5, code=5),
    "a wrong method": Row(JSON, "/v1/all", 5, code=12, method="DELETE"),
    "a wrong type": Row("image/png", UNARY, 5, code=2),
    "no leave": Row(JSON, "/v1/all", 5, code=16, headers=(("authorization", "no"),)),
}


@asynccontextmanager
async def impatient_listener(served: Gateway) -> AsyncIterator[int]:
    """The listener with the same deadline for heads as for bodies, as `actiond serve` has it."""
    server = await served.listen(limits=ConnectionLimits(head_seconds=READ_SECONDS))
    yield server.port
    await server.drain(1)


@dataclass(slots=True)
class Seen:
    """What came of the rows of one face."""

    answers: dict[str, tuple[HttpAnswer, float]] = field(default_factory=dict)
    """And after how many seconds the connection was closed."""
    calm: list[float] = field(default_factory=list)
    """How long the calls of the well-behaved client took."""


async def _trickle(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while True:
            writer.write(b"1")
            await writer.drain()
            await asyncio.sleep(0.05)


async def _send(port: int, row: Row) -> tuple[HttpAnswer, float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    whole = written(row.request())
    writer.write(whole[: len(whole) - row.missing])
    trickling = asyncio.create_task(_trickle(writer)) if row.trickles else None
    answer, _ = await asyncio.wait_for(answer_of(reader, row.method), 10)
    with suppress(OSError):
        assert await asyncio.wait_for(reader.read(-1), 10) == b""
    seconds = time.monotonic() - begun
    if trickling is not None:
        trickling.cancel()
    writer.close()
    return answer, seconds


async def _call_until(port: int, done: asyncio.Event, calm: list[float]) -> None:
    """Calls of a well-behaved client, over a new connection and over a kept one in turns."""
    request = HttpInput("POST", b"/v1/all", (("host", "x"), ("content-type", JSON)), BODY)
    connection = Connection(port)
    while not done.is_set():
        begun = time.monotonic()
        answer = await connection.call(request)
        calm.append(time.monotonic() - begun)
        assert answer is not None
        assert (answer.status, answer.body) == (200, BODY)
        if len(calm) % 2:
            await connection.close()
    await connection.close()


FACES = {"listener": impatient_listener, "asgi": HTTP_FACES["asgi"]}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=FACES)
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with FACES[request.param](_gateway()) as port:
        yield port


def _gateway() -> Gateway:
    return gateway("on the loop", read_seconds=READ_SECONDS)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(port: int) -> Seen:
    seen = Seen()
    done = asyncio.Event()
    caller = asyncio.create_task(_call_until(port, done, seen.calm))
    results = await asyncio.gather(*(_send(port, row) for row in ROWS.values()))
    done.set()
    await caller
    seen.answers = dict(zip(ROWS, results, strict=True))
    return seen


@pytest.mark.parametrize("name", ROWS)
async def test_a_half_sent_request_is_told_so_and_cut_off(seen: Seen, name: str) -> None:
    answer, seconds = seen.answers[name]
    assert oracles.http(ROWS[name].request(), answer).code == ROWS[name].code
    assert seconds < BOUND


async def test_other_clients_notice_nothing(seen: Seen) -> None:
    assert len(seen.calm) > 10
    assert max(seen.calm) < CALM


async def _until_closed(port: int, data: bytes) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    writer.write(data)
    with suppress(OSError):
        await asyncio.wait_for(reader.read(-1), 10)
    writer.close()
    return time.monotonic() - begun


async def test_a_connection_whose_head_does_not_end_is_closed() -> None:
    """One that says nothing, too, and one that may become HTTP/2's."""
    head = b"POST /v1/all HTTP/1.1\r\nhost: x\r\n\r\n"
    async with impatient_listener(_gateway()) as port:
        seconds = await asyncio.gather(*(_until_closed(port, head[:cut]) for cut in range(0, len(head), 5)))
    assert max(seconds) < BOUND


async def test_a_connection_over_http2_that_stops_in_the_middle_of_a_frame_is_closed() -> None:
    opening, head = http2.opening(), http2.head("/t.v1.T/PostAll")
    cuts = [cut for cut in range(1, len(opening + head), 5) if cut != len(opening)]
    async with impatient_listener(_gateway()) as port:
        seconds = await asyncio.gather(*(_until_closed(port, (opening + head)[:cut]) for cut in cuts))
    late = [cut for cut, each in zip(cuts, seconds, strict=True) if each > BOUND]
    assert not late
