"""Slots and deadlines by themselves."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.delivery.concurrency import ConcurrencyLimiter
from actiond.delivery.deadline import Deadline

EVERYWHERE, EACH = 3, 2
PATIENCE = 5
TARGETS = ("a", "b", "c")
OWNER = "1"

# Ask for a slot at a target; cancel or end the call of that number (counted from the oldest), or let the loop run.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(TARGETS)),
        st.tuples(st.sampled_from(["cancel", "end"]), st.integers(0, 20)),
        st.tuples(st.just("run"), st.none()),
    ),
    max_size=60,
)


class Calls:
    """Calls that hold their slot until they are told to end."""

    def __init__(self) -> None:
        self.slots = ConcurrencyLimiter(EVERYWHERE, EACH)
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._ends: list[asyncio.Event] = []

    def ask(self, target: str) -> None:
        self._ends.append(asyncio.Event())
        self.tasks.append(asyncio.ensure_future(self._call(target, self._ends[-1])))

    def cancel(self, number: int) -> None:
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    def end(self, number: int) -> None:
        if self._ends:
            self._ends[number % len(self._ends)].set()

    async def _call(self, target: str, end: asyncio.Event) -> None:
        await self.slots.acquire(target, OWNER)
        self.inside.append(target)
        try:
            assert len(self.inside) <= EVERYWHERE
            assert self.inside.count(target) <= EACH
            await end.wait()
        finally:
            self.inside.remove(target)
            self.slots.release(target, OWNER)


@given(steps)
def test_slots_are_never_too_many_and_none_is_lost(steps: list[tuple[str, object]]) -> None:
    async def play() -> None:
        calls = Calls()
        for step, argument in steps:
            match step, argument:
                case "ask", str(target):
                    calls.ask(target)
                case "cancel", int(number):
                    calls.cancel(number)
                case "end", int(number):
                    calls.end(number)
                case _:
                    for _ in range(3):
                        await asyncio.sleep(0)
        for number in range(len(calls.tasks)):
            calls.end(number)
        async with asyncio.timeout(PATIENCE):
            results = await asyncio.gather(*calls.tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        assert len(calls.slots) == 0
        # All are there again.
        async with asyncio.timeout(PATIENCE):
            for target in ("a", "a", "b"):
                await calls.slots.acquire(target, OWNER)

    asyncio.run(play())


async def test_a_target_without_calls_takes_no_memory() -> None:
    slots = ConcurrencyLimiter(2, 1)
    await slots.acquire("a", OWNER)
    waiting = asyncio.ensure_future(slots.acquire("a", OWNER))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(slots) == 1
    slots.release("a", OWNER)
    assert len(slots) == 0


async def test_a_slot_that_is_given_to_a_call_which_is_cancelled_at_that_moment_is_passed_on() -> None:
    slots = ConcurrencyLimiter(1, 1)
    await slots.acquire("a", OWNER)
    waiting = [asyncio.ensure_future(slots.acquire("a", OWNER)) for _ in range(2)]
    await asyncio.sleep(0)
    slots.release("a", OWNER)
    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    async with asyncio.timeout(PATIENCE):
        await waiting[1]


async def test_who_gives_up_waiting_for_one_of_all_slots_gives_back_the_targets_own() -> None:
    slots = ConcurrencyLimiter(2, 2)
    await slots.acquire("a", OWNER)
    await slots.acquire("b", OWNER)
    waiting = asyncio.ensure_future(slots.acquire("a", OWNER))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slots.release("b", OWNER)
    async with asyncio.timeout(PATIENCE):
        await slots.acquire("a", OWNER)


async def test_who_waits_longest_is_next() -> None:
    slots = ConcurrencyLimiter(1, 1)
    order: list[int] = []

    async def call(number: int) -> None:
        await slots.acquire("a", OWNER)
        order.append(number)
        slots.release("a", OWNER)

    await slots.acquire("a", OWNER)
    calls = [asyncio.ensure_future(call(number)) for number in range(5)]
    await asyncio.sleep(0)
    slots.release("a", OWNER)
    await asyncio.gather(*calls)
    assert order == list(range(5))


async def test_a_deadline_that_passes_is_a_timeout() -> None:
    with pytest.raises(TimeoutError), Deadline(0.01) as deadline:
        await asyncio.Event().wait()
    assert deadline.has_passed
    assert _cancellations() == 0


async def test_a_deadline_that_does_not_pass_changes_nothing() -> None:
    with Deadline(60) as deadline:
        await asyncio.sleep(0)
    assert not deadline.has_passed


async def test_another_error_goes_through_a_deadline() -> None:
    with pytest.raises(KeyError), Deadline(60):
        raise KeyError


async def test_a_cancellation_from_outside_stays_one_even_when_the_deadline_passes_with_it() -> None:
    has_passed: list[bool] = []

    async def block() -> None:
        with Deadline(0) as deadline:
            # Both are due now, in this order, before the block goes on.
            asyncio.get_running_loop().call_soon(task.cancel)
            try:
                await asyncio.Event().wait()
            finally:
                has_passed.append(deadline.has_passed)

    task = asyncio.ensure_future(block())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert has_passed == [True]


async def test_deadlines_within_each_other_each_end_their_own_block() -> None:
    with Deadline(60) as outer:
        with pytest.raises(TimeoutError), Deadline(0.01):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
    assert not outer.has_passed


def test_a_deadline_is_for_a_task() -> None:
    async def outside() -> None:
        loop = asyncio.get_running_loop()
        failure = loop.create_future()

        def enter() -> None:
            with pytest.raises(RuntimeError), Deadline(1):
                """Never."""
            failure.set_result(None)

        loop.call_soon(enter)
        await failure

    asyncio.run(outside())


def _cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()
