"""The courier by itself, on a real store: what it claims, attempts and hands back, and how it begins and ends."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from actiond.actions.deliveries import (
    CANCELLED,
    LOST,
    OK,
    SUPERSEDED,
    AttemptKind,
    DeathReason,
    Delivery,
    DeliveryState,
)
from actiond.actions.ports import AttemptResult, Store, TargetRequest, Transaction
from actiond.actions.target_health import FIRST_PORTION, TargetHealth
from actiond.actions.use_cases import fan_out
from actiond.executions.courier import Courier, CourierLimits
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.executions.couriers import ACCEPTED, LIMITS, REFUSED, Observed, Receiver, a_courier, eventually, running
from tests.support.delivering import (
    MINUTE_MS,
    POLICY,
    SECOND_MS,
    FakeClock,
    Worker,
    all_rows,
    append,
    publish,
    start_delivering,
    subscribe,
)

T = TypeVar("T")

WAITING, PARKED, DEAD = DeliveryState.WAITING, DeliveryState.PARKED, DeliveryState.DEAD
PAUSING = replace(POLICY, pause_failures=3, pause_failing_ms=0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """Events of orders are delivered to the target 1 of its one owner."""
    store = MemoryStore(clock) if request.param == "memory" else SqliteStore.open(tmp_path / "x.db", clock=clock)
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    yield store
    await store.close()


async def publish_orders(store: Store, orders: int, owner: str = "owner") -> None:
    """Publish events that need not be delivered one by one."""
    await publish(store, owner, *map(str, range(orders)))


async def rows_of(store: Store) -> list[Delivery]:
    return [*(await store.write(all_rows)).values()]


async def states_of(store: Store) -> dict[DeliveryState, int]:
    return dict(Counter(row.state for row in await rows_of(store)))


async def health_of(store: Store, target_id: str = "1") -> TargetHealth:
    found = await store.write(lambda transaction: transaction.deliveries.health([target_id]))
    return found.get(target_id) or TargetHealth(target_id, "owner")


def all_are(store: Store, **states: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await states_of(store) == {DeliveryState(name): count for name, count in states.items()}

    return holds


def is_paused(store: Store) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return (await health_of(store)).is_paused

    return holds


def nothing_is_left(store: Store) -> Callable[[], Awaitable[bool]]:
    return all_are(store)


async def outcomes_of(store: Store, delivery_id: int) -> list[str]:
    return [attempt.outcome for attempt in await store.attempts("owner", delivery_id)]


# One delivery.


async def test_an_event_is_delivered_and_nothing_is_left_but_its_attempt(store: Store, receiver: Receiver) -> None:
    await publish_orders(store, 1)
    (row,) = await rows_of(store)
    async with running(a_courier(store, receiver)):
        await eventually(nothing_is_left(store), "delivered")
    (attempt,) = await store.attempts("owner", row.id)
    assert (attempt.outcome, attempt.status, attempt.kind, attempt.number) == (OK, 200, AttemptKind.QUEUED, 1)


async def test_a_request_carries_the_events_payload_under_the_deliverys_id(store: Store, receiver: Receiver) -> None:
    await publish_orders(store, 1)
    (row,) = await rows_of(store)
    async with running(a_courier(store, receiver)):
        await eventually(nothing_is_left(store), "delivered")
    (request,) = receiver.requests
    assert (request.target.id, request.execution) == ("1", "event/order.placed")
    assert (request.message_id, request.request_id, request.attempt) == (str(row.id), str(row.id), 1)
    assert b'"aggregateID":"0"' in request.body
    assert b'"instanceID":"instance"' in request.body
    assert len(request.keys) == 1


async def test_an_attempt_takes_no_longer_than_the_limit_though_the_target_may(
    store: Store, receiver: Receiver
) -> None:
    await publish_orders(store, 1)
    async with running(a_courier(store, receiver, limits=replace(LIMITS, timeout_ns=2 * 10**9))):
        await eventually(nothing_is_left(store), "delivered")
    assert [request.target.timeout_ns for request in receiver.requests] == [2 * 10**9]


async def test_a_target_keeps_a_timeout_that_is_shorter_than_the_limit(store: Store, receiver: Receiver) -> None:
    await publish_orders(store, 1)
    async with running(a_courier(store, receiver)):
        await eventually(nothing_is_left(store), "delivered")
    assert [request.target.timeout_ns for request in receiver.requests] == [10 * 10**9]


async def test_each_attempt_sends_the_same_bytes_under_the_same_id(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda request: ACCEPTED if request.attempt == 4 else REFUSED
    await publish_orders(store, 1)
    async with running(a_courier(store, receiver)):
        for attempt, delay_ms in enumerate(POLICY.retry_delays_ms, start=1):
            await eventually(all_have_failed(store, attempt), "failed")
            clock.pass_ms(2 * delay_ms)
        await eventually(nothing_is_left(store), "delivered")
    assert [request.attempt for request in receiver.requests] == [1, 2, 3, 4]
    assert len({(request.body, request.message_id) for request in receiver.requests}) == 1


def all_have_failed(store: Store, attempts: int = 1) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        rows = await rows_of(store)
        return all(row.attempts == attempts and not row.claim for row in rows)

    return holds


# Retries.


@pytest.mark.parametrize("tries", range(3))
async def test_the_delay_of_a_retry_is_the_scheduled_one_and_a_fifth_more_or_less(
    store: Store, receiver: Receiver, clock: FakeClock, tries: int
) -> None:
    receiver.answer = lambda _: REFUSED
    await publish_orders(store, 40)
    policy = replace(POLICY, pause_failures=10_000)
    async with running(a_courier(store, receiver, policy)):
        for attempt in range(1, tries + 2):
            await eventually(all_have_failed(store, attempt), "failed")
            clock.pass_ms(0 if attempt > tries else 2 * POLICY.retry_delays_ms[attempt - 1])
    delays = [(row.due_ms or 0) - clock.ms for row in await rows_of(store)]
    scheduled = POLICY.retry_delays_ms[tries]
    assert all(0.8 * scheduled <= delay <= 1.2 * scheduled for delay in delays)
    assert len(set(delays)) > 30


async def test_a_delivery_whose_last_try_fails_is_dead(
    store: Store, receiver: Receiver, clock: FakeClock, observed: Observed
) -> None:
    receiver.answer = lambda _: REFUSED
    await publish_orders(store, 1)
    async with running(a_courier(store, receiver, observed=observed)):
        for attempt, delay_ms in enumerate(POLICY.retry_delays_ms, start=1):
            await eventually(all_have_failed(store, attempt), "failed")
            clock.pass_ms(2 * delay_ms)
        await eventually(all_are(store, dead=1), "dead")
    (row,) = await rows_of(store)
    assert (row.reason, row.last_outcome, row.last_status) == (DeathReason.ATTEMPTS, "status", 500)
    assert observed.deaths == [DeathReason.ATTEMPTS]


async def test_a_retry_is_not_before_the_moment_that_the_receiver_asked_for(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda _: AttemptResult("status", 503, 0.001, retry_after=9.0)
    await publish_orders(store, 1)
    async with running(a_courier(store, receiver)):
        await eventually(all_have_failed(store), "failed")
        (row,) = await rows_of(store)
        assert row.due_ms == clock.ms + 9 * SECOND_MS
        assert not (await health_of(store)).is_paused


async def test_what_a_receiver_asks_for_is_at_most_twice_the_scheduled_delay(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda _: AttemptResult("status", 503, 0.001, retry_after=3600.0)
    await publish_orders(store, 1)
    async with running(a_courier(store, receiver)):
        await eventually(all_have_failed(store), "failed")
    (row,) = await rows_of(store)
    assert row.due_ms == clock.ms + 2 * POLICY.retry_delays_ms[0]


async def test_a_429_pauses_the_target_for_as_long_as_it_asks(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda _: AttemptResult("status", 429, 0.001, retry_after=600.0)
    await publish_orders(store, 3)
    async with running(a_courier(store, receiver, limits=replace(LIMITS, per_target=1))):
        await eventually(lambda: len(receiver.requests) > 0, "attempted")
        await eventually(all_are(store, waiting=1, parked=2), "parked")
        await eventually(is_paused(store), "paused")
    assert (await health_of(store)).paused_until_ms == clock.ms + 10 * MINUTE_MS
    assert len(receiver.requests) == 1


# Sick targets.


async def test_a_target_that_fails_is_paused_and_gets_one_probe_at_a_time(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda _: REFUSED
    await publish_orders(store, 20)
    async with running(a_courier(store, receiver, PAUSING, replace(LIMITS, per_target=3))):
        await eventually(all_are(store, waiting=3, parked=17), "parked")
        await eventually(is_paused(store), "paused")
        for probes in range(1, 5):
            clock.ns = ((await health_of(store)).paused_until_ms or 0) * 1_000_000
            clock.pass_ms(0)
            await eventually(probed(store, probes), "probed")
            assert receiver.most_at_once["1"] == 3
    logs = [await store.attempts("owner", row.id) for row in await rows_of(store)]
    assert Counter(attempt.kind for attempts in logs for attempt in attempts)[AttemptKind.PROBE] == 4


def probed(store: Store, probes: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        health = await health_of(store)
        return health.pauses == probes + 1 and health.probe == 0

    return holds


async def test_a_target_that_is_back_gets_its_backlog_in_portions(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda _: REFUSED
    orders = 4 * FIRST_PORTION
    await publish_orders(store, orders)
    async with running(a_courier(store, receiver, PAUSING, replace(LIMITS, per_target=3))):
        await eventually(all_are(store, waiting=3, parked=orders - 3), "parked")
        await eventually(is_paused(store), "paused")
    receiver.answer, receiver.slow = (lambda _: ACCEPTED), {"1"}
    async with running(a_courier(store, receiver, PAUSING, worker=2)):
        clock.ns = ((await health_of(store)).paused_until_ms or 0) * 1_000_000
        await eventually(lambda: receiver.at_once["1"] == 1, "probed")
        await receiver.let_go("1")
        await eventually(all_are(store, waiting=FIRST_PORTION, parked=orders - FIRST_PORTION - 1), "a first portion")
        await eventually(lambda: receiver.at_once["1"] == FIRST_PORTION, "attempted")
        await receiver.hurry()
        await eventually(nothing_is_left(store), "all portions")


async def test_a_410_holds_the_target_until_somebody_resumes_it(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = lambda _: AttemptResult("status", 410, 0.001)
    await publish_orders(store, 3)
    async with running(a_courier(store, receiver, limits=replace(LIMITS, per_target=1))):
        await eventually(all_are(store, parked=3), "held")
        clock.pass_ms(60 * MINUTE_MS)
        await publish(store, "owner", "3")
        await eventually(all_are(store, parked=4), "held")
    assert len(receiver.requests) == 1


# Places.


async def test_a_target_gets_no_more_attempts_at_once_than_it_has_places(store: Store, receiver: Receiver) -> None:
    receiver.slow = {"1"}
    await publish_orders(store, 20)
    async with running(a_courier(store, receiver, limits=replace(LIMITS, per_target=4))):
        await eventually(all_are(store, waiting=4, parked=16), "parked")
        for ended in range(1, 5):
            await receiver.let_go("1")
            await eventually(lambda ended=ended: len(receiver.requests) == 4 + ended, "a place is taken again")
        await receiver.hurry()
        await eventually(nothing_is_left(store), "delivered")
    assert receiver.most_at_once["1"] == 4


async def test_a_slow_target_holds_up_no_other(store: Store, receiver: Receiver) -> None:
    await subscribe(store, "owner", ["2"], "event/order")
    receiver.slow = {"1"}
    await publish_orders(store, 20)
    async with running(a_courier(store, receiver, limits=replace(LIMITS, per_target=4))):
        await eventually(lambda: receiver.at_once["1"] == 4, "busy")
        await subscribe(store, "another", ["3"])
        await publish_orders(store, 30, "another")
        await eventually(lambda: receiver.targets()["3"] == 30, "the others are delivered")
        assert receiver.targets()["1"] == 4


async def test_slow_targets_of_an_owner_that_is_alone_do_not_stop_its_fast_one(
    store: Store, receiver: Receiver
) -> None:
    slow = ["11", "12", "13"]
    await subscribe(store, "owner", slow, "event/order.paid")
    receiver.slow = set(slow)
    async with running(a_courier(store, receiver, limits=CourierLimits(16, 4, poll_seconds=0.02))):
        await store.write(partial(_append_paid, orders=20))
        await eventually(lambda: sum(receiver.at_once.values()) == 12, "the slow ones have three quarters")
        await publish_orders(store, 10)
        await eventually(lambda: receiver.targets()["1"] == 10, "the fast one has everything")
        await receiver.hurry()
        await eventually(nothing_is_left(store), "delivered")


def _append_paid(transaction: Transaction, orders: int) -> None:
    for order in range(orders):
        append(transaction, "owner", "order", f"owner/paid {order}", "order.paid")


async def test_an_owner_that_takes_all_it_can_leaves_places_to_others(store: Store, receiver: Receiver) -> None:
    targets = [str(number) for number in range(1, 9)]
    await subscribe(store, "greedy", [f"1{target}" for target in targets])
    await subscribe(store, "another", ["2"])
    receiver.slow = {f"1{target}" for target in targets}
    await publish_orders(store, 8, "greedy")
    async with running(a_courier(store, receiver, limits=CourierLimits(16, 16, poll_seconds=0.02))):
        await eventually(lambda: sum(receiver.at_once.values()) == 15, "all but one are taken")
        await publish_orders(store, 10, "another")
        await eventually(lambda: receiver.targets()["2"] == 10, "the other owner's are delivered")
        assert sum(receiver.at_once.values()) == 15
        await receiver.hurry()
        await eventually(nothing_is_left(store), "delivered")


async def test_a_worker_with_one_place_delivers_everything(store: Store, receiver: Receiver) -> None:
    await publish_orders(store, 50)
    async with running(a_courier(store, receiver, limits=CourierLimits(1, 1, poll_seconds=0.02))):
        await eventually(nothing_is_left(store), "delivered")
    assert receiver.most_at_once["1"] == 1


# Exchanges.


class CountingStore(MemoryStore):
    """Counts changes, fails them, and holds them up."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.changes = 0
        self.wanted: list[set[str]] = []
        """Targets of which each exchange asked for parked deliveries."""
        self.blocks_for = 0.0
        """Seconds for which the process is stopped after the next change."""

    async def write(self, change: Callable[[Transaction], T]) -> T:
        self.changes += 1
        if isinstance(change, partial) and "request" in change.keywords:
            self.wanted.append({*change.keywords["request"].crowded})
        result = await super().write(change)
        await asyncio.sleep(0)  # a write takes a while in every store but this one
        if self.blocks_for:
            seconds, self.blocks_for = self.blocks_for, 0.0
            time.sleep(seconds)  # noqa: ASYNC251  # as a process that is stopped, or swapped out
        return result


@pytest.fixture
async def counting(clock: FakeClock) -> AsyncIterator[CountingStore]:
    store = CountingStore(clock)
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    yield store
    await store.close()


async def test_the_results_of_many_attempts_are_handed_over_together(
    counting: CountingStore, receiver: Receiver
) -> None:
    await publish_orders(counting, 1_000)
    before = counting.changes
    async with running(a_courier(counting, receiver, limits=CourierLimits(128, 128, poll_seconds=60))):
        await eventually(lambda: len(receiver.requests) == 1_000, "attempted")
        await eventually(nothing_is_left(counting), "delivered")
    assert counting.changes - before < 200


async def test_parked_deliveries_are_asked_for_until_there_are_no_more(
    counting: CountingStore, receiver: Receiver
) -> None:
    await publish_orders(counting, 20)
    async with running(a_courier(counting, receiver, limits=CourierLimits(16, 2, poll_seconds=0.02))):
        await eventually(nothing_is_left(counting), "delivered")
        await eventually(lambda: counting.wanted[-1] == set(), "asked for no more")
    assert {"1"} in counting.wanted


async def test_what_a_killed_worker_had_parked_is_asked_for_by_the_next_one(store: Store, receiver: Receiver) -> None:
    await publish_orders(store, 100)
    await Worker(store, 7, per_target=0).exchange()
    await eventually(all_are(store, parked=100), "parked")
    async with running(a_courier(store, receiver)):
        await eventually(nothing_is_left(store), "delivered")


async def test_what_did_not_fit_into_the_queue_follows_what_did(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "MAX_QUEUED_OF_OWNER", 10)
    async with running(a_courier(store, receiver)):
        await publish_orders(store, 200)
        await eventually(nothing_is_left(store), "delivered")


async def test_a_courier_without_work_leaves_the_store_alone(counting: CountingStore, receiver: Receiver) -> None:
    courier = a_courier(counting, receiver, limits=CourierLimits(poll_seconds=60))
    async with running(courier):
        await eventually(lambda: counting.changes > 1, "looked once")
        before = counting.changes
        await asyncio.sleep(0.1)
        assert counting.changes == before


async def test_an_owner_that_has_used_up_its_share_is_not_asked_for_over_and_over(
    counting: CountingStore, receiver: Receiver
) -> None:
    await subscribe(counting, "greedy", [f"1{number}" for number in range(20)])
    receiver.slow = {f"1{number}" for number in range(20)}
    await publish_orders(counting, 1, "greedy")
    async with running(a_courier(counting, receiver, limits=CourierLimits(16, 16, poll_seconds=60))):
        await eventually(lambda: sum(receiver.at_once.values()) == 15, "all but one are taken")
        await asyncio.sleep(0.05)
        before = counting.changes
        await asyncio.sleep(0.2)
        assert counting.changes - before <= 2
        await receiver.hurry()
        await eventually(lambda: len(receiver.requests) == 20, "results let it go on")


async def test_what_this_process_enqueues_is_attempted_at_once(clock: FakeClock, receiver: Receiver) -> None:
    store = MemoryStore(clock)
    courier = a_courier(store, receiver, limits=CourierLimits(poll_seconds=3600))
    start_delivering(store, clock, courier.wake)
    await subscribe(store, "owner", ["1"])
    async with running(courier):
        for order in range(3):
            await publish(store, "owner", str(order))
            await eventually(lambda order=order: len(receiver.requests) == order + 1, "delivered")


async def test_what_another_process_enqueues_is_found_by_looking(
    tmp_path: Path, clock: FakeClock, receiver: Receiver
) -> None:
    own, another = (SqliteStore.open(tmp_path / "x.db", clock=clock) for _ in range(2))
    for worker, store in enumerate((own, another)):
        start_delivering(store, clock, worker=worker)
    await subscribe(another, "owner", ["1"])
    async with running(a_courier(own, receiver, limits=CourierLimits(poll_seconds=0.05))):
        for order in range(3):
            await publish(another, "owner", str(order))
            await eventually(lambda order=order: len(receiver.requests) == order + 1, "delivered")
    await own.close()
    await another.close()


async def test_the_lag_is_counted_from_the_moment_at_which_a_delivery_was_due(
    store: Store, receiver: Receiver, clock: FakeClock, observed: Observed
) -> None:
    await publish_orders(store, 1)
    clock.pass_ms(90 * SECOND_MS)
    async with running(a_courier(store, receiver, observed=observed)):
        await eventually(nothing_is_left(store), "delivered")
    assert observed.claims == [1]
    assert observed.outcomes == [OK]
    assert 90 <= observed.lags[0] < 91
    assert observed.ages[0] == pytest.approx(90, abs=1)


# Leases.


SHORT = replace(POLICY, lease_ms=300)
"""Leases that pass within a test. They are measured by the loop's clock and by the store's."""


@pytest.fixture
async def timed(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store whose time is real."""
    store = SqliteStore.open(tmp_path / "timed.db", busy_timeout=0.02)
    start_delivering(store, time.time_ns)
    await subscribe(store, "owner", ["1"])
    yield store
    await store.close()


async def test_the_lease_of_a_long_attempt_is_renewed(timed: SqliteStore, receiver: Receiver) -> None:
    receiver.slow = {"1"}
    await publish_orders(timed, 3)
    another, observed = Receiver(), Observed()
    async with running(a_courier(timed, receiver, SHORT)):
        await eventually(lambda: len(receiver.requests) == 3, "claimed")
        async with running(a_courier(timed, another, SHORT, observed=observed, worker=2)):
            (row, *_) = await rows_of(timed)

            async def is_renewed() -> bool:
                now, *_ = await rows_of(timed)
                return (now.due_ms or 0) > (row.due_ms or 0) + 2 * SHORT.lease_ms

            await eventually(is_renewed, "renewed more than twice")
            await receiver.hurry()
            await eventually(nothing_is_left(timed), "delivered")
    assert (another.requests, observed.leases_lost) == ([], 0)
    assert await outcomes_of(timed, row.id) == [OK]


async def test_no_attempt_begins_in_the_last_third_of_a_lease(
    counting: CountingStore, receiver: Receiver, observed: Observed
) -> None:
    await publish_orders(counting, 5)
    counting.blocks_for = SHORT.lease_ms * 0.8 / 1000
    async with running(a_courier(counting, receiver, SHORT, observed=observed)):
        await eventually(lambda: len(receiver.requests) == 5, "claimed anew")
        await eventually(nothing_is_left(counting), "delivered")
    # None of the first claim has begun, and it counts as no attempt.
    assert (observed.claims, len(observed.lags)) == ([5, 5], 5)
    assert [request.attempt for request in receiver.requests] == [1] * 5


async def test_an_attempt_begins_in_the_first_two_thirds_of_a_lease(
    counting: CountingStore, receiver: Receiver, observed: Observed
) -> None:
    await publish_orders(counting, 5)
    counting.blocks_for = SHORT.lease_ms * 0.4 / 1000
    async with running(a_courier(counting, receiver, SHORT, observed=observed)):
        await eventually(nothing_is_left(counting), "delivered")
    assert observed.claims == [5]
    assert min(observed.lags) >= counting.blocks_for


async def test_the_result_of_an_attempt_longer_than_a_lease_is_still_in_time_if_the_store_fails_for_a_moment(
    timed: SqliteStore, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    long = replace(POLICY, lease_ms=1_500)
    receiver.slow = {"1"}
    await publish_orders(timed, 1)
    async with running(a_courier(timed, receiver, long)):
        await eventually(lambda: len(receiver.requests) == 1, "claimed")
        (row,) = await rows_of(timed)

        async def is_renewed() -> bool:
            (now,) = await rows_of(timed)
            return (now.due_ms or 0) > (row.due_ms or 0) + long.lease_ms

        await eventually(is_renewed, "its first lease has passed")
        lock = Lock(tmp_path / "timed.db")
        await receiver.hurry()
        await eventually(lambda: timed._writer.failure is not None, "the store has failed")
        lock.release()
        await eventually(nothing_is_left(timed), "delivered")
    assert len(receiver.requests) == 1
    assert "dropped" not in caplog.text


async def test_a_courier_wakes_up_when_a_retry_is_due(timed: SqliteStore, receiver: Receiver) -> None:
    receiver.answer = lambda request: ACCEPTED if request.attempt == 3 else REFUSED
    await publish_orders(timed, 1)
    policy = replace(POLICY, retry_delays_ms=(50, 50))
    async with running(a_courier(timed, receiver, policy, CourierLimits(poll_seconds=3600))):
        await eventually(nothing_is_left(timed), "delivered")


# A store that fails.


class Lock:
    """Locks a database against writers, as another process may."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.close()


async def test_results_are_handed_over_once_the_store_works_again(
    timed: SqliteStore, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.slow = {"1"}
    await publish_orders(timed, 4)
    async with running(a_courier(timed, receiver)):
        await eventually(lambda: len(receiver.requests) == 4, "claimed")
        lock = Lock(tmp_path / "timed.db")
        await receiver.hurry()
        await eventually(lambda: timed._writer.failure is not None, "the store has failed")
        lock.release()
        await eventually(nothing_is_left(timed), "delivered")
    assert len(receiver.requests) == 4


async def test_results_whose_lease_has_passed_are_dropped_and_their_deliveries_attempted_anew(
    timed: SqliteStore, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.slow = {"1"}
    await publish_orders(timed, 4)
    rows = await rows_of(timed)
    async with running(a_courier(timed, receiver, SHORT)):
        await eventually(lambda: len(receiver.requests) == 4, "claimed")
        lock = Lock(tmp_path / "timed.db")
        await receiver.hurry()
        await eventually(lambda: "4 results of deliveries are dropped" in caplog.text, "dropped")
        lock.release()
        await eventually(nothing_is_left(timed), "delivered")
    assert len(receiver.requests) == 8
    for row in rows:
        assert await outcomes_of(timed, row.id) == [LOST, OK]


async def test_nothing_is_claimed_while_the_store_fails_and_everything_afterwards(
    timed: SqliteStore, tmp_path: Path, receiver: Receiver
) -> None:
    await publish_orders(timed, 4)
    lock = Lock(tmp_path / "timed.db")
    async with running(a_courier(timed, receiver)):
        await eventually(lambda: timed._writer.failure is not None, "the store has failed")
        assert receiver.requests == []
        lock.release()
        await eventually(lambda: len(receiver.requests) == 4, "claimed")
        await eventually(nothing_is_left(timed), "delivered")


# Faults that no port allows.


async def test_an_attempt_that_fails_without_a_result_ends_as_a_lost_one(
    timed: SqliteStore, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: TargetRequest) -> AttemptResult:
        if request.attempt == 1:
            raise KeyError("a fault of the client")
        return ACCEPTED

    receiver.answer = answer
    await publish_orders(timed, 1)
    (row,) = await rows_of(timed)
    async with running(a_courier(timed, receiver, SHORT)) as courier:
        await eventually(lambda: "a fault of the client" in caplog.text, "logged")
        courier.drain()
        await asyncio.wait_for(courier.idle(), 5)
    observed = Observed()
    async with running(a_courier(timed, receiver, SHORT, observed=observed, worker=2)):
        await eventually(nothing_is_left(timed), "delivered")
    assert await outcomes_of(timed, row.id) == [LOST, OK]
    assert observed.leases_lost == 1


# The end.


async def test_a_courier_that_drains_claims_nothing_and_is_idle_once_its_attempts_have_ended(
    store: Store, receiver: Receiver
) -> None:
    receiver.slow = {"1"}
    await publish_orders(store, 3)
    courier = a_courier(store, receiver)
    async with running(courier):
        await eventually(lambda: len(receiver.requests) == 3, "claimed")
        courier.drain()
        await publish(store, "owner", "3")
        idle = asyncio.ensure_future(courier.idle())
        for ended in range(3):
            assert not idle.done()
            await receiver.let_go("1")
            await eventually(lambda ended=ended: receiver.at_once["1"] == 2 - ended, "ended")
        await asyncio.wait_for(idle, 5)
        assert await states_of(store) == {WAITING: 1}
    assert len(receiver.requests) == 3


async def test_what_is_cut_goes_back_at_once_and_has_used_up_no_try(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.slow = {"1"}
    await publish_orders(store, 3)
    courier = a_courier(store, receiver)
    async with running(courier):
        await eventually(lambda: len(receiver.requests) == 3, "claimed")
        courier.drain()
        await courier.cancel()
        assert len(receiver.cut) == 3
        await courier.idle()
    for row in await rows_of(store):
        assert (row.state, row.due_ms, row.claim, row.attempts, row.tries) == (WAITING, clock.ms, 0, 1, 0)
        assert await outcomes_of(store, row.id) == [CANCELLED]


async def test_what_a_claim_brings_after_the_drain_has_begun_goes_back_and_has_not_counted(
    clock: FakeClock, receiver: Receiver
) -> None:
    entered, may_go_on = asyncio.Event(), asyncio.Event()

    class SlowStore(MemoryStore):
        async def write(self, change: Callable[[Transaction], T]) -> T:
            result = await super().write(change)
            entered.set()
            await may_go_on.wait()
            return result

    store = SlowStore(clock)
    start_delivering(store, clock)
    may_go_on.set()
    await subscribe(store, "owner", ["1"])
    await publish_orders(store, 3)
    may_go_on.clear()
    entered.clear()
    courier = a_courier(store, receiver)
    await courier.start()
    await entered.wait()
    courier.drain()
    idle = asyncio.ensure_future(courier.idle())
    await asyncio.sleep(0)
    assert not idle.done()  # the claim may have been written
    may_go_on.set()
    await asyncio.wait_for(idle, 5)
    await courier.close()
    assert receiver.requests == []
    for row in await rows_of(store):
        assert (row.state, row.due_ms, row.claim, row.attempts, row.tries) == (WAITING, clock.ms, 0, 0, 0)


async def test_a_courier_that_never_ran_can_be_ended(store: Store, receiver: Receiver) -> None:
    courier = a_courier(store, receiver)
    await courier.start()
    courier.drain()
    await asyncio.wait_for(courier.idle(), 5)
    await courier.cancel()
    await courier.close()


async def test_closing_alone_leaves_what_runs_to_the_end_of_its_lease(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.slow = {"1"}
    await publish_orders(store, 2)
    courier = a_courier(store, receiver)
    await courier.start()
    await eventually(lambda: len(receiver.requests) == 2, "claimed")
    await courier.close()
    assert len(receiver.cut) == 2
    assert [row.due_ms for row in await rows_of(store)] == [clock.ms + POLICY.lease_ms] * 2


async def test_an_attempt_that_outlives_its_claim_is_waited_for_as_well(clock: FakeClock) -> None:
    class FirstIsSlow(Receiver):
        first_may_end = asyncio.Event()

        async def attempt(self, request: TargetRequest) -> AttemptResult:
            if request.attempt == 1:
                await self.first_may_end.wait()
            return await super().attempt(request)

    store, receiver = MemoryStore(clock), FirstIsSlow()
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    await publish_orders(store, 1)
    (row,) = await rows_of(store)
    async with running(a_courier(store, receiver)) as courier:
        await eventually(all_are_claimed(store), "claimed")
        clock.pass_ms(POLICY.lease_ms)  # this process was stopped for that long
        await eventually(nothing_is_left(store), "claimed anew, and delivered")
        courier.drain()
        idle = asyncio.ensure_future(courier.idle())
        await asyncio.sleep(0)
        assert not idle.done()
        receiver.first_may_end.set()
        await asyncio.wait_for(idle, 5)
    assert await outcomes_of(store, row.id) == [SUPERSEDED, OK]


def all_are_claimed(store: Store) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return all(row.claim for row in await rows_of(store))

    return holds


async def test_a_courier_ends_if_its_store_does_what_no_port_allows(clock: FakeClock, receiver: Receiver) -> None:
    class BrokenStore(MemoryStore):
        async def write(self, change: Callable[[Transaction], T]) -> T:
            raise KeyError("a fault of the store")

    courier: Courier = a_courier(BrokenStore(clock), receiver)
    await courier.start()
    with pytest.raises(KeyError):
        await asyncio.wait_for(courier.ended(), 5)
    await courier.close()
