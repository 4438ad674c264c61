"""SIGTERM in the middle of a backlog of deliveries."""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients.json_api import JsonApi, on_event
from tests.support.delivery_database import DeliveryContent
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.deliveries import LEASE, QUICK, content_of, only_delivery, outcomes, until_settled
from tests.support.targets.answers import held, ok
from tests.support.targets.server import TargetServer

GRACE = 6.0
BACKLOG = 300
AT_ONCE = LEASE * 2 / 3
"""Seconds. What takes less did not wait for a lease."""
ADDED = on_event("target.added")


@dataclass(frozen=True, slots=True)
class Story:
    """What happened."""

    stopped: DeliveryContent
    """What the stop left behind."""
    exit_code: int
    stop_seconds: float
    requests: int
    """Before the next start."""
    first_seconds: float
    """From the next start until it made an attempt."""
    rest_seconds: float
    """And until everything was delivered."""
    settled: DeliveryContent
    stderr: str


@pytest.fixture
def receiver() -> Iterator[TargetServer]:
    with TargetServer() as server:
        yield server


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    directory, workers = tmp_path_factory.mktemp("stopped"), request.param
    arguments = (*QUICK, "--shutdown-grace-period", str(GRACE))
    with TargetServer() as receiver:
        server = ServerProcess(directory, *arguments, "--deliveries", "0").start()
        api = JsonApi.of(server)
        api.set_execution(ADDED, api.create_target(receiver.url("/seconds/0.4"))["id"])
        for _ in range(BACKLOG):
            api.create_target()
        assert server.stop() == 0
        server = ServerProcess(directory, *arguments, workers=workers).start()
        receiver.wait_until(lambda: len(receiver.requests) >= 40)
        server.signal(signal.SIGTERM)
        begun = time.monotonic()
        exit_code = server.wait()
        stop_seconds = time.monotonic() - begun
        stderr, stopped, requests = server.stderr, content_of(server), len(receiver.requests)
        with ServerProcess(directory, *arguments, workers=workers) as server:
            begun = time.monotonic()
            receiver.wait_until(lambda: len(receiver.requests) > requests)
            first_seconds = time.monotonic() - begun
            settled = until_settled(server, 120)
            rest_seconds = time.monotonic() - begun
    return Story(
        stopped, exit_code, stop_seconds, requests, first_seconds, rest_seconds, settled, stderr + server.stderr
    )


def test_it_ends_with_exit_code_0_within_the_grace(story: Story) -> None:
    assert story.exit_code == 0
    assert story.stop_seconds < GRACE


def test_nothing_is_lost_and_there_was_a_backlog(story: Story) -> None:
    assert len(story.stopped.attempts) + len(story.stopped.deliveries) == BACKLOG
    assert len(story.stopped.unfinished()) > BACKLOG / 4


def test_what_was_being_attempted_has_its_result(story: Story) -> None:
    assert [attempt.outcome for attempt in story.stopped.attempts] == ["ok"] * story.requests


def test_no_claim_is_left(story: Story) -> None:
    assert [delivery for delivery in story.stopped.deliveries if delivery.claim] == []


def test_the_next_start_goes_on_at_once(story: Story) -> None:
    assert story.first_seconds < AT_ONCE


def test_the_next_start_does_not_leave_parked_deliveries_until_the_keeper_comes_by(story: Story) -> None:
    # 32 places and 0.4 s for each attempt: some three seconds.
    assert story.rest_seconds < 10


def test_everything_is_delivered_once(story: Story) -> None:
    assert [attempt.outcome for attempt in story.settled.attempts] == ["ok"] * BACKLOG


def test_the_log_holds_no_fault(story: Story) -> None:
    assert "Traceback" not in story.stderr
    assert "ERROR" not in story.stderr


def test_an_attempt_that_is_cut_at_the_end_of_the_grace_is_made_anew_by_the_next_start_at_once(
    tmp_path: Path, receiver: TargetServer
) -> None:
    receiver.script("/hook", held, ok())
    with ServerProcess(tmp_path, *QUICK, "--shutdown-grace-period", "0.5", "--read-timeout", "0.25") as server:
        api = JsonApi.of(server)
        api.set_execution(ADDED, api.create_target(receiver.url("/hook"))["id"])
        api.create_target()
        receiver.wait_until(lambda: len(receiver.requests) == 1)
        assert server.stop() == 0
    delivery = only_delivery(content_of(server))
    assert (delivery.state, delivery.claim, delivery.tries) == ("waiting", 0, 0)
    with ServerProcess(tmp_path, *QUICK) as server:
        begun = time.monotonic()
        receiver.wait_until(lambda: len(receiver.requests) == 2)
        assert time.monotonic() - begun < AT_ONCE
        assert outcomes(until_settled(server)) == ["cancelled", "ok"]
