"""Ids are unique and roughly ordered by time, whatever the clock does."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.ids import EPOCH_MS, IdGenerator

MS = 1_000_000


def ticking(*moments_ms: int) -> IdGenerator:
    moments: Iterator[int] = iter(moments_ms)
    return IdGenerator(7, lambda: (EPOCH_MS + next(moments)) * MS)


def test_an_id_is_a_decimal_string_of_at_most_twenty_digits_until_2093() -> None:
    last = (1 << 41) - 1
    new_id = ticking(0, last)
    for text in (new_id(), new_id()):
        assert text.isdecimal()
        assert len(text) <= 20
        assert int(text) < 1 << 63


def test_a_later_id_is_greater() -> None:
    new_id = ticking(5, 6, 7)
    ids = [int(new_id()) for _ in range(3)]
    assert ids == sorted(set(ids))


@given(st.lists(st.integers(min_value=0, max_value=20), min_size=1, max_size=50))
def test_ids_grow_though_the_clock_stands_still_or_jumps_back(moments: list[int]) -> None:
    new_id = ticking(*moments)
    ids = [int(new_id()) for _ in moments]
    assert ids == sorted(set(ids))


def test_more_ids_than_a_millisecond_has_numbers_are_still_unique() -> None:
    new_id = IdGenerator(1, lambda: EPOCH_MS * MS)
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_two_workers_make_different_ids_in_the_same_millisecond() -> None:
    first, second = (IdGenerator(worker, lambda: EPOCH_MS * MS) for worker in (1, 2))
    assert not {first() for _ in range(5000)} & {second() for _ in range(5000)}
