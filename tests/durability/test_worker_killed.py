"""kill -9 of one worker of two, time after time, while clients come and go."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.durability.clients import Fortune, changing_clients
from tests.durability.ledger import Ledger
from tests.support.database import Content, assert_whole, read, says
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

WORKERS = 2
KILLS = 4
AT_ONCE = 3.0
"""Seconds. A client that finds the other worker needs milliseconds, on a busy machine somewhat more."""


@dataclass(frozen=True, slots=True)
class Story:
    """What happened."""

    ledger: Ledger
    fortunes: list[Fortune]
    content: Content
    victims: list[int]
    """The process ids that were killed."""
    survivors: list[int]
    """Those of the workers at the end."""
    exit_code: int


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Kills one worker after the other, the next as soon as the last one's successor has answered a call."""
    directory, ledger, victims = tmp_path_factory.mktemp("worker-killed"), Ledger(), []
    with ServerProcess(directory, workers=WORKERS) as server:
        with changing_clients(server, ADMIN_TOKEN, ledger) as fortunes:
            ledger.wait_until(lambda now: len(now.workers()) == WORKERS)
            for _ in range(KILLS):
                known = ledger.workers()
                victim = next(pid for pid in server.children() if pid not in victims)
                os.kill(victim, signal.SIGKILL)
                victims.append(victim)
                ledger.wait_until(lambda now, known=known: not now.workers() <= known)  # type: ignore[misc]  # no default's type
        survivors = server.children()
        exit_code = server.stop()
    return Story(ledger, fortunes, read(Path(directory, "actiond.db")), victims, survivors, exit_code)


def test_no_acknowledged_target_is_lost(story: Story) -> None:
    rows = story.content.by_name()
    for name, response in story.ledger.promised.items():
        assert rows[name]["id"] == response.id


def test_nothing_is_half_written_or_written_twice(story: Story) -> None:
    assert_whole(story.content)
    for name, row in story.content.by_name().items():
        assert says(row, story.ledger.asked[name])


def test_a_client_that_reconnects_is_served_at_once(story: Story) -> None:
    assert max(fortune.longest_wait for fortune in story.fortunes) < AT_ONCE


def test_a_killed_worker_costs_a_client_its_running_call_and_no_other(story: Story) -> None:
    # Or two: a connection may stand in the dying worker's queue before anybody has taken it.
    assert max(fortune.refusals for fortune in story.fortunes) <= 2 * KILLS


def test_each_killed_worker_is_replaced(story: Story) -> None:
    assert len(story.survivors) == WORKERS
    assert not set(story.survivors) & set(story.victims)
    assert len(story.ledger.workers()) == WORKERS + KILLS


def test_the_server_still_ends_cleanly(story: Story) -> None:
    assert story.exit_code == 0
