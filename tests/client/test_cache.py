"""When actiond is asked, and when what it has said is used: never for longer than it holds."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from actiond.client.interceptors.rules import SILENCE
from tests.client.shop import (
    FLAVOURS,
    WATCHERS,
    Handled,
    Outcome,
    Served,
    begin,
    call,
    call_on,
    item_of,
    order,
    raw,
    serve,
)
from tests.support.servers.actions_double import (
    ActionsDouble,
    changed_response,
    ends_with,
    interrupted,
    unchanged_request,
    unchanged_response,
)
from tests.support.waiting import until

EACH_WATCH = pytest.mark.parametrize("flavour", WATCHERS)
EACH_FLAVOUR = pytest.mark.parametrize("flavour", FLAVOURS)

PLACED = Outcome(("handled tea",))
INTERRUPTED = grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture
def actiond() -> Iterator[ActionsDouble]:
    with ActionsDouble() as double:
        yield double


@pytest.fixture
def served(flavour: str, actiond: ActionsDouble) -> Iterator[Served]:
    with serve(flavour, actiond.target) as shop:
        yield shop


def asked_by(shop: Served, calls: int = 1) -> int:
    """Return how often actiond is asked by so many calls."""
    before = shop.interceptor.counts.asked
    for _ in range(calls):
        assert call(shop.target, "Place") == PLACED
    return int(shop.interceptor.counts.asked - before)


def warm(shop: Served) -> None:
    """Call until it is remembered that nothing is set."""
    until(lambda: asked_by(shop) == 0, "nothing is remembered")


def seconds_until(condition: Callable[[], bool]) -> float:
    start = time.monotonic()
    until(condition, "the cache ends")
    return time.monotonic() - start


@EACH_WATCH
def test_while_the_watch_is_heard_actiond_is_not_asked_about_a_method_for_which_nothing_is_set(served: Served) -> None:
    warm(served)
    end = time.monotonic() + 2 * SILENCE
    while time.monotonic() < end:
        assert asked_by(served) == 0


@EACH_FLAVOUR
def test_an_execution_that_is_set_runs_as_soon_as_the_watch_says_so(served: Served, actiond: ActionsDouble) -> None:
    warm(served)
    actiond.set_request(ends_with(interrupted()))
    assert seconds_until(lambda: call(served.target, "Place").code is INTERRUPTED) < SILENCE


@EACH_WATCH
def test_a_watch_that_falls_silent_is_not_trusted_after_a_second(served: Served, actiond: ActionsDouble) -> None:
    warm(served)
    actiond.is_silent = True
    actiond.on_request = ends_with(interrupted())
    assert seconds_until(lambda: call(served.target, "Place").code is INTERRUPTED) < 2 * SILENCE


@EACH_WATCH
def test_the_end_of_actiond_ends_what_it_has_said(served: Served, actiond: ActionsDouble) -> None:
    warm(served)
    actiond.kill()
    refused = grpc.StatusCode.UNAVAILABLE
    assert seconds_until(lambda: call(served.target, "Place").code is refused) < SILENCE
    actiond.start()
    until(lambda: call(served.target, "Place") == PLACED, "the channel connects again")
    warm(served)


@EACH_FLAVOUR
def test_only_what_is_set_is_asked_for(served: Served, actiond: ActionsDouble) -> None:
    actiond.on_response = unchanged_response
    warm_calls = 5
    until(lambda: asked_by(served) == 1, "that no request execution is set is remembered")
    assert asked_by(served, warm_calls) == warm_calls  # for the response alone


@EACH_WATCH
def test_without_a_watch_actiond_is_asked_for_every_call(flavour: str, actiond: ActionsDouble) -> None:
    actiond.refuses_watches = True
    with serve(flavour, actiond.target) as shop:
        assert asked_by(shop, 5) == 5
        until(lambda: actiond.watches >= 2, "the watch is tried again")
        assert asked_by(shop, 5) == 5


@EACH_FLAVOUR
def test_a_message_that_is_sent_long_after_its_call_began_meets_what_is_set_by_then(
    served: Served, actiond: ActionsDouble
) -> None:
    """A stranger could otherwise keep calls open from before an execution was set."""
    warm(served)
    go = threading.Event()

    def late() -> Iterator[Any]:
        go.wait(15)
        yield b""

    with grpc.insecure_channel(served.target) as channel:
        # To the server it is the same whether a unary call sends its message late or as a stream.
        running: Any = channel.stream_unary("/shop.v1.Shop/Place").future(late())
        until(lambda: asked_by(served) == 0, "the call has begun")
        actiond.set_request(ends_with(interrupted()))
        until(lambda: call(served.target, "Place").code is INTERRUPTED, "the execution is seen")
        go.set()
        assert running.exception().code() is INTERRUPTED


@EACH_FLAVOUR
def test_a_stream_that_began_without_executions_meets_what_is_set_later(flavour: str, actiond: ActionsDouble) -> None:
    with serve(flavour, actiond.target, streams=True) as shop:
        warm(shop)
        go = threading.Event()

        def orders() -> Iterator[Any]:
            yield b""
            go.wait(15)
            yield b""

        with grpc.insecure_channel(shop.target) as channel:
            responses: Any = channel.stream_stream("/shop.v1.Shop/Chat")(orders())
            next(responses)
            actiond.set_request(ends_with(interrupted()))
            until(lambda: call(shop.target, "Place").code is INTERRUPTED, "the execution is seen")
            go.set()
            with pytest.raises(grpc.RpcError) as caught:
                next(responses)
            assert caught.value.code() is INTERRUPTED


@EACH_FLAVOUR
def test_responses_that_are_sent_long_after_their_request_meet_what_is_set_by_then(
    flavour: str, actiond: ActionsDouble
) -> None:
    handled = Handled(gate=threading.Event())
    with serve(flavour, actiond.target, handled, streams=True) as shop, grpc.insecure_channel(shop.target) as channel:
        warm(shop)
        until(lambda: asked_by_follow(shop, channel, handled) == 0, "that nothing is set is remembered")
        assert handled.gate is not None
        handled.gate.clear()
        responses = begin(channel, "Follow", order("tea"))
        assert item_of(next(responses)) == "handled tea 0"
        actiond.set_response(changed_response(raw("sold out")))
        until(lambda: call(shop.target, "Place") == Outcome(("sold out",)), "the execution is seen")
        handled.gate.set()
        assert [item_of(response) for response in responses] == ["sold out", "sold out"]
    assert actiond.asked[-1].request.protobuf == raw("tea")


def asked_by_follow(shop: Served, channel: grpc.Channel, handled: Handled) -> int:
    """Return how often actiond is asked by a call of Follow."""
    assert handled.gate is not None
    handled.gate.set()
    before = shop.interceptor.counts.asked
    call_on(channel, "Follow")
    return int(shop.interceptor.counts.asked - before)


@EACH_FLAVOUR
def test_one_watch_serves_all_calls(served: Served, actiond: ActionsDouble) -> None:
    with grpc.insecure_channel(served.target) as channel:
        for method in ("Place", "Follow", "Fill", "Place", "Follow"):
            call_on(channel, method)
    assert (actiond.watches, actiond.open_watches) == (1, 1)


@EACH_WATCH
def test_nothing_is_watched_before_the_first_call(flavour: str, actiond: ActionsDouble) -> None:
    with serve(flavour, actiond.target):
        time.sleep(0.2)
        assert actiond.watches == 0


def watchers(shop: Served) -> set[str]:
    """Return the threads or tasks that watch."""
    names = set(shop.loop.tasks()) if shop.loop else {thread.name for thread in threading.enumerate()}
    return {name for name in names if name == "actiond-watch"}


@EACH_WATCH
@pytest.mark.parametrize("end", ["close", "channel"])
def test_the_watch_ends_with_the_interceptor_and_with_its_channel(
    served: Served, actiond: ActionsDouble, end: str
) -> None:
    warm(served)
    assert watchers(served)
    if end == "channel":
        served.close_channel()
    elif served.loop:
        served.loop.run(served.interceptor.close())
    else:
        served.interceptor.close()
    until(lambda: not watchers(served), "the watch ends")
    until(lambda: actiond.open_watches == 0, "the stream ends")
    code = call(served.target, "Place").code
    assert code is (grpc.StatusCode.OK if end == "close" else grpc.StatusCode.UNAVAILABLE)
    assert not watchers(served)


@EACH_WATCH
def test_a_watch_that_nobody_needs_ends_and_begins_again_with_the_next_call(
    flavour: str, actiond: ActionsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actiond.client.interceptors.watching.IDLE", 0.5)
    with serve(flavour, actiond.target) as shop:
        warm(shop)
        until(lambda: not watchers(shop), "the watch ends")
        until(lambda: actiond.open_watches == 0, "the stream ends")
        warm(shop)


@EACH_WATCH
def test_a_watch_that_says_nothing_for_long_is_begun_again(
    flavour: str, actiond: ActionsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("watch_task", "watch_thread"):
        monkeypatch.setattr(f"actiond.client.interceptors.{module}.STUCK", 0.5)
    with serve(flavour, actiond.target) as shop:
        warm(shop)
        actiond.is_silent = True
        until(lambda: call(shop.target, "Place") == PLACED and actiond.watches >= 2, "the watch begins again")
        actiond.is_silent = False
        warm(shop)


@EACH_FLAVOUR
def test_calls_leave_no_thread_or_task(flavour: str, actiond: ActionsDouble) -> None:
    actiond.on_request, actiond.on_response = unchanged_request, unchanged_response
    with serve(flavour, actiond.target, streams=True) as shop:
        for method in ("Place", "Follow", "Fill", "Chat"):
            call(shop.target, method)
        actiond.on_request = ends_with(interrupted())
        for method in ("Place", "Follow", "Fill", "Chat"):
            call(shop.target, method)

        def left() -> set[str]:
            names = shop.loop.tasks() if shop.loop else []
            return {name for name in names if name.startswith(("rpc_task", "HandleExceptions"))}

        until(lambda: not left(), "the calls' tasks end")
    assert "actiond-watch" not in {thread.name for thread in threading.enumerate()}
