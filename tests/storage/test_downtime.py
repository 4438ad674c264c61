"""A target that is down for days with 8,000 deliveries waiting costs little, delays nobody, and gets everything later.

`python -m tests.storage.downtime 500000` counts the same for as many as one likes.
"""

import asyncio
from collections import Counter

import pytest

from actiond.actions.target_health import FIRST_PORTION
from tests.storage.downtime import Figures, simulate_in_memory, simulate_on_sqlite

DELIVERIES = 8_000
DAYS = 3
PROBES_AN_HOUR = 15
"""With pauses of five minutes, a fifth less by jitter."""


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def figures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    if request.param == "memory":
        return asyncio.run(simulate_in_memory(DELIVERIES, DAYS))
    return asyncio.run(simulate_on_sqlite(tmp_path_factory.mktemp("downtime"), DELIVERIES, DAYS))


@pytest.fixture(scope="module")
def long_outage(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """Of an outage that takes longer than a delivery may be old."""
    return asyncio.run(simulate_on_sqlite(tmp_path_factory.mktemp("few"), 600, days=6))


def test_a_target_that_is_down_gets_probes_alone(figures: Figures) -> None:
    assert len(figures.attempts_by_hour) == DAYS * 24
    assert max(figures.attempts_by_hour) <= PROBES_AN_HOUR
    assert sum(figures.attempts_by_hour) <= figures.probes


def test_a_target_that_is_down_is_probed_all_the_time(figures: Figures) -> None:
    assert min(figures.attempts_by_hour) >= 60 / 5 / 1.2 - 1


def test_deliveries_of_another_target_are_claimed_by_the_first_exchange(figures: Figures) -> None:
    assert figures.well_exchanges == 1


def test_everything_arrives_once_the_target_is_back(figures: Figures) -> None:
    assert (figures.delivered, figures.left, figures.dead) == (figures.deliveries, 0, Counter())


def test_what_arrives_comes_in_portions(figures: Figures) -> None:
    assert figures.released_too_early <= 2 * FIRST_PORTION


def test_an_hour_of_the_outage_takes_little_memory_whatever_waits(figures: Figures) -> None:
    assert figures.peak_bytes < 8 * 2**20


@pytest.mark.parametrize("figures", ["sqlite"], indirect=True)
def test_a_claim_beside_the_backlog_costs_at_most_twice_that_of_one_without_it(figures: Figures) -> None:
    assert 0 < figures.steps_beside <= 2 * figures.steps_before


@pytest.mark.parametrize("figures", ["sqlite"], indirect=True)
def test_the_database_grows_by_what_is_published_and_by_nothing_else(figures: Figures) -> None:
    assert 0 < figures.bytes_after < 1.25 * figures.bytes_before


def test_what_is_too_old_when_the_target_is_back_is_dead_and_listed(long_outage: Figures) -> None:
    assert long_outage.dead["age"] == long_outage.dead.total() > 300
    assert long_outage.left == long_outage.dead.total()
    assert long_outage.delivered + long_outage.dead.total() == long_outage.deliveries
