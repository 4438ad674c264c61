"""What must hold between answers: how a request arrives, and over what, changes nothing of what it means."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import oracles, refusals
from tests.fuzz.cases import frames
from tests.fuzz.cases.dice import dice_of
from tests.fuzz.cases.documents import printed
from tests.fuzz.cases.generators import GENERATORS
from tests.fuzz.cases.inputs import Headers, HttpInput, Quirk
from tests.fuzz.cases.messages import encoded
from tests.fuzz.runs import faces
from tests.fuzz.senders import asgi
from tests.fuzz.senders.answers import HttpAnswer
from tests.fuzz.service import gateway
from tests.support.services.fixture_protos import message_type
from tests.support.strategies import messages

Ask = Callable[[HttpInput], HttpAnswer]

RPC = "/t.v1.T/PostAll"
VERSION = ("connect-protocol-version", "1")
GZIP = ("content-encoding", "gzip")
TYPES = ("application/json", "application/proto", "application/grpc-web", "application/grpc-web-text", "text/plain", "")
TARGETS = (b"/v1/all", b"/v1/sub/1", b"/m/body/list/1", b"/m/files/1", b"/m/lines", RPC.encode(), b"/t.more.More/Lines")


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Runs a coroutine on the one event loop of this module."""
    with asyncio.Runner() as runner:

        async def awaited(work: Awaitable[Any]) -> Any:
            return await work

        yield lambda work: runner.run(awaited(work))


@pytest.fixture(scope="module")
def ask(run: Callable[[Awaitable[Any]], Any]) -> Ask:
    """The answer of the ASGI face."""
    application = gateway("on the loop").asgi
    return lambda request: run(asgi.call(application, request))


def _posted(target: bytes, body: bytes, *headers: tuple[str, str]) -> HttpInput:
    return HttpInput("POST", target, (("host", "x"), ("x-request-id", "1"), *headers), body)


def _forms(document: bytes, data: bytes) -> dict[str, HttpInput]:
    """One message as a request of every protocol."""
    rpc, json = RPC.encode(), ("content-type", "application/json")
    proto, web = ("content-type", "application/proto"), ("content-type", "application/grpc-web")
    text = ("content-type", "application/grpc-web-text")
    zipped = frames.frame(gzip.compress(data), 1)
    return {
        "json": _posted(b"/v1/all", document, json),
        "connect json": _posted(rpc, document, json, VERSION),
        "connect json, gzip": _posted(rpc, gzip.compress(document), json, VERSION, GZIP),
        "connect proto": _posted(rpc, data, proto),
        "connect proto, gzip": _posted(rpc, gzip.compress(data), proto, GZIP),
        "grpc-web": _posted(rpc, frames.frame(data), web),
        "grpc-web, gzip": _posted(rpc, zipped, web, ("grpc-encoding", "gzip")),
        "grpc-web-text": _posted(rpc, frames.text(dice_of(0, "text", len(data)), frames.frame(data)), text),
    }


@settings(max_examples=40, deadline=None)
@given(message=messages(message_type("t.v1.Req")))
def test_a_message_is_the_same_over_every_protocol(ask: Ask, message: Any) -> None:
    message.weird = ""
    data = encoded(message)
    for name, request in _forms(printed(message).encode(), data).items():
        told = oracles.http(request, ask(request))
        assert (name, told.code, told.messages) == (name, 0, (data,))


@settings(max_examples=100, deadline=None)
@given(
    target=st.sampled_from(TARGETS),
    kind=st.sampled_from(TYPES),
    body=st.binary(max_size=60),
    more=st.lists(st.sampled_from([VERSION, GZIP, ("grpc-encoding", "gzip"), ("grpc-timeout", "5S")]), unique=True),
    cuts=st.lists(st.integers(1, 59), max_size=5, unique=True),
)
def test_how_a_body_is_cut_changes_nothing(
    ask: Ask, target: bytes, kind: str, body: bytes, more: list[tuple[str, str]], cuts: list[int]
) -> None:
    whole = _posted(target, body, *([("content-type", kind)] if kind else []), *more)
    in_pieces = replace(whole, cuts=tuple(sorted(cuts)), quirks=Quirk.CHUNKED)
    answer = ask(whole)
    oracles.http(whole, answer)
    assert ask(in_pieces) == answer


HEADER = st.tuples(
    st.from_regex(r"[a-z][a-z0-9_-]{0,8}(-bin)?", fullmatch=True),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=8).map(
        str.strip
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "BREW"]),
    target=st.binary(max_size=12).map(lambda data: b"/" + data.translate(None, bytes(range(0x21)) + b"\x7f#")),
    headers=st.lists(HEADER, max_size=4),
    body=st.binary(max_size=20),
)
def test_any_request_at_all_gets_a_well_formed_answer(
    ask: Ask, method: str, target: bytes, headers: Headers, body: bytes
) -> None:
    request = HttpInput(method, target, tuple(headers), body)
    oracles.http(request, ask(request))


def _comparable(request: HttpInput) -> bool:
    """Whether all servers hand it over alike: WSGI joins headers that repeat, and HTTP has rules for heads.

    Nor do deadlines of a few milliseconds end alike: one call is in time, the next is not.
    """
    names = [name.replace("_", "-") for name, _ in request.headers]
    is_handed_over = not refusals.http1(request) and not refusals.is_malformed(request)
    is_a_race = ("connect-timeout-ms", "1.5") in request.headers
    is_once = len(set(names)) == len(names)
    is_alike = request.stays and not request.has(Quirk.LYING_LENGTH) and not request.has(Quirk.NO_RAW_PATH)
    return is_handed_over and is_once and is_alike and not is_a_race


# What a server adds, or what names the answer.
_NOT_IN_COMMON = {"content-length", "x-request-id", "date", "connection", "transfer-encoding"}


def _in_common(answer: HttpAnswer) -> tuple[object, ...]:
    headers = sorted(pair for pair in answer.headers if pair[0] not in _NOT_IN_COMMON)
    return answer.status, headers, answer.body


@pytest.mark.parametrize("edge", [edge for edge in GENERATORS if edge != "grpc"])
async def test_all_faces_give_the_same_answer(edge: str) -> None:
    compared = 0
    async with faces(edge, ["on the loop"] * 3) as senders:
        for index in range(200):
            request = GENERATORS[edge](dice_of(3, edge, index)).input
            assert isinstance(request, HttpInput)
            if not _comparable(request):
                continue
            answers = {face: await send(request) for face, send in senders.items()}
            first, *others = [_in_common(answer) for answer in answers.values() if isinstance(answer, HttpAnswer)]
            assert others == [first] * (len(senders) - 1), request
            compared += 1
    assert compared > 30
