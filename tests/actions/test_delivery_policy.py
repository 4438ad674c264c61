"""When a delivery is tried again, as a table."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.deliveries import MAX_RETRY_AFTER_MS
from tests.support.delivering import DAY_MS, HOUR_MS, MINUTE_MS, POLICY, SECOND_MS

STANDARD = replace(
    POLICY,
    retry_delays_ms=(
        5 * SECOND_MS,
        5 * MINUTE_MS,
        30 * MINUTE_MS,
        2 * HOUR_MS,
        5 * HOUR_MS,
        10 * HOUR_MS,
        14 * HOUR_MS,
        20 * HOUR_MS,
        24 * HOUR_MS,
    ),
)
"""The schedule of Standard Webhooks' example, which is the default."""


def test_there_is_one_try_more_than_delays_between_them() -> None:
    assert STANDARD.max_tries == 10


def test_the_standard_schedule_ends_within_the_age_that_a_delivery_may_have() -> None:
    longest = sum(STANDARD.retry_delay_ms(tries, 1.2, None) or 0 for tries in range(1, STANDARD.max_tries))
    assert longest < 5 * DAY_MS


@pytest.mark.parametrize(
    ("tries", "jitter", "retry_after_ms", "delay_ms"),
    [
        (1, 1.0, None, 5 * SECOND_MS),
        (1, 0.8, None, 4 * SECOND_MS),
        (1, 1.2, None, 6 * SECOND_MS),
        (2, 1.0, None, 5 * MINUTE_MS),
        (9, 1.0, None, 24 * HOUR_MS),
        (9, 0.8, None, 24 * HOUR_MS * 8 // 10),
        # After the last try there is none.
        (10, 1.0, None, None),
        (10, 1.0, 1, None),
        (11, 1.0, None, None),
        # What the receiver asks for delays a try, and never makes it earlier.
        (1, 1.0, 0, 5 * SECOND_MS),
        (1, 1.0, 1 * SECOND_MS, 5 * SECOND_MS),
        (1, 1.0, 7 * SECOND_MS, 7 * SECOND_MS),
        (1, 1.2, 5 * SECOND_MS, 6 * SECOND_MS),
        (1, 0.8, 5 * SECOND_MS, 5 * SECOND_MS),
        # It is a hint: up to twice the delay, whatever the jitter, and up to an hour.
        (1, 1.0, 10 * SECOND_MS, 10 * SECOND_MS),
        (1, 1.2, 11 * SECOND_MS, 10 * SECOND_MS),
        (1, 1.0, DAY_MS, 10 * SECOND_MS),
        (3, 1.0, HOUR_MS, HOUR_MS),
        (3, 1.0, HOUR_MS + 1, HOUR_MS),
        (4, 0.8, DAY_MS, 2 * HOUR_MS * 8 // 10),
    ],
)
def test_how_long_a_delivery_waits_after_so_many_tries(
    tries: int, jitter: float, retry_after_ms: int | None, delay_ms: int | None
) -> None:
    assert STANDARD.retry_delay_ms(tries, jitter, retry_after_ms) == delay_ms


@given(
    tries=st.integers(1, 9),
    jitter=st.floats(0.8, 1.2),
    retry_after_ms=st.none() | st.integers(0, 10 * DAY_MS),
)
def test_no_receiver_can_put_off_a_try_by_more_than_twice_its_delay(
    tries: int, jitter: float, retry_after_ms: int | None
) -> None:
    scheduled = STANDARD.retry_delays_ms[tries - 1]
    delay = STANDARD.retry_delay_ms(tries, jitter, retry_after_ms)
    assert delay is not None
    assert int(0.8 * scheduled) <= delay <= max(1.2 * scheduled, min(2 * scheduled, MAX_RETRY_AFTER_MS))


def test_with_one_delay_there_are_two_tries() -> None:
    once = replace(POLICY, retry_delays_ms=(1,))
    assert [once.retry_delay_ms(tries, 1.0, None) for tries in (1, 2)] == [1, None]
