"""Limits, the order in which a call is refused, and strictness, over every HTTP face."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2

from rpcfront import Limits, ServicerContext, StatusError, make_status
from tests.rpcfront.cases import connect
from tests.rpcfront.cases.grpc_web import B64
from tests.rpcfront.cases.grpc_web_call import frame, message
from tests.rpcfront.cases.grpc_web_reply import BINARY, TEXT, read
from tests.rpcfront.cases.http_client import Headers, exchange, half_sent
from tests.rpcfront.cases.rows import (
    ANYTHING,
    JSON,
    MALFORMED,
    NOT_FOUND,
    Answer,
    Row,
    bad,
    check_answer,
    error,
    not_allowed,
    ok,
    parametrize,
)
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_service import Gate, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

Face = tuple[str, int]

LIMIT = 1000
GRPC_WEB = (("content-type", BINARY),)
GRPC_WEB_TEXT = (("content-type", TEXT),)


async def authenticate(_method: MethodDescriptor, context: ServicerContext) -> None:
    if context.authorization() == ["Bearer no"]:
        raise StatusError(make_status(code_pb2.UNAUTHENTICATED, "who are you"))


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def face(request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    limits = Limits(message_bytes=LIMIT)
    async with serving(request.param, authenticate=authenticate, limits=limits, strict_json=True) as port:
        yield request.param, port


# Limits

AT_LIMIT = b'{"id":"%s"}' % (b"x" * (LIMIT - len('{"id":""}')))
OVER_LIMIT = AT_LIMIT.replace(b"x", b"xx", 1)
TOO_LARGE = error(413, 8, f"the request is larger than the limit of {LIMIT} bytes", details=[])

LIMITS = [
    Row("JSON at the limit", "POST /v1/all", ok(), AT_LIMIT, JSON),
    Row("JSON over it (er035)", "POST /v1/all", TOO_LARGE, OVER_LIMIT, JSON),
    Row("JSON far over it", "POST /v1/all", TOO_LARGE, bytes(LIMIT * 500), JSON),
    Row("JSON over it in chunks", "POST /v1/all", TOO_LARGE, OVER_LIMIT, (*JSON, ("transfer-encoding", "chunked"))),
    Row("JSON at it in chunks", "POST /v1/all", ok(), AT_LIMIT, (*JSON, ("transfer-encoding", "chunked"))),
    Row("a field over it", "POST /v1/sub/1", TOO_LARGE, OVER_LIMIT, JSON),
    Row("a raw body at it", "POST /v1/upload", Answer(body=bytes(LIMIT)), bytes(LIMIT)),
    Row("a raw body over it", "POST /v1/upload", TOO_LARGE, bytes(LIMIT + 1)),
    Row("a body where none is taken", "PUT /v1/nobody/1", TOO_LARGE, bytes(LIMIT + 1)),
    Row("a body for a stream", "POST /m/lines", TOO_LARGE, OVER_LIMIT, JSON),
    Row(
        "Connect over it",
        "POST /t.v1.T/Get",
        connect.failed("resource_exhausted"),
        OVER_LIMIT,
        (*JSON, *connect.VERSION),
    ),
    Row(
        "Connect without the version over it",
        "POST /t.v1.T/Get",
        connect.failed("resource_exhausted"),
        OVER_LIMIT,
        JSON,
    ),
]


@parametrize(LIMITS)
async def test_a_body_is_limited(face: Face, row: Row) -> None:
    await row.check(*face)


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
@pytest.mark.parametrize("headers", [GRPC_WEB, GRPC_WEB_TEXT], ids=["binary", "text"])
async def test_a_message_of_grpc_web_is_limited(face: Face, headers: Headers, size: int) -> None:
    told = frame(message(id="x" * (size - 3)))
    assert len(told) == 5 + size
    body = told if headers is GRPC_WEB else B64(told)
    reply = read(await exchange(face[1], "POST", "/t.v1.T/Get", headers, body))
    assert reply.code == (0 if size == LIMIT else 8)


SOON = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}]
TOO_MANY = error(429, 8, "too many concurrent calls", details=SOON, retry_after="1")
ONE_MORE = [
    Row("JSON", "GET /v1/get/a", TOO_MANY),
    Row("a stream", "GET /v1/stream?i32=1", TOO_MANY),
    Row(
        "Connect",
        "POST /t.v1.T/Get",
        connect.failed("resource_exhausted", details=ANYTHING),
        "{}",
        (*JSON, *connect.VERSION),
    ),
]


@pytest.mark.parametrize("face", list(HTTP_FACES))
async def test_one_call_too_many_is_refused_over_every_protocol(face: str) -> None:
    gate = Gate()
    async with serving(face, gate, limits=Limits(concurrent_calls=1)) as port:
        held = asyncio.create_task(exchange(port, "GET", "/m/wait"))
        await gate.entered()
        for row in ONE_MORE:
            await row.check(face, port)
        for method in ("Get", "Stream"):
            assert read(await exchange(port, "POST", f"/t.v1.T/{method}", GRPC_WEB, frame(b""))).code == 8
        gate.open()
        assert (await held).status == 200
        assert (await exchange(port, "GET", "/v1/get/a")).status == 200


# A WSGI server reads at its own pace: the deadline for a body is that server's own there.
@pytest.mark.parametrize("face", ["listener", "asgi"])
async def test_a_body_that_comes_too_slowly_is_given_up_over_every_protocol(face: str) -> None:
    async with serving(face, limits=Limits(read_seconds=0.2)) as port:
        slow = error(408, 4, "the request's body did not arrive within 0.2 seconds", details=[])
        replies = await asyncio.gather(
            half_sent(port, "/v1/all", JSON, b"{}"),
            half_sent(port, "/v1/upload", (("content-type", "a/b"),), b"{}"),
            half_sent(port, "/t.v1.T/Get", (*JSON, *connect.VERSION), b"{}"),
            half_sent(port, "/t.v1.T/Get", GRPC_WEB, frame(b"")),
        )
    for reply in replies[:2]:
        check_answer(reply, slow)
    check_answer(replies[2], connect.failed("deadline_exceeded"))
    assert read(replies[3]).code == 4


# The order of a call

NOBODY = (("authorization", "Bearer no"),)
ORDER = [
    Row("a path before who calls", "POST /nowhere", NOT_FOUND, "{", (*JSON, *NOBODY)),
    Row("a method before who calls", "PUT /v1/all", not_allowed("OPTIONS, POST"), "{", (*JSON, *NOBODY)),
    Row("who calls before the size", "POST /v1/all", error(401, 16), OVER_LIMIT, (*JSON, *NOBODY)),
    Row("who calls before the head", "POST /v1/all", error(401, 16), "{}", (*JSON, *NOBODY, ("grpc-timeout", "x"))),
    Row("who calls before the query", "GET /v1/q?nope=1", error(401, 16), headers=NOBODY),
    Row("the size before the body", "POST /v1/all", TOO_LARGE, b"{" * (LIMIT + 1), JSON),
    Row("the body before the fields", "POST /v1/all?nope=1", MALFORMED, '{"id":1', JSON),
    Row("the fields all together", "POST /v1/all/a?nope=1", bad("b", "id", "nope"), '{"id":"b","b":1}', JSON),
]


@parametrize(ORDER)
async def test_a_call_is_refused_by_the_first_that_is_wrong(face: Face, row: Row) -> None:
    await row.check(*face)


# Strictness

NOPE_OVER_CONNECT = connect.failed(
    "invalid_argument",
    details=[
        {
            "type": "google.rpc.BadRequest",
            "value": ANYTHING,
            "debug": {"fieldViolations": [{"field": "nope", "description": ANYTHING}]},
        }
    ],
)
STRICT = [
    Row("a field", "POST /v1/all", bad("nope"), '{"nope":1}', JSON),
    Row(
        "a field of a field",
        "POST /v1/all",
        bad("sub.nope", "subs[1].nope"),
        '{"sub":{"nope":1},"subs":[{},{"nope":1}]}',
        JSON,
    ),
    Row("a field of the body's field", "POST /v1/sub/1", bad("sub.nope"), '{"nope":1}', JSON),
    Row("a field over Connect", "POST /t.v1.T/Get", NOPE_OVER_CONNECT, '{"nope":1}', JSON),
    Row("no field of a Struct", "POST /v1/all", ok({"st": {"nope": 1}}), '{"st":{"nope":1}}', JSON),
]


@parametrize(STRICT)
async def test_a_strict_gateway_refuses_what_is_unknown(face: Face, row: Row) -> None:
    await row.check(*face)
