"""When a target is paused, probed and resumed, as tables."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.deliveries import MAX_RETRY_AFTER_MS
from actiond.actions.target_health import (
    FIRST_PORTION,
    MAX_PAUSE_MS,
    MAX_PORTION,
    TargetHealth,
    asked_pause_ms,
)
from tests.support.delivering import DAY_MS, HOUR_MS, MINUTE_MS, POLICY, SECOND_MS

HEALTHY = TargetHealth("1", "owner")
NOW = 1_000_000_000
PAUSED = replace(HEALTHY, failures=8, failing_since_ms=NOW, paused_until_ms=NOW + 20, pauses=1, reason="connect")
RESUMED = replace(HEALTHY, portion=FIRST_PORTION, pending=FIRST_PORTION)


def after_failures(moments: list[int]) -> TargetHealth:
    """Return the health of a target that has failed at these moments, in milliseconds from NOW."""
    health = HEALTHY
    for moment in moments:
        health = health.failed(NOW + moment, "connect", POLICY, 1.0)
    return health


@pytest.mark.parametrize(
    ("moments", "is_paused"),
    [
        ([0], False),
        ([0] * 8, False),  # enough, but within no time
        ([0] * 100, False),
        ([0] * 7 + [30 * SECOND_MS], True),
        ([0] * 7 + [30 * SECOND_MS - 1], False),
        ([0] * 7 + [30 * SECOND_MS - 1, 30 * SECOND_MS], True),
        ([0, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 4 * HOUR_MS, 5 * HOUR_MS, 6 * HOUR_MS], False),  # too few
        ([0, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 4 * HOUR_MS, 5 * HOUR_MS, 6 * HOUR_MS, 7 * HOUR_MS], True),
    ],
)
def test_a_target_is_paused_after_enough_failures_that_have_taken_long_enough(
    moments: list[int], is_paused: bool
) -> None:
    assert after_failures(moments).is_paused is is_paused


def test_a_success_between_failures_begins_the_count_anew() -> None:
    health = after_failures([0] * 7).succeeded()
    assert (health.failures, health.failing_since_ms, health.is_trivial) == (0, 0, True)
    assert not health.failed(NOW + HOUR_MS, "connect", POLICY, 1.0).is_paused


def test_the_reason_is_that_of_the_last_failure() -> None:
    health = HEALTHY.failed(NOW, "connect", POLICY, 1.0).failed(NOW, "status 500", POLICY, 1.0)
    assert (health.reason, health.failures, health.failing_since_ms) == ("status 500", 2, NOW)


def test_what_fails_during_a_pause_does_not_make_it_longer() -> None:
    health = PAUSED.failed(NOW + DAY_MS, "status 500", POLICY, 1.0)
    assert (health.paused_until_ms, health.pauses, health.failures) == (NOW + 20, 1, 9)


@pytest.mark.parametrize(
    ("pauses", "jitter", "span_ms"),
    [
        (0, 1.0, 10 * SECOND_MS),
        (0, 0.8, 8 * SECOND_MS),
        (0, 1.2, 12 * SECOND_MS),
        (1, 1.0, 20 * SECOND_MS),
        (2, 1.0, 40 * SECOND_MS),
        (3, 1.0, 80 * SECOND_MS),
        (4, 1.0, 160 * SECOND_MS),
        (5, 1.0, 5 * MINUTE_MS),
        (5, 0.8, 4 * MINUTE_MS),
        (6, 1.0, 5 * MINUTE_MS),
        (100_000, 1.2, 6 * MINUTE_MS),
    ],
)
def test_each_pause_is_twice_as_long_as_the_one_before_up_to_five_minutes(
    pauses: int, jitter: float, span_ms: int
) -> None:
    health = replace(HEALTHY, pauses=pauses).paused(NOW, jitter)
    assert (health.paused_until_ms, health.pauses) == (NOW + span_ms, pauses + 1)


def test_a_pause_ends_what_was_being_resumed_and_forgets_the_probe() -> None:
    health = replace(RESUMED, probe=7).paused(NOW, 1.0)
    assert (health.portion, health.pending, health.probe) == (0, 0, 0)


@pytest.mark.parametrize(
    ("health", "asked_ms", "until_ms"),
    [
        (HEALTHY, 0, None),
        (HEALTHY, 1, NOW + 1),
        (HEALTHY, HOUR_MS, NOW + HOUR_MS),
        (HEALTHY, DAY_MS, NOW + MAX_RETRY_AFTER_MS),
        (PAUSED, 0, NOW + 20),
        (PAUSED, 19, NOW + 20),
        (PAUSED, 21, NOW + 21),
        (HEALTHY.held(), HOUR_MS, None),
    ],
)
def test_a_receiver_that_asks_for_a_pause_gets_it_up_to_an_hour(
    health: TargetHealth, asked_ms: int, until_ms: int | None
) -> None:
    assert health.paused_as_asked(NOW, asked_ms).paused_until_ms == until_ms


@pytest.mark.parametrize(
    ("status", "retry_after_ms", "asked_ms"),
    [(429, 5, 5), (429, 0, 0), (429, None, 0), (503, 5, 0), (500, None, 0), (None, None, 0)],
)
def test_only_a_429_that_says_how_long_asks_for_a_pause(
    status: int | None, retry_after_ms: int | None, asked_ms: int
) -> None:
    assert asked_pause_ms(status, retry_after_ms) == asked_ms


@pytest.mark.parametrize("health", [HEALTHY, PAUSED, RESUMED, replace(PAUSED, probe=7)])
def test_a_held_target_is_paused_without_an_end(health: TargetHealth) -> None:
    held = health.held()
    assert (held.is_paused, held.is_held, held.paused_until_ms, held.probe, held.portion) == (True, True, None, 0, 0)


def test_a_probe_puts_off_the_next_one_to_the_end_of_its_lease() -> None:
    health = PAUSED.probed(7, NOW + 60)
    assert (health.probe, health.paused_until_ms, health.pauses) == (7, NOW + 60, 1)


@pytest.mark.parametrize("health", [PAUSED, PAUSED.held(), replace(PAUSED, pauses=9, probe=7)])
def test_a_target_that_is_resumed_begins_with_a_first_portion_and_a_clean_slate(health: TargetHealth) -> None:
    assert health.resumed() == replace(RESUMED, reason="connect")


def test_each_portion_that_does_well_is_followed_by_one_twice_as_large() -> None:
    health, portions = RESUMED, [RESUMED.portion]
    while health.portion < MAX_PORTION:
        for _ in range(health.portion):
            assert health.pending
            health = health.succeeded()
        assert not health.pending
        health = health.next_portion()
        portions.append(health.portion)
    assert portions == [32, 64, 128, 256, 512, 1024, 2048, 4096]
    assert health.next_portion().portion == MAX_PORTION


@pytest.mark.parametrize(
    ("health", "is_trivial"),
    [
        (HEALTHY, True),
        (replace(HEALTHY, reason="connect", failing_since_ms=0), True),
        (replace(HEALTHY, failures=1), False),
        (PAUSED, False),
        (HEALTHY.held(), False),
        (RESUMED, False),
    ],
)
def test_what_is_kept_of_a_target_is_kept_no_longer_than_it_matters(health: TargetHealth, is_trivial: bool) -> None:
    assert health.is_trivial is is_trivial


@given(st.lists(st.tuples(st.sampled_from(["failed", "succeeded", "paused", "asked"]), st.integers(0, DAY_MS))))
def test_a_target_is_never_paused_for_longer_than_it_asked_and_the_longest_pause(steps: list[tuple[str, int]]) -> None:
    health, now = HEALTHY, NOW
    for step, span in steps:
        now += span
        if step == "failed":
            health = health.failed(now, "connect", POLICY, 1.2)
        elif step == "succeeded":
            health = health.succeeded()
        elif step == "paused":
            health = health.paused(now, 1.2)
        else:
            health = health.paused_as_asked(now, span)
        longest = max(1.2 * MAX_PAUSE_MS, MAX_RETRY_AFTER_MS)
        assert health.paused_until_ms is None or health.paused_until_ms <= now + longest
