"""What the HTTP faces owe their clients beside the right answer: a stream's messages at once, HEAD, bodies in parts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from rpcfront import Cors
from tests.rpcfront.cases import errors, paths, raw_bodies, streams
from tests.rpcfront.cases.grpc_web import B64, TEXTS
from tests.rpcfront.cases.grpc_web_call import Call, frame, message
from tests.rpcfront.cases.grpc_web_reply import BINARY, TEXT, read
from tests.rpcfront.cases.http_client import Headers, exchange, in_parts, pieces
from tests.rpcfront.cases.rows import JSON, parametrize
from tests.support.clients.http import Reply
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_service import Gate, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRPC_WEB = (("content-type", BINARY),)
GRPC_WEB_TEXT = (("content-type", TEXT),)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(request.param) as port:
        yield port


@pytest_asyncio.fixture(loop_scope="module", params=list(HTTP_FACES))
async def gated(request: pytest.FixtureRequest) -> AsyncIterator[tuple[int, Gate]]:
    gate = Gate()
    async with serving(request.param, gate) as port:
        yield port, gate
        gate.open()


# Streams


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "first"),
    [
        ("GET", "/v1/stream?i32=2&name=gate", (), b"", b'{"i32":1}\n'),
        ("POST", "/t.v1.T/Stream", GRPC_WEB, frame(message(i32=2, name="gate")), frame(message(i32=1))),
        ("POST", "/t.v1.T/Stream", GRPC_WEB_TEXT, B64(frame(message(i32=2, name="gate"))), B64(frame(message(i32=1)))),
    ],
    ids=["JSON", "gRPC-Web", "gRPC-Web in text"],
)
async def test_a_message_of_a_stream_is_out_before_the_next_is_made(
    gated: tuple[int, Gate], method: str, target: str, headers: Headers, body: bytes, first: bytes
) -> None:
    port, gate = gated
    answer = pieces(port, method, target, headers, body)
    received = b""
    async with asyncio.timeout(10):
        while len(received) < len(first):
            received += await anext(answer)
        assert received == first
        gate.open()
        assert [piece async for piece in answer]


@pytest.mark.parametrize("headers", [GRPC_WEB, GRPC_WEB_TEXT], ids=["binary", "text"])
async def test_a_stream_of_grpc_web_is_flushed_message_by_message(port: int, headers: Headers) -> None:
    asked = frame(message(i32=3))
    encode: Callable[[bytes], bytes] = bytes if headers is GRPC_WEB else B64
    reply = await exchange(port, "POST", "/t.v1.T/Stream", headers, encode(asked))
    # In text each flush is padded by itself, so the flushes can be seen in the body.
    expected = b"".join(encode(frame(message(i32=number))) for number in (1, 2, 3))
    assert reply.body.startswith(expected)
    assert reply.body == expected + encode(frame(b"grpc-status: 0\r\n", 0x80))


@pytest.mark.parametrize("face", list(HTTP_FACES))
async def test_a_stream_can_be_read_by_a_page_of_an_allowed_origin(face: str) -> None:
    origin = "https://page.example"
    async with serving(face, cors=Cors(frozenset({origin}))) as port:
        asked = [("origin", origin)]
        replies = [
            await exchange(port, "GET", "/v1/stream?i32=1", asked),
            await exchange(port, "POST", "/t.v1.T/Stream", [*asked, *GRPC_WEB], frame(message(i32=1))),
        ]
    for reply in replies:
        assert (reply.status, reply.header("access-control-allow-origin"), reply.header("vary")) == (
            200,
            origin,
            "Origin",
        )


# HEAD

OF_HTTP = {"date", "transfer-encoding", "x-request-id"}
TABLES = (paths.TAKES_VARIABLES, paths.HAS_NO_ROUTE, raw_bodies.OUT, raw_bodies.IN_PIECES, streams.ROWS, errors.CODES)
ASKED_WITH_GET = {
    row.request.removeprefix("GET "): None
    for table in TABLES
    for row in table
    if row.request.startswith("GET ") and not row.headers and row.wsgi is None  # cheroot's own answers are not ours
}


@pytest.mark.parametrize("target", ASKED_WITH_GET, ids=lambda target: target[:60])
async def test_head_answers_what_get_does_but_for_the_body(port: int, target: str) -> None:
    get = await exchange(port, "GET", target)
    head = await exchange(port, "HEAD", target)
    assert (head.status, head.body) == (get.status, b"")
    assert _of_ours(head) == _of_ours(get)


def _of_ours(reply: Reply) -> list[tuple[str, str]]:
    # A length of nothing may be left out, and granian does.
    headers = [pair for pair in reply.headers if pair != ("content-length", "0")]
    return sorted((name, value) for name, value in headers if name not in OF_HTTP)


# Bodies in parts


def _bytes(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


async def test_json_may_come_byte_by_byte(port: int) -> None:
    reply = await in_parts(port, "/v1/all", JSON, _bytes('{"id":"ü😀"}'.encode()))
    assert json.loads(reply.body) == {"id": "ü😀"}


async def test_a_raw_body_may_come_byte_by_byte(port: int) -> None:
    reply = await in_parts(port, "/v1/upload", (("content-type", "a/b"),), _bytes(raw_bodies.EVERY_BYTE))
    assert reply.body == raw_bodies.EVERY_BYTE


@parametrize(row for row in TEXTS if row.code == 0)
async def test_text_may_be_split_anywhere(port: int, row: Call) -> None:
    reply = await in_parts(port, "/t.v1.T/Get", [*GRPC_WEB_TEXT, *row.headers], _bytes(row.body))
    assert read(reply).messages == [message(id="hiya")]
