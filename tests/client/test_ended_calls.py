"""Calls of plain `def` handlers on grpc.aio that end before their threads do. grpc.aio frees what it knew of them."""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from actiond.client import User
from tests.client.shop import THREADS, Handled, Served, begin, order, serve
from tests.support.servers.actions_double import ActionsDouble, unchanged_request
from tests.support.waiting import until

FLAVOUR = "tasks_on_threads"


@pytest.fixture
def actiond() -> Iterator[ActionsDouble]:
    with ActionsDouble(on_request=unchanged_request) as double:
        yield double


def calls(shop: Served) -> int:
    """Return how many calls grpc.aio handles."""
    assert shop.loop is not None
    return sum(name.startswith("HandleExceptions") for name in shop.loop.tasks())


def test_a_call_that_ends_before_its_thread_starts_is_neither_asked_about_nor_handled(actiond: ActionsDouble) -> None:
    gate = threading.Event()
    with serve(FLAVOUR, actiond.target, Handled(gate=gate)) as shop, grpc.insecure_channel(shop.target) as channel:
        held = [begin(channel, "Follow", order("held"), timeout=15) for _ in range(THREADS)]
        try:
            for responses in held:
                next(responses)
            late = begin(channel, "Follow", order("late"))
            until(lambda: calls(shop) == THREADS + 1, "the call waits for a thread")
            late.cancel()
            until(lambda: calls(shop) == THREADS, "the call has ended")
        finally:
            gate.set()
        assert [len(list(responses)) for responses in held] == [2] * THREADS
    # The server has waited for its threads.
    assert shop.handled.items == ["held"] * THREADS
    assert len(actiond.asked) == THREADS


@pytest.mark.parametrize("method", ["Place", "Follow"])
def test_the_metadata_of_a_call_can_be_read_after_it_has_ended(actiond: ActionsDouble, method: str) -> None:
    sent = tuple((f"x-{number}", "v" * 2_000) for number in range(3))
    entered, ended, read = threading.Event(), threading.Event(), threading.Event()
    seen: list[tuple[str, str]] = []

    def user(context: Any) -> User:
        entered.set()
        ended.wait(15)
        for _ in range(100):  # memory that was freed is not always written to at once
            seen.extend(pair for pair in context.invocation_metadata() if pair[0] != "user-agent")
        read.set()
        return User()

    with serve(FLAVOUR, actiond.target, user=user) as shop, grpc.insecure_channel(shop.target) as channel:
        running = begin(channel, method, order("tea"), metadata=sent)
        assert entered.wait(15)
        running.cancel()
        until(lambda: calls(shop) == 0, "the call has ended")
        ended.set()
        assert read.wait(15)
    assert set(seen) == set(sent)
    assert actiond.asked == []
