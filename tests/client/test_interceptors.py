"""What an interceptor does with each kind of method, on each of grpcio's servers, whatever actiond answers.

Which of actiond's errors mean what is in test_asking.py.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1 import execution_service_pb2 as pb

from tests.client.shop import FLAVOURS, KINDS, SERVICE, Handled, Outcome, begin, call, order, raw, serve
from tests.support.servers.actions_double import (
    ActionsDouble,
    changed_request,
    changed_response,
    ends_with,
    hangs,
    interrupted,
    status,
    unchanged_request,
    unchanged_response,
)
from tests.support.servers.ports import lasting_port

pytestmark = [
    pytest.mark.parametrize("flavour", FLAVOURS),
    pytest.mark.parametrize("method", KINDS),
]

PLAIN = {
    "Place": ("handled tea",),
    "Follow": ("handled tea 0", "handled tea 1", "handled tea 2"),
    "Fill": ("handled tea,cake",),
    "Chat": ("handled tea", "handled cake"),
}
"""The responses to ITEMS without executions."""
ITEMS = ("tea", "cake")
UNAVAILABLE = Outcome((), grpc.StatusCode.UNAVAILABLE, "actions are unavailable")


@pytest.fixture
def actiond() -> Iterator[ActionsDouble]:
    with ActionsDouble() as double:
        yield double


def test_a_call_for_which_nothing_is_set_is_unchanged(flavour: str, method: str, actiond: ActionsDouble) -> None:
    with serve(flavour, actiond.target, streams=True) as shop:
        assert call(shop.target, method, ITEMS) == Outcome(PLAIN[method])


def test_a_request_execution_changes_each_request(flavour: str, method: str, actiond: ActionsDouble) -> None:
    actiond.on_request = changed_request(raw("coffee"))
    with serve(flavour, actiond.target, streams=True) as shop:
        outcome = call(shop.target, method, ITEMS)
    changed = {
        "Place": ("handled coffee",),
        "Follow": ("handled coffee 0", "handled coffee 1", "handled coffee 2"),
        "Fill": ("handled coffee,coffee",),
        "Chat": ("handled coffee", "handled coffee"),
    }
    assert outcome == Outcome(changed[method])


def test_a_response_execution_changes_each_response(flavour: str, method: str, actiond: ActionsDouble) -> None:
    actiond.on_response = changed_response(raw("sold out"))
    with serve(flavour, actiond.target, streams=True) as shop:
        outcome = call(shop.target, method, ITEMS)
    assert outcome == Outcome(("sold out",) * len(PLAIN[method]))


def test_an_execution_that_changes_nothing_leaves_the_messages(
    flavour: str, method: str, actiond: ActionsDouble
) -> None:
    actiond.on_request, actiond.on_response = unchanged_request, unchanged_response
    with serve(flavour, actiond.target, streams=True) as shop:
        assert call(shop.target, method, ITEMS) == Outcome(PLAIN[method])


def test_actiond_gets_each_request_and_with_each_response_the_request_that_was_handled(
    flavour: str, method: str, actiond: ActionsDouble
) -> None:
    actiond.on_request, actiond.on_response = changed_request(raw("coffee")), unchanged_response
    with serve(flavour, actiond.target, streams=True) as shop:
        call(shop.target, method, ITEMS)
    requests_stream, responses_stream = KINDS[method]
    requests = [asked for asked in actiond.asked if isinstance(asked, pb.ExecuteRequestRequest)]
    responses = [asked for asked in actiond.asked if isinstance(asked, pb.ExecuteResponseRequest)]
    assert [asked.request.protobuf for asked in requests] == [
        raw(item) for item in ITEMS[: 2 if requests_stream else 1]
    ]
    assert {asked.call.method for asked in actiond.asked} == {f"/{SERVICE}/{method}"}
    assert [asked.request.protobuf for asked in responses] == [raw("coffee")] * len(responses)
    assert len(responses) == {"Place": 1, "Follow": 3, "Fill": 1, "Chat": 2}[method]
    assert responses_stream == (len(responses) > 1)


SIDES = ("request", "response")


def set_side(actiond: ActionsDouble, side: str, answer: Any) -> None:
    if side == "request":
        actiond.on_request = answer
    else:
        actiond.on_response = answer


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("fail_open", [False, True])
def test_the_error_that_an_execution_ends_with_is_that_of_the_call(
    flavour: str, method: str, actiond: ActionsDouble, side: str, fail_open: bool
) -> None:
    ended = interrupted()
    set_side(actiond, side, ends_with(ended))
    handled = Handled(trailers=(("own", "trailer"),))
    with serve(flavour, actiond.target, handled, streams=True, fail_open=fail_open) as shop:
        outcome = call(shop.target, method, ITEMS)
    trailers = (("own", "trailer"),) if side == "response" else ()
    assert outcome == Outcome((), grpc.StatusCode.FAILED_PRECONDITION, ended.message, ended, trailers)
    assert bool(handled.items) == (side == "response")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("fail_open", [False, True])
def test_a_failure_of_actiond_itself_refuses_the_call_or_lets_it_go_on_unexecuted(
    flavour: str, method: str, actiond: ActionsDouble, side: str, fail_open: bool
) -> None:
    set_side(actiond, side, ends_with(status(grpc.StatusCode.INTERNAL, "internal text")))
    with serve(flavour, actiond.target, streams=True, fail_open=fail_open) as shop:
        outcome = call(shop.target, method, ITEMS)
        counts = shop.interceptor.counts
    assert outcome == (Outcome(PLAIN[method]) if fail_open else UNAVAILABLE)
    messages = len(PLAIN[method]) if side == "response" else len(ITEMS) if KINDS[method][0] else 1
    assert (counts.refused, counts.passed) == ((0, messages) if fail_open else (1, 0))


@pytest.mark.parametrize("side", SIDES)
def test_a_call_whose_own_message_actiond_refuses_does_not_go_on_even_if_fail_open(
    flavour: str, method: str, actiond: ActionsDouble, side: str
) -> None:
    set_side(actiond, side, ends_with(status(grpc.StatusCode.INVALID_ARGUMENT, "message is larger than 1 MiB")))
    with serve(flavour, actiond.target, streams=True, fail_open=True) as shop:
        assert call(shop.target, method, ITEMS) == UNAVAILABLE


@pytest.mark.parametrize("fail_open", [False, True])
def test_without_actiond_a_call_is_refused_or_goes_on(flavour: str, method: str, fail_open: bool) -> None:
    with serve(flavour, f"127.0.0.1:{lasting_port()}", streams=True, fail_open=fail_open) as shop:
        assert call(shop.target, method, ITEMS) == (Outcome(PLAIN[method]) if fail_open else UNAVAILABLE)


@pytest.mark.parametrize("fail_open", [False, True])
def test_a_refused_token_refuses_calls_or_lets_them_go_on(
    flavour: str, method: str, actiond: ActionsDouble, fail_open: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(flavour, actiond.target, streams=True, fail_open=fail_open, token="another-token") as shop:
        assert call(shop.target, method, ITEMS) == (Outcome(PLAIN[method]) if fail_open else UNAVAILABLE)
    assert "UNAUTHENTICATED" in caplog.text or "the token is not known" in caplog.text
    assert "another-token" not in caplog.text


@pytest.mark.parametrize("fail_open", [False, True])
def test_an_actiond_that_is_killed_while_it_decides_refuses_the_call_or_lets_it_go_on(
    flavour: str, method: str, actiond: ActionsDouble, fail_open: bool
) -> None:
    entered = threading.Event()

    def deciding(request: Any, context: Any) -> Any:
        entered.set()
        return hangs(actiond)(request, context)

    actiond.on_request = deciding
    with (
        serve(flavour, actiond.target, streams=True, fail_open=fail_open, budget=20) as shop,
        ThreadPoolExecutor() as pool,
    ):
        running = pool.submit(call, shop.target, method, ITEMS)
        assert entered.wait(15)
        actiond.kill()
        assert running.result() == (Outcome(PLAIN[method]) if fail_open else UNAVAILABLE)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("fail_open", [False, True])
def test_an_actiond_slower_than_the_budget_refuses_the_call_or_lets_it_go_on(
    flavour: str, method: str, actiond: ActionsDouble, side: str, fail_open: bool
) -> None:
    set_side(actiond, side, hangs(actiond))
    with serve(flavour, actiond.target, streams=True, fail_open=fail_open, budget=0.15) as shop:
        assert call(shop.target, method, ITEMS) == (Outcome(PLAIN[method]) if fail_open else UNAVAILABLE)
    assert actiond.cancelled.wait(15)


@pytest.mark.parametrize("fail_open", [False, True])
def test_the_deadline_of_a_call_ends_it_and_what_actiond_does_for_it(
    flavour: str, method: str, actiond: ActionsDouble, fail_open: bool
) -> None:
    actiond.on_request = hangs(actiond)
    timeout = 0.3
    with serve(flavour, actiond.target, streams=True, fail_open=fail_open, budget=20) as shop:
        # On a busy machine it may pass before actiond is asked.
        while not actiond.asked:
            assert call(shop.target, method, ITEMS, timeout=timeout).code is grpc.StatusCode.DEADLINE_EXCEEDED
            timeout *= 2
        assert actiond.cancelled.wait(15)
        assert shop.handled.items == []


@pytest.mark.parametrize("side", SIDES)
def test_a_call_that_its_client_cancels_cancels_what_actiond_does_for_it(
    flavour: str, method: str, actiond: ActionsDouble, side: str
) -> None:
    entered = threading.Event()

    def deciding(request: Any, context: Any) -> Any:
        entered.set()
        return hangs(actiond)(request, context)

    set_side(actiond, side, deciding)
    with serve(flavour, actiond.target, streams=True, budget=20) as shop, grpc.insecure_channel(shop.target) as channel:
        orders = iter([order("tea")]) if KINDS[method][0] else order("tea")
        running = begin(channel, method, orders)
        assert entered.wait(15)
        running.cancel()
        assert actiond.cancelled.wait(15)
        assert len(shop.handled.items) == (1 if side == "response" else 0)


@pytest.mark.parametrize("way", ["fails", "sets_code"])
def test_the_handlers_own_error_is_that_of_the_call_and_no_response_execution_runs(
    flavour: str, method: str, actiond: ActionsDouble, way: str
) -> None:
    if way == "sets_code" and KINDS[method][1]:
        pytest.skip("streamed responses are executed as they come; the code comes after them")
    actiond.on_request, actiond.on_response = unchanged_request, changed_response(raw("sold out"))
    with serve(
        flavour, actiond.target, Handled(fails=way == "fails", sets_code=way == "sets_code"), streams=True
    ) as shop:
        outcome = call(shop.target, method, ITEMS)
    assert (outcome.items, outcome.code, outcome.message) == ((), grpc.StatusCode.NOT_FOUND, "no such item")
    assert all(isinstance(asked, pb.ExecuteRequestRequest) for asked in actiond.asked)


def test_without_streams_only_messages_beside_streams_are_executed(
    flavour: str, method: str, actiond: ActionsDouble
) -> None:
    actiond.on_request, actiond.on_response = changed_request(raw("coffee")), changed_response(raw("sold out"))
    with serve(flavour, actiond.target) as shop:
        outcome = call(shop.target, method, ITEMS)
    expected = {
        "Place": ("sold out",),
        "Follow": ("handled coffee 0", "handled coffee 1", "handled coffee 2"),
        "Fill": ("sold out",),
        "Chat": PLAIN["Chat"],
    }
    assert outcome == Outcome(expected[method])
    if method == "Fill":
        assert [asked.request.protobuf for asked in actiond.asked] == [raw("cake")]


def test_a_response_execution_that_does_not_run_for_a_stream_is_logged(
    flavour: str, method: str, actiond: ActionsDouble, caplog: pytest.LogCaptureFixture
) -> None:
    actiond.on_response = changed_response(raw("sold out"))
    with serve(flavour, actiond.target) as shop:
        call(shop.target, method, ITEMS)
        call(shop.target, method, ITEMS)
    lines = [record for record in caplog.records if "streams=True" in record.getMessage()]
    assert len(lines) == (1 if method == "Follow" else 0)


def test_a_skipped_service_is_never_asked_about(flavour: str, method: str, actiond: ActionsDouble) -> None:
    actiond.on_request = ends_with(interrupted())
    with serve(flavour, actiond.target, streams=True, skip=[SERVICE]) as shop:
        assert call(shop.target, method, ITEMS) == Outcome(PLAIN[method])
    assert actiond.asked == []


def test_a_message_that_does_not_parse_ends_the_call_before_actiond_is_asked(
    flavour: str, method: str, actiond: ActionsDouble, caplog: pytest.LogCaptureFixture
) -> None:
    if flavour == "threads" and KINDS[method][0]:
        pytest.skip("a server of grpcio may not stop after such a message, with or without an interceptor")
    actiond.on_request = unchanged_request
    with serve(flavour, actiond.target, streams=True) as shop, grpc.insecure_channel(shop.target) as channel:
        kind = f"{'stream' if KINDS[method][0] else 'unary'}_{'stream' if KINDS[method][1] else 'unary'}"
        requests = iter([b"\xff"]) if KINDS[method][0] else b"\xff"
        with pytest.raises(grpc.RpcError) as caught:
            list(
                getattr(channel, kind)(f"/{SERVICE}/{method}")(requests)
                if KINDS[method][1]
                else [getattr(channel, kind)(f"/{SERVICE}/{method}")(requests)]
            )
    assert caught.value.code() in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}  # threads, tasks
    assert actiond.asked == []
