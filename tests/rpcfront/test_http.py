"""What every HTTP request gets, over each HTTP face: routing, limits, CORS, and errors that are always a Status."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2

from rpcfront import Cors, Gateway, Limits, ServicerContext, StatusError, make_status
from tests.support.clients.http import Reply, ask
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import echo

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN = "https://console.example"
TOKEN = {"authorization": "Bearer let-me-in"}
JSON = {**TOKEN, "content-type": "application/json"}
LIMIT = 1000


class BrokenError(Exception):
    pass


async def authenticate(_method: MethodDescriptor, context: ServicerContext) -> str:
    if context.authorization() != [TOKEN["authorization"]]:
        raise StatusError(make_status(code_pb2.UNAUTHENTICATED, "who are you"))
    return "me"


async def well() -> None:
    return


async def unwell() -> None:
    raise BrokenError


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    gateway = Gateway(
        services=[(echo.service(), echo.AsyncEcho())],
        authenticate=authenticate,
        success_code=lambda method: 201 if method.name == "Say" else 200,
        probes={"/healthz": well, "/readyz": unwell},
        cors=Cors(frozenset({ORIGIN})),
        limits=Limits(message_bytes=LIMIT, read_seconds=0.5),
    )
    async with HTTP_FACES[request.param](gateway) as port:
        yield port


def status_of(reply: Reply) -> tuple[int, int, str]:
    """The HTTP status, the code and the message of an error's body, whose form is checked."""
    assert reply.header("content-type") == "application/json"
    body = json.loads(reply.body)
    assert list(body) == ["code", "message", "details"]
    return reply.status, body["code"], body["message"]


def violations_of(reply: Reply) -> dict[str, str]:
    (detail,) = json.loads(reply.body)["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    return {violation["field"]: violation["description"] for violation in detail["fieldViolations"]}


GRPC_WEB = {**TOKEN, "content-type": "application/grpc-web+proto"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        pytest.param("GET", "/nowhere", {}, None, (404, 5, "no such path"), id="an unknown path needs no token"),
        pytest.param("GET", "/", {}, None, (404, 5, "no such path"), id="the root"),
        pytest.param("GET", "/v1/notes/", TOKEN, None, (404, 5, "no such path"), id="a trailing slash"),
        pytest.param("DELETE", "/v1/notes", {}, None, (405, 12, "method not allowed"), id="a wrong method"),
        pytest.param("PUT", "/healthz", {}, None, (405, 12, "method not allowed"), id="PUT on a probe"),
        pytest.param("POST", "/v1/notes", {}, b"{", (401, 16, "who are you"), id="no token and a bad body"),
        pytest.param("GET", "/readyz", {}, None, (500, 13, "internal error"), id="a probe that fails"),
    ],
)
async def test_a_request_that_reaches_no_method_is_told_why(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes | None, expected: tuple[int, int, str]
) -> None:
    assert status_of(await ask(port, method, path, body, {"content-type": "application/json", **headers})) == expected


async def test_a_wrong_method_is_told_the_right_ones(port: int) -> None:
    assert (await ask(port, "DELETE", "/v1/notes/1")).header("allow") == "GET, HEAD, OPTIONS, PATCH, PUT"
    rpc = await ask(port, "GET", "/echo.v1.Echo/Say")
    assert (rpc.status, rpc.header("allow")) == (405, "OPTIONS, POST")
    assert rpc.body == b'{"code":"unknown","message":"method not allowed"}'


async def test_a_missing_token_is_told_the_scheme(port: int) -> None:
    reply = await ask(port, "POST", "/v1/notes", b"{}", {"content-type": "application/json"})
    assert reply.header("www-authenticate") == "Bearer"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "APPLICATION/JSON", 'application/json; charset="UTF-8"', "application/json;charset=utf8"],
)
async def test_json_is_taken_in_any_spelling_of_its_type(port: int, content_type: str) -> None:
    reply = await ask(port, "POST", "/v1/notes", b'{"text":"a"}', {**TOKEN, "content-type": content_type})
    assert (reply.status, reply.body) == (201, b'{"text":"a"}')


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/notes", {"content-type": "text/plain"}),
        ("/v1/notes", {"content-type": "application/x-www-form-urlencoded"}),
        ("/v1/notes", {"content-type": "application/json; charset=latin-1"}),
        ("/v1/notes", {"content-type": "application/json", "content-encoding": "gzip"}),
        ("/v1/notes", {"content-type": "application/grpc-web+proto"}),
    ],
)
async def test_another_content_type_is_refused(port: int, path: str, headers: dict[str, str]) -> None:
    reply = await ask(port, "POST", path, b"{}", {**TOKEN, **headers})
    assert status_of(reply)[:2] == (415, 3)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "image/jpeg"},
        {"content-type": "application/grpc-web+json"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/x-www-form-urlencoded", "origin": "https://a.example"},
    ],
    ids=lambda headers: headers["content-type"],
)
async def test_another_content_type_on_the_path_of_an_rpc_is_refused_in_connects_form(
    port: int, headers: dict[str, str]
) -> None:
    reply = await ask(port, "POST", "/echo.v1.Echo/Say", b"{}", {**TOKEN, **headers})
    assert (reply.status, reply.header("content-type")) == (415, "application/json; charset=utf-8")
    assert json.loads(reply.body).keys() == {"code", "message"}
    assert json.loads(reply.body)["code"] == "unknown"


async def test_a_missing_token_on_the_path_of_an_rpc_is_told_the_scheme_in_connects_form(port: int) -> None:
    reply = await ask(port, "POST", "/echo.v1.Echo/Say", b"{}", {"content-type": "application/json"})
    assert (reply.status, reply.header("www-authenticate")) == (401, "Bearer")
    assert reply.body == b'{"code":"unauthenticated","message":"who are you"}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "invalid JSON"),
        (b"nul", "invalid JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'{"text":"\xff"}', "UTF-8"),
        (b'{"text":"a","text":"b"}', "given twice"),
        (b'{"text":NaN}', "invalid JSON"),
        (b"[" * 200, "invalid JSON"),
    ],
)
async def test_a_body_that_is_not_strict_json_is_refused(port: int, body: bytes, message: str) -> None:
    http_status, code, text = status_of(await ask(port, "POST", "/v1/notes", body, JSON))
    assert (http_status, code) == (400, 3)
    assert message.lower() in text.lower()


async def test_all_wrong_fields_are_named_at_once(port: int) -> None:
    reply = await ask(port, "PUT", "/v1/notes/7?text=a", b'{"id":"8","text":1,"code":1.5,"inner":{"text":[]}}', JSON)
    assert status_of(reply)[:2] == (400, 3)
    assert set(violations_of(reply)) == {"id", "text", "code", "inner.text"}


async def test_a_path_variable_is_read_percent_decoded(port: int) -> None:
    reply = await ask(port, "GET", "/v1/notes/a%20b+c%C3%BC", headers=TOKEN)
    assert json.loads(reply.body) == {"id": "a b+cü"}


async def test_body_and_response_body_may_be_one_field(port: int) -> None:
    reply = await ask(port, "PATCH", "/v1/notes/1?code=5", b'{"text":"in"}', JSON)
    assert (reply.status, reply.body) == (200, b'{"text":"in"}')


async def test_a_body_where_none_is_taken_is_refused(port: int) -> None:
    assert status_of(await ask(port, "GET", "/v1/notes/1", b"{}", JSON))[:2] == (400, 3)


async def test_an_empty_body_is_the_empty_message(port: int) -> None:
    assert (await ask(port, "POST", "/v1/notes", b"", JSON)).body == b"{}"


async def test_the_largest_body_is_taken_and_one_byte_more_is_not(port: int) -> None:
    filler = LIMIT - len(b'{"text":""}')
    assert (await ask(port, "POST", "/v1/notes", b'{"text":"%s"}' % (b"x" * filler), JSON)).status == 201
    reply = await ask(port, "POST", "/v1/notes", b'{"text":"%s"}' % (b"x" * (filler + 1)), JSON)
    assert status_of(reply) == (413, 8, f"the request is larger than the limit of {LIMIT} bytes")


async def test_a_large_body_over_grpc_web_exhausts_a_resource(port: int) -> None:
    reply = await ask(port, "POST", "/echo.v1.Echo/Say", bytes(LIMIT * 3), GRPC_WEB)
    assert reply.status == 200
    assert b"grpc-status: 8\r\n" in reply.body
    assert b"the limit of 1000 bytes" in reply.body


async def test_an_unknown_rpc_is_answered_in_grpc_web(port: int) -> None:
    reply = await ask(port, "POST", "/echo.v1.Echo/Nope", b"", GRPC_WEB)
    assert reply.status == 200
    assert b"grpc-status: 12\r\n" in reply.body


@pytest.mark.parametrize(
    ("content_type", "accept", "answer"),
    [
        ("application/grpc-web", "*/*", "application/grpc-web+proto"),
        ("Application/Grpc-Web+Proto", "", "application/grpc-web+proto"),
        ("application/grpc-web;charset=utf-8", "*/*", "application/grpc-web+proto"),
        ("application/grpc-web+proto", "text/html, application/grpc-web-text;q=0.5", "application/grpc-web-text+proto"),
        ("application/grpc-web-text", "application/grpc-web-text", "application/grpc-web-text+proto"),
        ("application/grpc-web-text+proto", "application/grpc-web", "application/grpc-web+proto"),
    ],
)
async def test_grpc_web_answers_in_the_form_that_accept_names_else_in_that_of_the_request(
    port: int, content_type: str, accept: str, answer: str
) -> None:
    body = b"AAAAAAA=" if "text" in content_type else bytes(5)
    reply = await ask(
        port, "POST", "/echo.v1.Echo/Say", body, {**TOKEN, "content-type": content_type, "accept": accept}
    )
    assert reply.header("content-type") == answer
    assert reply.body.startswith(b"AAAAAA" if "text" in answer else bytes(5))


async def test_head_answers_as_get_does_without_the_body(port: int) -> None:
    get = await ask(port, "GET", "/v1/notes/1", headers=TOKEN)
    head = await ask(port, "HEAD", "/v1/notes/1", headers=TOKEN)
    assert (head.status, head.header("content-length"), head.body) == (get.status, get.header("content-length"), b"")


async def test_options_answers_the_methods(port: int) -> None:
    reply = await ask(port, "OPTIONS", "/v1/notes")
    assert (reply.status, reply.header("allow"), reply.body) == (204, "OPTIONS, POST", b"")
    assert (await ask(port, "OPTIONS", "/nowhere")).status == 404


async def test_a_probe_needs_no_token(port: int) -> None:
    reply = await ask(port, "GET", "/healthz")
    assert (reply.status, reply.body) == (200, b'{"status":"SERVING"}')


PREFLIGHT = {"origin": ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "x-grpc-web"}


@pytest.mark.parametrize("path", ["/v1/notes", "/echo.v1.Echo/Say", "/echo.v1.Echo/Nope"])
async def test_a_preflight_is_answered_by_path_without_a_token(port: int, path: str) -> None:
    reply = await ask(port, "OPTIONS", path, headers=PREFLIGHT)
    assert reply.status == 204
    assert reply.header("access-control-allow-origin") == ORIGIN
    assert reply.header("access-control-allow-methods") == "OPTIONS, POST"
    assert reply.header("vary") == "Origin"
    assert int(reply.header("access-control-max-age") or 0) <= 7200
    allowed = (reply.header("access-control-allow-headers") or "").split(", ")
    assert {"content-type", "authorization", "grpc-timeout", "x-grpc-web", "x-user-agent"} <= set(allowed)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/v1/notes", JSON),
        ("POST", "/v1/notes", {}),
        ("GET", "/nowhere", {}),
        ("DELETE", "/v1/notes", {}),
        ("POST", "/echo.v1.Echo/Say", GRPC_WEB),
        ("POST", "/echo.v1.Echo/Nope", GRPC_WEB),
        ("GET", "/readyz", {}),
    ],
)
async def test_every_answer_can_be_read_by_a_page_of_an_allowed_origin(
    port: int, method: str, path: str, headers: dict[str, str]
) -> None:
    reply = await ask(port, method, path, None, {**headers, "origin": ORIGIN})
    assert reply.header("access-control-allow-origin") == ORIGIN
    assert reply.header("vary") == "Origin"
    exposed = (reply.header("access-control-expose-headers") or "").split(", ")
    assert exposed == ["grpc-status", "grpc-message", "grpc-status-details-bin"]


async def test_a_page_of_another_origin_is_granted_nothing(port: int) -> None:
    for method, headers in (("OPTIONS", PREFLIGHT), ("POST", JSON)):
        reply = await ask(port, method, "/v1/notes", None, {**headers, "origin": "https://evil.example"})
        assert reply.header("vary") == "Origin"
        assert not [key for key, _ in reply.headers if key.startswith("access-control-")]


async def test_any_origin_is_granted_without_credentials() -> None:
    gateway = Gateway(services=[(echo.service(), echo.AsyncEcho())], cors=Cors(frozenset({"*"})))
    async with HTTP_FACES["listener"](gateway) as port:
        reply = await ask(port, "POST", "/v1/notes", b"{}", {**JSON, "origin": ORIGIN})
    assert reply.header("access-control-allow-origin") == "*"
    assert reply.header("access-control-allow-credentials") is None


async def _raw(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Sends bytes as they are and reads until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def _head(*headers: str) -> bytes:
    lines = ("POST /v1/notes HTTP/1.1", "Host: t", "Connection: close", "Content-Type: application/json", *headers)
    return "\r\n".join((*lines, "", "")).encode()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def listener_port() -> AsyncIterator[int]:
    gateway = Gateway(
        services=[(echo.service(), echo.AsyncEcho())],
        limits=Limits(message_bytes=LIMIT, read_seconds=0.5),
    )
    async with HTTP_FACES["listener"](gateway) as port:
        yield port


async def test_a_chunked_body_is_read_whole(listener_port: int) -> None:
    chunks = b'5\r\n{"tex\r\n', b'6\r\nt":"a"\r\n1\r\n}\r\n0\r\n\r\n'
    answer = await _raw(listener_port, _head("Transfer-Encoding: chunked"), *chunks)
    assert answer.endswith(b'{"text":"a"}')


async def test_a_chunked_body_over_the_limit_is_refused(listener_port: int) -> None:
    answer = await _raw(
        listener_port, _head("Transfer-Encoding: chunked"), b"800\r\n" + bytes(0x800) + b"\r\n0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_arrive_is_given_up(listener_port: int, framing: str) -> None:
    answer = await _raw(listener_port, _head(framing), b'5\r\n{"tex\r\n')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'{"code":4,"message":"the request\'s body did not arrive within 0.5 seconds","details":[]}' in answer


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_body_that_is_cut_short_reaches_no_method(listener_port: int, framing: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener_port)
    writer.write(_head(framing) + b"2\r\n{}\r\n")
    writer.write_eof()
    assert b'{"code":1,"message":"the request\'s body was cut short","details":[]}' in await reader.read()
    writer.close()


async def test_one_call_too_many_is_refused_at_once() -> None:
    servicer = echo.GatedEcho()
    gateway = Gateway(services=[(echo.service(), servicer)], limits=Limits(concurrent_calls=2))
    async with HTTP_FACES["listener"](gateway) as port:
        held = [asyncio.create_task(ask(port, "POST", "/v1/notes", b"{}", JSON)) for _ in range(2)]
        await servicer.entered(2)
        assert status_of(await ask(port, "POST", "/v1/notes", b"{}", JSON)) == (429, 8, "too many concurrent calls")
        servicer.gate.set()
        assert [reply.status for reply in await asyncio.gather(*held)] == [200, 200]
        assert (await ask(port, "POST", "/v1/notes", b"{}", JSON)).status == 200


async def test_calls_that_outlive_the_grace_are_told_that_the_server_shuts_down() -> None:
    servicer = echo.GatedEcho()
    gateway = Gateway(services=[(echo.service(), servicer)])
    async with HTTP_FACES["listener"](gateway) as port:
        held = asyncio.create_task(ask(port, "POST", "/v1/notes", b"{}", JSON))
        await servicer.entered(1)
        gateway.stop()
        assert status_of(await held) == (503, 14, "the server is shutting down")
        await gateway.wait_idle()


async def test_an_answer_that_is_known_is_given_though_the_grace_is_over() -> None:
    gateway = Gateway(services=[(echo.service(), echo.AsyncEcho())], authenticate=authenticate)
    async with HTTP_FACES["listener"](gateway) as port:
        unfinished = asyncio.create_task(_raw(port, _head("Content-Length: 9"), b"{"))
        while not gateway._running._tasks:  # noqa: ASYNC110  # no event tells that the head has been read
            await asyncio.sleep(0)
        gateway.stop()
        assert (await unfinished).startswith(b"HTTP/1.1 401 ")


async def test_an_answer_before_the_body_is_seen_by_its_sender(port: int) -> None:
    body = bytes(LIMIT - 1)
    reply: Any = await ask(port, "POST", "/v1/notes", body, {"content-type": "application/json"})
    assert reply.status == 401
