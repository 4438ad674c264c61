"""Shares of what is limited, by themselves: who may take, who is next, and what nobody can take from others."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.fairness import FairShares, FairSlots

WHOLE = 64
RESERVED = WHOLE // 16
SHORT = WHOLE // 4


def take_all(shares: FairShares, owner: str, *, is_privileged: bool = False) -> int:
    """Let an owner take all that it may; return how many it holds then."""
    while shares.may_take(owner, is_privileged=is_privileged):
        shares.take(owner)
    return shares.held(owner)


@pytest.mark.parametrize("whole", [1, 2, 3])
def test_of_a_few_places_an_owner_that_is_alone_may_take_all(whole: int) -> None:
    assert take_all(FairShares(whole), "a") == whole


def test_an_owner_that_takes_all_it_can_leaves_a_quarter() -> None:
    assert take_all(FairShares(WHOLE), "a") == WHOLE - SHORT


@pytest.mark.parametrize("greedy", range(1, 5))
def test_after_any_few_greedy_owners_another_one_still_finds_a_place(greedy: int) -> None:
    shares = FairShares(WHOLE)
    held = [take_all(shares, f"greedy {number}") for number in range(greedy)]
    assert held == sorted(held, reverse=True)
    assert shares.may_take("another")


def test_the_last_places_are_for_privileged_callers() -> None:
    shares = FairShares(WHOLE)
    for number in range(WHOLE):
        take_all(shares, f"owner {number}")
    assert shares.free == RESERVED
    assert not shares.may_take("another")
    assert shares.may_take("another", is_privileged=True)


def test_a_privileged_owner_that_holds_much_does_not_get_the_last_places_either() -> None:
    shares = FairShares(WHOLE)
    take_all(shares, "greedy", is_privileged=True)
    for number in range(WHOLE):
        take_all(shares, f"owner {number}")
    assert not shares.may_take("greedy", is_privileged=True)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.integers(1, 20)), max_size=60))
def test_nobody_who_holds_more_than_half_gets_more_once_the_rest_is_short(asks: list[tuple[str, bool, int]]) -> None:
    shares = FairShares(WHOLE)
    for owner, is_privileged, amount in asks:
        if shares.may_take(owner, amount, is_privileged=is_privileged):
            assert shares.held(owner) <= WHOLE / 2 or shares.free > SHORT
            shares.take(owner, amount)
        assert shares.free >= 0


async def asking(slots: FairSlots, order: list[str], owner: str, *, is_privileged: bool = False) -> None:
    await slots.acquire(owner, is_privileged=is_privileged)
    order.append(owner)


async def run_ready() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_owners_that_wait_take_turns_however_many_calls_of_one_wait() -> None:
    slots, order = FairSlots(1), list[str]()
    await slots.acquire("a")
    tasks = [asyncio.ensure_future(asking(slots, order, owner)) for owner in ("b", "b", "b", "c", "c", "d")]
    await run_ready()
    holder = "a"
    for _ in tasks:
        slots.release(holder)
        await run_ready()
        holder = order[-1]
    assert order == ["b", "c", "d", "b", "c", "b"]


async def test_a_place_is_not_given_to_an_owner_that_has_too_many_but_to_the_next() -> None:
    slots, order = FairSlots(WHOLE), list[str]()
    while slots.try_acquire("greedy"):
        """Take all."""
    waiting = asyncio.ensure_future(asking(slots, order, "greedy"))
    await run_ready()
    for number in range(SHORT):
        while slots.try_acquire(f"owner {number}"):
            """Take what it may."""
    last = asyncio.ensure_future(asking(slots, order, "another"))
    await run_ready()
    assert order == []
    slots.release("owner 0")
    await run_ready()
    assert order == ["another"]
    waiting.cancel()
    await asyncio.gather(waiting, last, return_exceptions=True)


async def test_a_call_that_is_cancelled_while_it_waits_holds_nothing_and_holds_up_nobody() -> None:
    slots, order = FairSlots(1), list[str]()
    await slots.acquire("a")
    gone, granted, last = (asyncio.ensure_future(asking(slots, order, owner)) for owner in "bcd")
    await run_ready()
    gone.cancel()
    await run_ready()
    slots.release("a")
    granted.cancel()  # it has just been given the slot
    await asyncio.gather(gone, granted, last, return_exceptions=True)
    assert order == ["d"]
    slots.release("d")
    assert slots.try_acquire("e")


async def test_privileged_calls_pass_those_of_the_same_owner_that_may_not_have_the_last_places() -> None:
    slots, order = FairSlots(WHOLE), list[str]()
    for number in range(WHOLE):
        while slots.try_acquire(f"owner {number}"):
            """Take what it may."""
    waiting = asyncio.ensure_future(asking(slots, order, "admin"))
    await run_ready()
    await asking(slots, order, "admin", is_privileged=True)
    assert order == ["admin"]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
