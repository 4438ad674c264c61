"""The state machine: one answer for each message of Envoy's, and nothing passes that its execution has not seen."""

import asyncio
import gzip
import os
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import (
    HttpBody,
    HttpHeaders,
    HttpTrailers,
    ProcessingMode,
    ProcessingRequest,
    ProtocolConfiguration,
)
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    ExecutionForwardedError,
    StoreUnavailableError,
)
from actiond.api.ext_proc.notices import Notice
from actiond.api.message_payload import MessageNotJsonError
from tests.ext_proc.conftest import Begin
from tests.ext_proc.dialogue import BUFFERED, LIMIT, MODES, OK_RESPONSE, STREAMED, header_map, unchanged
from tests.ext_proc.test_frames import cut
from tests.support.proxied.shop import CHAT, PLACE, UPLOAD, WATCH, order, order_class, receipt, receipt_class
from tests.support.wire.grpc_web import frame, parse_status, split_frames


def failing(_message: Any) -> Exception:
    return ExecutionFailedError()


def renamed(message: Any) -> Any:
    changed = type(message)()
    changed.CopyFrom(message)
    changed.id = f"{message.id}!"
    return changed


def framed(*messages: Any) -> bytes:
    return b"".join(frame(message.SerializeToString()) for message in messages)


def orders(body: bytes) -> list[Any]:
    return [order_class().FromString(data) for _, data in split_frames(body)]


def receipts(body: bytes) -> list[Any]:
    return [receipt_class().FromString(data) for _, data in split_frames(body)]


def ids(messages: Iterable[Any]) -> list[str]:
    return [message.id for message in messages]


# Where there is nothing to do.


@pytest.mark.parametrize("path", [PLACE, "/other.v1.Other/Call", "/index.html", ""])
async def test_a_call_that_no_execution_fits_is_over_with_its_headers(begin: Begin, path: str) -> None:
    talk = begin()
    answer = await talk.request_headers(path)
    assert answer.WhichOneof("response") == "request_headers"
    assert not answer.request_headers.ListFields()
    assert talk.is_over


async def test_a_request_execution_alone_lets_go_of_the_call_with_the_last_byte_of_the_request(begin: Begin) -> None:
    talk = begin(request=unchanged)
    await talk.request_headers(PLACE)
    assert not talk.is_over
    await talk.request_body(framed(order(id="1")))
    assert talk.is_over


async def test_a_response_execution_lets_go_of_the_call_behind_the_only_response(begin: Begin) -> None:
    talk = begin(response=unchanged)
    await talk.request(PLACE, [framed(order(id="1"))])
    await talk.response_headers()
    assert not talk.is_over
    await talk.response_body(framed(receipt(id="1")))
    assert talk.is_over


async def test_the_upstreams_error_without_a_message_runs_no_execution(begin: Begin) -> None:
    talk = begin(response=failing)
    await talk.request(PLACE, [framed(order(id="1"))])
    await talk.response_headers(*OK_RESPONSE, ("grpc-status", "5"), end=True)
    assert talk.is_over
    assert not talk.is_refused
    assert talk.executions.calls == []


# Bytes.


async def test_what_no_execution_changes_stays_as_it_came(begin: Begin) -> None:
    talk = begin(request=unchanged, response=unchanged)
    there = frame(gzip.compress(order(id="1").SerializeToString()), 1)
    await talk.request(PLACE, [there], ("grpc-encoding", "gzip"))
    back = framed(receipt(id="1"))
    await talk.response([back])
    assert (talk.upstream, talk.client) == (there, back)
    assert not any(answer.request_body.response.HasField("body_mutation") for answer in talk.answers)


async def test_what_an_execution_changes_is_sent_without_compression(begin: Begin) -> None:
    talk = begin(request=renamed)
    await talk.request(
        PLACE, [frame(zlib.compress(order(id="1").SerializeToString()), 1)], ("grpc-encoding", "deflate")
    )
    assert talk.upstream == framed(order(id="1!"))


async def test_the_content_length_is_removed_where_a_body_may_change(begin: Begin) -> None:
    talk = begin(request=unchanged, response=unchanged)
    answer = await talk.request_headers(PLACE)
    assert answer.request_headers.response.header_mutation.remove_headers == ["content-length"]
    await talk.request_body(framed(order()))
    answer = await talk.response_headers()
    assert answer.response_headers.response.header_mutation.remove_headers == ["content-length"]


async def test_the_upstream_is_offered_no_encoding_that_cannot_be_read(begin: Begin) -> None:
    for accepted, offered in (("identity, deflate,gzip,zstd", "identity,deflate,gzip"), ("zstd", "identity")):
        talk = begin(response=unchanged)
        answer = await talk.request_headers(PLACE, ("grpc-accept-encoding", accepted))
        (option,) = answer.request_headers.response.header_mutation.set_headers
        assert (option.header.key, option.header.raw_value.decode()) == ("grpc-accept-encoding", offered)


ids_of = st.lists(st.text("abc", min_size=1, max_size=3), max_size=5)
points = st.lists(st.integers(0, 10_000), max_size=12)
STREAMS = {PLACE: (False, False), UPLOAD: (True, False), WATCH: (False, True), CHAT: (True, True)}


@given(
    path=st.sampled_from([PLACE, UPLOAD, WATCH, CHAT]),
    there=ids_of,
    back=ids_of,
    points_there=points,
    points_back=points,
    changes=st.sampled_from([unchanged, renamed]),
    sides=st.sampled_from([("request",), ("response",), ("request", "response")]),
)
async def test_every_chunking_comes_to_the_same(
    begin: Begin,
    path: str,
    there: list[str],
    back: list[str],
    points_there: list[int],
    points_back: list[int],
    changes: Any,
    sides: tuple[str, ...],
) -> None:
    many_there, many_back = STREAMS[path]
    sent = [order(id=each, count=1) for each in (there if many_there else (there or ["a"])[:1])]
    returned = [receipt(id=each, count=2) for each in (back if many_back else (back or ["b"])[:1])]
    modes = ProtocolConfiguration(request_body_mode=STREAMED, response_body_mode=STREAMED)
    talk = begin(**dict.fromkeys(sides, changes), modes=modes)
    await talk.request(path, cut(framed(*sent), points_there))
    await talk.response(cut(framed(*returned), points_back))
    assert not talk.is_refused
    assert orders(talk.upstream) == [changes(each) if "request" in sides else each for each in sent]
    assert receipts(talk.client) == [changes(each) if "response" in sides else each for each in returned]
    assert talk.trailers == {"grpc-status": "0"}
    assert talk.is_over


@given(
    path=st.sampled_from([PLACE, UPLOAD, WATCH, CHAT]),
    there=st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5),
    fails_at=st.integers(0, 4),
    points_there=points,
    is_buffered=st.booleans(),
)
async def test_no_request_passes_from_the_one_on_that_an_execution_refuses(
    begin: Begin, path: str, there: list[str], fails_at: int, points_there: list[int], is_buffered: bool
) -> None:
    sent = [order(id=each) for each in (there if STREAMS[path][0] else there[:1])]
    fails_at %= len(sent)
    seen: list[str] = []

    def run(message: Any) -> Any:
        seen.append(message.id)
        return ExecutionFailedError() if len(seen) == fails_at + 1 else message

    modes = MODES if is_buffered else ProtocolConfiguration(request_body_mode=STREAMED, response_body_mode=STREAMED)
    talk = begin(request=run, modes=modes)
    await talk.request(path, [framed(*sent)] if is_buffered else cut(framed(*sent), points_there))
    assert talk.is_refused
    assert talk.ended_with is not None
    assert talk.ended_with["grpc-status"] == "9"
    passed = orders(talk.upstream)
    assert ids(passed) == ids(sent)[: len(passed)]
    assert len(passed) <= fails_at
    assert seen == ids(sent)[: fails_at + 1]


@given(
    path=st.sampled_from([PLACE, WATCH, CHAT]),
    back=st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5),
    fails_at=st.integers(0, 4),
    points_back=points,
)
async def test_the_responses_before_the_one_that_is_refused_pass_and_the_trailers_have_the_error(
    begin: Begin, path: str, back: list[str], fails_at: int, points_back: list[int]
) -> None:
    returned = [receipt(id=each) for each in (back if STREAMS[path][1] else back[:1])]
    fails_at %= len(returned)
    seen: list[str] = []

    def run(message: Any) -> Any:
        seen.append(message.id)
        return ExecutionFailedError() if len(seen) == fails_at + 1 else message

    talk = begin(response=run)
    await talk.request(path, [framed(order(id="1"))])
    await talk.response(cut(framed(*returned), points_back))
    assert not talk.is_refused
    assert ids(receipts(talk.client)) == ids(returned)[:fails_at]
    assert parse_status(talk.trailers).code == 9
    assert seen == ids(returned)[: fails_at + 1]


kinds = st.sampled_from(["request_headers", "request_body", "request_trailers"])
back_kinds = st.sampled_from(["response_headers", "response_body", "response_trailers"])
garbage = st.one_of(st.binary(max_size=20), st.sampled_from([framed(order(id="a")), frame(b"\xff"), frame(b"", 1)]))


@given(
    st.lists(st.tuples(st.one_of(kinds, back_kinds), garbage, st.booleans()), max_size=8),
    st.sampled_from(list(STREAMS)),
)
async def test_whatever_envoy_sends_gets_one_answer_each_and_nothing_unseen_passes(
    begin: Begin, steps: list[tuple[str, bytes, bool]], path: str
) -> None:
    seen: list[bytes] = []

    def run(message: Any) -> Any:
        seen.append(message.SerializeToString())
        return message

    talk = begin(request=run, response=run)
    for kind, data, end in steps:
        if talk.is_over:
            break
        if kind == "request_headers":
            await talk.request_headers(path, end=end)
        elif kind == "response_headers":
            await talk.response_headers(end=end)
        elif kind == "request_body":
            await talk.request_body(data, end=end)
        elif kind == "response_body":
            await talk.response_body(data, end=end)
        elif kind == "request_trailers":
            await talk.send(request_trailers=HttpTrailers(trailers=header_map(())))
        else:
            await talk.response_trailers()
    for body in (talk.upstream, talk.client):
        for flags, data in split_frames(body):
            assert flags == 0
            assert data in seen


async def test_a_message_without_content_is_answered_by_ending_the_call(begin: Begin) -> None:
    talk = begin(request=unchanged)
    answer = await talk.call.answer(ProcessingRequest())
    assert answer.immediate_response.grpc_status.status == 13


# Errors.


@pytest.mark.parametrize(
    ("error", "code", "text", "has_details"),
    [
        (ExecutionFailedError(), 9, "Execution failed (EXEC-dra6yamk98)", True),
        (ExecutionForwardedError(404, "no ü"), 5, "no ü (EXEC-reUaUZCzCp)", True),
        (DeadlineExceededError(), 4, "deadline exceeded", False),
        (StoreUnavailableError(), 14, "the store is unavailable", True),
        (RuntimeError("secret"), 13, "internal error", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_an_error_has_one_status_on_both_sides(
    begin: Begin, error: Exception, code: int, text: str, has_details: bool
) -> None:
    there = begin(request=lambda _: error)
    await there.request(PLACE, [framed(order())])
    assert there.ended_with is not None
    back = begin(response=lambda _: error)
    await back.request(PLACE, [framed(order())])
    await back.response([framed(receipt())])
    for fields in (there.ended_with, back.trailers):
        status = parse_status(fields)
        assert (status.code, status.message, bool(status.details)) == (code, text, has_details)
    assert (there.ended_as.status.code, there.ended_as.grpc_status.status) == (200, code)
    assert there.ended_with["content-type"] == "application/grpc"
    assert there.ended_as.body == b""
    assert (there.upstream, back.client) == (b"", b"")


async def test_clients_of_other_services_do_not_learn_how_to_bypass(begin: Begin) -> None:
    talk = begin(request=failing)
    await talk.request(PLACE, [framed(order())])
    assert talk.ended_with is not None
    assert "google.rpc.Help" not in str(parse_status(talk.ended_with))


async def test_a_plan_that_cannot_be_read_refuses_the_call(begin: Begin) -> None:
    talk = begin(request=unchanged)
    talk.executions.error = StoreUnavailableError()
    await talk.request_headers(PLACE)
    assert talk.ended_with is not None
    assert talk.ended_with["grpc-status"] == "14"


GZIPPED = (("grpc-encoding", "gzip"),)


@pytest.mark.parametrize(
    ("fields", "body", "code"),
    [
        ((), b"", "12"),
        ((), framed(order(), order()), "12"),
        ((), framed(order()) + b"\0", "13"),
        ((), framed(order())[:-1] if order().ByteSize() else b"\0\0\0\0\5abc", "13"),
        ((), frame(b"\xff"), "3"),
        ((), frame(b"", 1), "13"),
        ((), frame(b"", 2), "13"),
        (GZIPPED, frame(b"no gzip", 1), "13"),
        (GZIPPED, frame(gzip.compress(bytes(LIMIT + 1)), 1), "8"),
        ((), frame(bytes(LIMIT + 1)), "8"),
        ((), framed(order(time={"seconds": 10**15})), "3"),
        ((("grpc-timeout", "soon"),), framed(order()), "3"),
        ((("grpc-encoding", "zstd"),), framed(order()), "12"),
    ],
)
async def test_a_request_that_cannot_be_read_ends_the_call(
    begin: Begin, fields: tuple[tuple[str, str], ...], body: bytes, code: str
) -> None:
    talk = begin(request=unchanged)
    await talk.request(PLACE, [body], *fields)
    assert talk.ended_with is not None
    assert talk.ended_with["grpc-status"] == code
    assert talk.upstream == b""
    assert talk.executions.calls == []


@pytest.mark.parametrize(
    ("fields", "body", "code"),
    [
        ((), framed(receipt(), receipt()), "13"),
        ((), framed(receipt(id="1"))[:-1], "13"),
        ((), frame(b"\xff"), "13"),
        ((), frame(b"", 1), "13"),
        ((), frame(bytes(LIMIT + 1)), "8"),
        ((), framed(receipt(time={"seconds": 10**15})), "13"),
    ],
)
async def test_a_response_that_cannot_be_read_is_the_upstreams_fault(
    begin: Begin, fields: tuple[tuple[str, str], ...], body: bytes, code: str
) -> None:
    talk = begin(response=unchanged)
    await talk.request(PLACE, [framed(order())])
    await talk.response([body])
    assert (talk.client, talk.trailers["grpc-status"]) == (b"", code)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (((":status", "200"), ("content-type", "text/html")), "13"),
        ((*OK_RESPONSE, ("grpc-encoding", "zstd")), "13"),
    ],
)
async def test_a_response_whose_headers_cannot_be_read_ends_the_call(
    begin: Begin, fields: tuple[tuple[str, str], ...], code: str
) -> None:
    talk = begin(response=unchanged)
    await talk.request(PLACE, [framed(order())])
    await talk.response_headers(*fields)
    assert talk.ended_with is not None
    assert talk.ended_with["grpc-status"] == code


async def test_an_error_of_http_passes(begin: Begin) -> None:
    talk = begin(response=failing)
    await talk.request(PLACE, [framed(order())])
    await talk.response_headers((":status", "502"), ("content-type", "text/html"))
    assert talk.is_over
    assert not talk.is_refused


async def test_a_response_that_fails_where_no_trailers_follow_ends_the_call(begin: Begin) -> None:
    talk = begin(response=failing)
    await talk.request(WATCH, [framed(order())])
    await talk.response_headers()
    await talk.response_body(framed(receipt()), end=True)
    assert talk.is_refused


async def test_a_response_that_ends_without_trailers_behind_a_failure_ends_the_call(begin: Begin) -> None:
    talk = begin(response=failing)
    await talk.request(WATCH, [framed(order())])
    await talk.response_headers()
    await talk.response_body(framed(receipt()))
    assert not talk.is_refused
    await talk.response_body(framed(receipt()), end=True)
    assert talk.is_refused
    assert talk.client == b""


@pytest.mark.parametrize(("path", "code"), [(PLACE, "12"), (WATCH, "12"), (UPLOAD, None), (CHAT, None)])
async def test_a_call_without_a_body_lacks_its_message_unless_it_sends_a_stream(
    begin: Begin, path: str, code: str | None
) -> None:
    talk = begin(request=unchanged)
    await talk.request_headers(path, end=True)
    assert talk.is_over
    assert (None if talk.ended_with is None else talk.ended_with["grpc-status"]) == code


@pytest.mark.parametrize(("rest", "code"), [(b"", None), (b"\0\0", "13")])
async def test_a_stream_of_requests_may_end_with_trailers(begin: Begin, rest: bytes, code: str | None) -> None:
    talk = begin(request=unchanged)
    await talk.request_headers(UPLOAD)
    await talk.request_body(framed(order(id="1")) + rest, end=False)
    await talk.send(request_trailers=HttpTrailers())
    assert talk.is_over
    assert (None if talk.ended_with is None else talk.ended_with["grpc-status"]) == code


async def test_large_messages_are_decompressed_too(begin: Begin) -> None:
    one = order(data=os.urandom(60_000))
    talk = begin(request=renamed)
    await talk.request(PLACE, [frame(gzip.compress(one.SerializeToString()), 1)], *GZIPPED)
    assert [each.data for each in orders(talk.upstream)] == [one.data]


async def test_trailers_that_never_come_are_noticed(begin: Begin) -> None:
    talk = begin(response=failing)
    await talk.request(WATCH, [framed(order())])
    await talk.response_headers()
    await talk.response_body(framed(receipt()))
    talk.call.closed()
    assert talk.notices.heard == [Notice.RESPONSE_TRAILERS_SKIPPED]


# Deadlines and who calls.


async def test_the_deadline_of_the_proxied_call_cuts_an_execution(begin: Begin) -> None:
    talk = begin(request=lambda _: asyncio.sleep(30))
    await talk.request(PLACE, [framed(order())], ("grpc-timeout", "50m"))
    assert talk.ended_with is not None
    assert talk.ended_with["grpc-status"] == "4"


async def test_a_cancelled_stream_cancels_its_execution_and_is_no_answer(begin: Begin) -> None:
    began = asyncio.Event()

    async def wait(_message: Any) -> None:
        began.set()
        await asyncio.sleep(30)

    talk = begin(request=wait)
    running = asyncio.create_task(talk.request(PLACE, [framed(order())], ("grpc-timeout", "20S")))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_executions_learn_the_facts_of_the_proxied_call(begin: Begin) -> None:
    talk = begin(request=unchanged)
    more = (
        ("x-request-id", "id-1"),
        ("origin", "https://a"),
        ("x-forwarded-for", "1.2.3.4"),
        ("cookie", "secret"),
        ("a-bin", "AA"),
    )
    await talk.request(PLACE, [framed(order())], *more)
    ((_, call, _, _),) = talk.executions.calls
    assert (call.method, call.owner, call.user_id, call.org_id) == (PLACE, "owner", "", "")
    assert call.headers == {
        "content-type": ["application/grpc"],
        "host": ["shop.example"],
        "origin": ["https://a"],
        "x-forwarded-for": ["1.2.3.4"],
    }
    assert call.running.request_id == "id-1"
    assert not call.running.is_privileged
    assert ("cookie", "secret") in call.metadata()
    assert not {":path", "a-bin"} & {name for name, _ in call.metadata()}


@pytest.mark.parametrize(
    "given", [(), (("x-request-id", ""),), (("x-request-id", "x" * 129),), (("x-request-id", "a b\xe9"),)]
)
async def test_a_call_without_a_request_id_gets_one(begin: Begin, given: tuple[tuple[str, str], ...]) -> None:
    talk = begin(request=unchanged)
    await talk.request(PLACE, [framed(order())], *given)
    assert talk.executions.calls[0][1].running.request_id == "new-id"


async def test_a_response_is_shown_with_the_last_request_as_it_was_passed_on(begin: Begin) -> None:
    talk = begin(request=renamed, response=unchanged)
    await talk.request(UPLOAD, [framed(order(id="1"), order(id="2"))])
    await talk.response([framed(receipt(id="3"))])
    shown = [request for side, _, request, _ in talk.executions.calls if side == "response"]
    assert ids(shown) == ["2!"]


async def test_a_response_before_the_first_request_is_shown_with_an_empty_one(begin: Begin) -> None:
    talk = begin(response=unchanged)
    await talk.request_headers(CHAT)
    await talk.response_headers()
    await talk.response_body(framed(receipt(id="3")))
    ((_, _, request, _),) = talk.executions.calls
    assert request is not None
    assert request.DESCRIPTOR.full_name == "shop.v1.Order"
    assert not request.ListFields()


async def test_requests_behind_an_early_response_are_still_looked_at(begin: Begin) -> None:
    talk = begin(request=renamed, response=unchanged)
    await talk.request_headers(UPLOAD)
    await talk.response_headers()
    await talk.response_body(framed(receipt(id="1")))
    await talk.request_body(framed(order(id="2")))
    assert ids(orders(talk.upstream)) == ["2!"]


# What is refused.

NONE, PARTIAL = ProcessingMode.NONE, ProcessingMode.BUFFERED_PARTIAL
DUPLEX, GRPC = ProcessingMode.FULL_DUPLEX_STREAMED, ProcessingMode.GRPC


def modes(request: int, response: int) -> ProtocolConfiguration:
    return ProtocolConfiguration(
        request_body_mode=request,  # type: ignore[arg-type]  # an enum's value
        response_body_mode=response,  # type: ignore[arg-type]  # an enum's value
    )


@pytest.mark.parametrize("sides", [("request",), ("response",)], ids=lambda sides: sides[0])
@pytest.mark.parametrize(
    ("path", "config", "of_request", "of_response"),
    [
        (PLACE, modes(BUFFERED, STREAMED), None, None),
        (PLACE, modes(STREAMED, STREAMED), None, None),
        (PLACE, modes(BUFFERED, BUFFERED), None, None),
        (PLACE, modes(BUFFERED, NONE), None, Notice.RESPONSE_BODY),
        (PLACE, modes(BUFFERED, PARTIAL), None, Notice.RESPONSE_BODY),
        (PLACE, modes(NONE, STREAMED), Notice.REQUEST_BODY, Notice.REQUEST_BODY),
        (PLACE, modes(PARTIAL, STREAMED), Notice.REQUEST_BODY, Notice.REQUEST_BODY),
        (PLACE, modes(DUPLEX, DUPLEX), Notice.FULL_DUPLEX, Notice.FULL_DUPLEX),
        (PLACE, modes(BUFFERED, DUPLEX), Notice.FULL_DUPLEX, Notice.FULL_DUPLEX),
        (PLACE, modes(GRPC, GRPC), Notice.GRPC_MODE, Notice.GRPC_MODE),
        (PLACE, modes(99, STREAMED), Notice.REQUEST_BODY, Notice.REQUEST_BODY),
        (WATCH, modes(BUFFERED, BUFFERED), None, Notice.RESPONSE_STREAM),
        (CHAT, modes(STREAMED, BUFFERED), None, Notice.RESPONSE_STREAM),
        (UPLOAD, modes(BUFFERED, BUFFERED), None, None),
        (PLACE, None, Notice.NO_MODES, Notice.NO_MODES),
    ],
)
async def test_modes_that_would_hide_a_message_are_refused(
    begin: Begin,
    sides: tuple[str, ...],
    path: str,
    config: ProtocolConfiguration | None,
    of_request: Notice | None,
    of_response: Notice | None,
) -> None:
    talk = begin(**dict.fromkeys(sides, unchanged), modes=config)
    await talk.request_headers(path)
    notice = of_request if sides == ("request",) else of_response
    assert talk.notices.heard == ([] if notice is None else [notice])
    assert talk.is_refused == (notice is not None)
    if talk.ended_with is not None:
        assert talk.ended_with["grpc-status"] == "14"


@pytest.mark.parametrize("config", [None, modes(NONE, NONE), modes(GRPC, GRPC), modes(DUPLEX, DUPLEX)])
async def test_a_call_that_no_execution_fits_passes_in_any_mode(
    begin: Begin, config: ProtocolConfiguration | None
) -> None:
    talk = begin(modes=config)
    await talk.request_headers(PLACE)
    assert talk.is_over
    assert not talk.is_refused


@pytest.mark.parametrize(
    "message",
    [
        {"request_body": HttpBody(body=framed(order()), end_of_stream=True)},
        {"response_headers": HttpHeaders(headers=header_map(OK_RESPONSE))},
        {"response_body": HttpBody(body=framed(receipt()))},
        {"request_trailers": HttpTrailers()},
        {"response_trailers": HttpTrailers()},
    ],
    ids=lambda message: next(iter(message)),
)
async def test_a_stream_that_does_not_begin_with_the_requests_headers_is_refused(
    begin: Begin, message: dict[str, Any]
) -> None:
    # Without bodies, the response's headers may be those of the upstream.
    talk = begin(modes=modes(NONE, STREAMED))
    await talk.send(**message)
    assert talk.is_refused
    assert talk.notices.heard == [Notice.REQUEST_HEADERS_SKIPPED]


async def test_the_response_of_a_filter_before_ours_passes(begin: Begin) -> None:
    talk = begin(request=failing, response=failing)
    await talk.response_headers((":status", "401"), ("content-type", "text/plain"))
    assert talk.is_over
    assert not talk.is_refused
    assert talk.notices.heard == []


async def test_a_response_without_its_headers_is_refused(begin: Begin) -> None:
    talk = begin(response=unchanged)
    await talk.request(PLACE, [framed(order())])
    await talk.response_body(framed(receipt()))
    assert talk.is_refused
    assert talk.notices.heard == [Notice.RESPONSE_HEADERS_SKIPPED]


@pytest.mark.parametrize(
    ("content_type", "path", "method", "notice", "refusal"),
    [
        ("application/grpc+proto", PLACE, "POST", None, None),
        ("Application/GRPC; charset=utf-8", PLACE, "POST", None, None),
        ("application/grpc-web+proto", PLACE, "POST", Notice.GRPC_WEB, "14"),
        ("application/grpc-web-text", PLACE, "POST", Notice.GRPC_WEB, "14"),
        ("application/grpc+json", PLACE, "POST", Notice.NOT_GRPC, "14"),
        ("application/proto", PLACE, "POST", Notice.NOT_GRPC, "415"),
        ("", PLACE, "POST", Notice.NOT_GRPC, "415"),
        ("application/json", "/shop.v1.Shop/place", "POST", Notice.NOT_GRPC, "415"),
        ("application/json", "/shop.v1.Shop/Unknown", "POST", Notice.NOT_GRPC, "415"),
        ("application/json", PLACE, "OPTIONS", Notice.NOT_GRPC, "415"),
        ("text/plain", "/other.v1.Other/Call", "POST", Notice.NOT_GRPC, "415"),
        ("", "/other.v1.Other/Call", "POST", Notice.NOT_GRPC, "415"),
        ("text/plain", "/other.v1.Other/Call", "GET", None, None),
        ("text/plain", "/a/b/c", "POST", None, None),
        ("text/html", "/index.html", "GET", None, None),
        ("application/grpc", "/other.v1.Other/Call", "POST", Notice.UNKNOWN_METHOD, "14"),
        ("application/grpc", "/shop.v1.Shop/Unknown", "POST", Notice.UNKNOWN_METHOD, "14"),
        ("application/grpc", "/shop.v1.shop/place", "POST", Notice.OTHER_SPELLING, "12"),
    ],
)
async def test_what_cannot_be_read_as_a_call_of_a_known_method(
    begin: Begin, content_type: str, path: str, method: str, notice: Notice | None, refusal: str | None
) -> None:
    talk = begin(request=unchanged)
    talk.executions.is_for = lambda _: True  # it is for all
    fields = ((":method", method), (":path", path), ("content-type", content_type))
    await talk.send(request_headers=HttpHeaders(headers=header_map(fields)))
    assert talk.notices.heard == ([] if notice is None else [notice])
    if refusal == "415":
        assert talk.ended_as.status.code == 415
    elif refusal is not None:
        assert talk.ended_with is not None
        assert talk.ended_with["grpc-status"] == refusal
    else:
        assert not talk.is_refused


def without_json(_message: Any) -> Exception:
    return MessageNotJsonError("shop.v1.Order", "a Value has no kind")


async def test_a_request_that_targets_cannot_be_shown_is_refused_as_the_clients_fault(begin: Begin) -> None:
    talk = begin(request=without_json)
    await talk.request(PLACE, [framed(order())])
    assert talk.ended_with is not None
    assert talk.ended_with["grpc-status"] == "3"


async def test_a_response_that_targets_cannot_be_shown_is_the_upstreams_fault(begin: Begin) -> None:
    talk = begin(response=without_json)
    await talk.request(PLACE, [framed(order())])
    await talk.response([framed(receipt())])
    assert talk.client == b""
    assert talk.trailers["grpc-status"] == "13"


async def test_a_preflight_passes(begin: Begin) -> None:
    talk = begin(request=failing)
    fields = ((":method", "OPTIONS"), (":path", PLACE), ("access-control-request-method", "POST"))
    await talk.send(request_headers=HttpHeaders(headers=header_map(fields)))
    assert (talk.is_over, talk.is_refused, talk.notices.heard) == (True, False, [])


async def test_an_envoy_that_ignores_the_answers_is_noticed(begin: Begin) -> None:
    talk = begin(request=failing)
    await talk.request_headers(PLACE, observability_mode=True)
    assert talk.is_over
    assert talk.notices.heard == [Notice.OBSERVED]


# Modes that are asked for.


@pytest.mark.parametrize(
    ("path", "sides", "override"),
    [
        (PLACE, ("request", "response"), None),
        (WATCH, ("response",), None),
        (UPLOAD, ("request",), (ProcessingMode.SKIP, STREAMED, NONE, ProcessingMode.SKIP)),
        (CHAT, ("response",), (ProcessingMode.SEND, STREAMED, STREAMED, ProcessingMode.SEND)),
    ],
)
async def test_a_stream_of_requests_is_asked_for_message_by_message(
    begin: Begin, path: str, sides: tuple[str, ...], override: tuple[int, ...] | None
) -> None:
    talk = begin(**dict.fromkeys(sides, unchanged))
    mode = (await talk.request_headers(path)).mode_override
    asked = (mode.response_header_mode, mode.request_body_mode, mode.response_body_mode, mode.response_trailer_mode)
    assert asked == (override or (0, 0, 0, 0))


async def test_responses_of_a_stream_without_an_execution_pass_where_the_override_is_not_allowed(begin: Begin) -> None:
    talk = begin(request=renamed)
    await talk.request_headers(CHAT)
    await talk.request_body(framed(order(id="1")), end=False)
    await talk.response_headers()
    await talk.response_body(framed(receipt(id="1")))
    await talk.request_body(framed(order(id="2")), end=True)
    assert (ids(orders(talk.upstream)), ids(receipts(talk.client))) == (["1!", "2!"], ["1"])
    assert talk.is_over
