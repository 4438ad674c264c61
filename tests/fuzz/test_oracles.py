"""The oracles take a right answer, and refuse one that breaks a rule: a fuzzer that finds nothing must be able to."""

import asyncio
import base64
import logging
import re

import pytest
from google.rpc import status_pb2

from tests.fuzz import intents, oracles, runs
from tests.fuzz.cases.dice import dice_of
from tests.fuzz.cases.frames import frame
from tests.fuzz.cases.generators import GENERATORS
from tests.fuzz.cases.inputs import GrpcInput, HttpInput, Intent
from tests.fuzz.readings import MalformedError
from tests.fuzz.senders.answers import GrpcAnswer, HttpAnswer, Told
from tests.fuzz.service import ORIGIN

JSON = ("content-type", "application/json")
LINES_TYPE = ("content-type", "application/x-ndjson")
VARY = ("vary", "Origin")
ROUTE = HttpInput("POST", b"/v1/all", (JSON,), b"{}")
LINES = HttpInput("POST", b"/m/lines", (JSON,), b"{}")
CONNECT = HttpInput("POST", b"/t.v1.T/PostAll", (JSON, ("connect-protocol-version", "1")), b"{}")
PLAIN = HttpInput("POST", b"/t.v1.T/PostAll", (JSON,), b"{}")
GET_RPC, HEAD_RPC = (HttpInput(method, b"/t.v1.T/PostAll", ()) for method in ("GET", "HEAD"))
UNKNOWN_RPC = HttpInput("POST", b"/t.v1.T/Nope", (JSON,), b"{}")
WEB = HttpInput("POST", b"/t.v1.T/PostAll", (("content-type", "application/grpc-web"),), frame(b""))
NOWHERE = HttpInput("GET", b"/nowhere", ())

WEB_TYPE = ("content-type", "application/grpc-web+proto")
TEXT_TYPE = ("content-type", "application/grpc-web-text+proto")
OK = frame(b"grpc-status: 0\r\n", 0x80)
STATUS = base64.b64encode(status_pb2.Status(code=5, message="no").SerializeToString()).rstrip(b"=")


def page(body: bytes, status: int = 404, *headers: tuple[str, str]) -> HttpAnswer:
    return HttpAnswer(status, (JSON, VARY, *headers), (body,))


def web(*parts: bytes, status: int = 200, kind: tuple[str, str] = WEB_TYPE) -> HttpAnswer:
    return HttpAnswer(status, (kind, VARY), parts)


def trailers(*lines: bytes) -> HttpAnswer:
    return web(frame(b"".join(line + b"\r\n" for line in lines), 0x80))


ERROR = b'{"code":5,"message":"no","details":[]}'
CONNECT_ERROR = b'{"code":"not_found","message":"no"}'
NOT_ALLOWED = b'{"code":"unknown","message":"no"}'
REFUSAL = ("content-type", "application/json; charset=utf-8")
ALLOW = ("allow", "OPTIONS, POST")
RIGHT = {
    "json": (ROUTE, page(b'{"id":"a"}', 200), "json 0"),
    "a page": (NOWHERE, page(ERROR), "status page 5"),
    "lines": (LINES, HttpAnswer(200, (LINES_TYPE, VARY), (b'{"id":"a"}\n',)), "json lines 0"),
    "connect's error": (CONNECT, page(CONNECT_ERROR), "connect error 5"),
    "connect's error without the version": (PLAIN, page(CONNECT_ERROR), "connect error 5"),
    "connect's 405": (GET_RPC, HttpAnswer(405, (REFUSAL, VARY, ALLOW), (NOT_ALLOWED,)), "connect error 2"),
    "connect's 405 without a body": (HEAD_RPC, HttpAnswer(405, (REFUSAL, VARY, ALLOW)), "connect error 2"),
    "a page for an unknown RPC": (UNKNOWN_RPC, page(ERROR), "status page 5"),
    "a message and trailers": (WEB, web(frame(b"") + OK), "grpc-web 0"),
    "flushes of base64": (WEB, web(base64.b64encode(frame(b"")), base64.b64encode(OK), kind=TEXT_TYPE), "grpc-web 0"),
    "trailers alone": (WEB, trailers(b"grpc-status: 5", b"grpc-message: no%0A"), "grpc-web 5"),
}
WRONG = {
    "a length that lies": (ROUTE, page(b"{}", 200, ("content-length", "3")), "content-length is the body's"),
    "a header with a line break": (NOWHERE, page(ERROR, 404, ("x", "a\r\nb")), "a header's value is printable"),
    "a name that is no token": (NOWHERE, page(ERROR, 404, ("x y", "a")), "a header's name is a token"),
    "two content types": (NOWHERE, page(ERROR, 404, JSON), "a header is given once"),
    "padding in a header": (NOWHERE, page(ERROR, 404, ("x-bin", "AA==")), "base64 is emitted unpadded"),
    "no Vary": (NOWHERE, HttpAnswer(404, (JSON,), (ERROR,)), "Vary names Origin"),
    "a grant to anybody": (NOWHERE, page(ERROR, 404, ("access-control-allow-origin", ORIGIN)), "CORS grants"),
    "405 without Allow": (ROUTE, page(b'{"code":12,"message":"","details":[]}', 405), "Allow names the methods"),
    "401 without a scheme": (ROUTE, page(b'{"code":16,"message":"","details":[]}', 401), "401 names the scheme"),
    "a traceback": (ROUTE, page(b'{"code":13,"message":"Traceback (most","details":[]}', 500), "tells of Python"),
    "an exception's name": (ROUTE, page(b'{"code":13,"message":"a KeyError","details":[]}', 500), "tells of Python"),
    "another code's status": (NOWHERE, page(ERROR, 400), "the HTTP status goes with the code"),
    "an error without details": (NOWHERE, page(b'{"code":5,"message":"no"}'), "an error has three keys"),
    "an error with code 0": (NOWHERE, page(b'{"code":0,"message":"no","details":[]}'), "a code from 1 to 16"),
    "a body that is cut off": (ROUTE, page(b'{"id":', 200), "the body is JSON"),
    "a doubled key": (ROUTE, page(b'{"id":"a","id":"a"}', 200), "no key stands twice"),
    "NaN": (ROUTE, page(b'{"d":NaN}', 200), "NaN is no JSON"),
    "another message": (ROUTE, page(b'{"nothing":1}', 200), "the JSON of a response"),
    "connect's error to anybody": (ROUTE, page(CONNECT_ERROR), "form is not due"),
    "connect's error for an unknown RPC": (UNKNOWN_RPC, page(CONNECT_ERROR), "form is not due"),
    "a page where Connect's error is due": (CONNECT, page(ERROR), "form is not due"),
    "a page on the path of an RPC": (PLAIN, page(ERROR), "form is not due"),
    "a page for GET of an RPC": (
        GET_RPC,
        page(b'{"code":12,"message":"","details":[]}', 405, ALLOW),
        "form is not due",
    ),
    "connect's error with a more exact status": (
        PLAIN,
        page(b'{"code":"resource_exhausted","message":"no"}', 413),
        "the HTTP status goes with the code",
    ),
    "a page where gRPC-Web is due": (WEB, page(ERROR), "form is not due"),
    "a code that Connect lacks": (CONNECT, page(b'{"code":"cancelled","message":"no"}', 499), "one of its codes"),
    "a status that is not 200": (WEB, web(OK, status=500), "a gRPC-Web answer is 200"),
    "no trailers": (WEB, web(frame(b"")), "one trailer, last"),
    "a message behind the trailers": (WEB, web(OK + frame(b"")), "one trailer, last"),
    "two messages": (WEB, web(frame(b"") + frame(b"") + OK), "a unary call has one message"),
    "no message": (WEB, web(OK), "a unary call that went well answers"),
    "a frame that is cut off": (WEB, web(frame(b"") + OK[:-1]), "a frame is whole"),
    "a frame in two flushes": (WEB, web(frame(b"") + OK[:9], OK[9:]), "flushed at once"),
    "a flush without padding": (WEB, web(base64.b64encode(OK)[:-1], kind=TEXT_TYPE), "each flush has padding"),
    "an upper-case trailer": (WEB, trailers(b"Grpc-Status: 5"), "a lower-case name"),
    "two statuses": (WEB, trailers(b"grpc-status: 5", b"grpc-status: 0"), "there is one grpc-status"),
    "no status": (WEB, trailers(b"x: y"), "there is one grpc-status"),
    "a status that is none": (WEB, trailers(b"grpc-status: 17"), "there is one grpc-status"),
    "a message that is not encoded": (WEB, trailers(b"grpc-status: 5", b"grpc-message: 100%"), "percent-encoded"),
    "another's details": (WEB, trailers(b"grpc-status: 6", b"grpc-status-details-bin: " + STATUS), "the call's"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_is_taken(name: str) -> None:
    request, answer, kind = RIGHT[name]
    assert oracles.http(request, answer).kind == kind


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_refused(name: str) -> None:
    request, answer, rule = WRONG[name]
    with pytest.raises(MalformedError, match=re.escape(rule)):
        oracles.http(request, answer)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (GrpcAnswer((), 0, ""), "a unary call has one end"),
        (GrpcAnswer((b"",), 5, "no"), "a unary call has one end"),
        (GrpcAnswer((), 17, ""), "a code from 0 to 16"),
        (GrpcAnswer((), 13, "a KeyError"), "tells of Python"),
        (GrpcAnswer((), 5, "no", trailing=(("X", "a"),)), "a metadata key is in lower case"),
        (GrpcAnswer((), 5, "no", trailing=(("x", "a\n"),)), "metadata is printable"),
        (GrpcAnswer((), 5, "no", trailing=(("x-bin", "a"),)), "-bin metadata, and no other, is bytes"),
    ],
)
def test_a_wrong_end_of_a_native_call_is_refused(answer: GrpcAnswer, rule: str) -> None:
    with pytest.raises(MalformedError, match=rule):
        oracles.native(GrpcInput("/t.v1.T/PostAll", (), (b"",)), answer)


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        (Told("json", 5), "the code that it asked for"),
        (Told("json", 0, messages=(b"\x12\x01b",)), "the messages are the servicer's"),
        (Told("json", 0), "the messages are the servicer's"),
    ],
)
def test_an_answer_that_nobody_asked_for_is_refused(told: Told, rule: str) -> None:
    with pytest.raises(MalformedError, match=rule):
        intents.check(Intent("t.v1.T.PostAll", b"\x12\x01a"), told, ROUTE)


async def _fail_after(answer: HttpAnswer, seconds: float, text: str) -> HttpAnswer:
    await asyncio.sleep(seconds)
    if text:
        logging.getLogger("rpcfront").error(text)
    return answer


@pytest.mark.parametrize(("seconds", "text", "rule"), [(0.0, "oh no", "nothing is said aside"), (9.9, "", "Timeout")])
async def test_an_error_in_the_log_is_a_failure_and_so_is_a_hang(
    monkeypatch: pytest.MonkeyPatch, seconds: float, text: str, rule: str
) -> None:
    monkeypatch.setattr(runs, "BOUND", 0.05)
    answer = HttpAnswer(404, (JSON, VARY), (ERROR,))
    tally = await runs.run("json", 1, range(1), {"broken": lambda _: _fail_after(answer, seconds, text)})
    ((failure,),) = tally.failures.values()
    assert rule in str(failure)
    assert "--edge json --seed 1 --only 0" in str(failure)


@pytest.mark.parametrize("edge", GENERATORS)
def test_a_case_follows_from_its_seed_and_number_alone(edge: str) -> None:
    make = GENERATORS[edge]
    assert [make(dice_of(7, edge, n)) for n in range(50)] == [make(dice_of(7, edge, n)) for n in range(50)]
