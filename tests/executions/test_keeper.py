"""The keeper by itself, on a real store: who keeps house, what it does in a round, and what it tells its observer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from actiond.actions.deliveries import DeathReason, DeliveryState, DeliveryTotals
from actiond.actions.errors import StoreError
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryQuery
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases.housekeeping import LEASE_MS
from actiond.executions import keeper
from actiond.executions.keeper import Keeper
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.executions.couriers import eventually
from tests.support.delivering import (
    DELIVERED,
    FAILED,
    GONE,
    POLICY,
    FakeClock,
    Worker,
    all_rows,
    publish,
    start_delivering,
    subscribe,
)

T = TypeVar("T")


@dataclass(slots=True)
class Observed:
    """What a keeper has told."""

    totals: list[DeliveryTotals | None] = field(default_factory=list)
    deaths: list[DeathReason] = field(default_factory=list)

    def counted(self, totals: DeliveryTotals | None) -> None:
        self.totals.append(totals)

    def died(self, reasons: Iterable[DeathReason]) -> None:
        self.deaths += reasons


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds follow each other at once: time passes as the test's clock says."""
    monkeypatch.setattr(keeper, "INTERVAL_SECONDS", 0.005)
    monkeypatch.setattr(keeper, "PRUNE_SECONDS", 0.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    store = MemoryStore(clock) if request.param == "memory" else SqliteStore.open(tmp_path / "x.db", clock=clock)
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    yield store
    await store.close()


class Kept:
    """Starts keepers, and ends those that are left."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keepers: list[Keeper] = []

    async def start(self, number: int) -> tuple[Keeper, Observed]:
        observed = Observed()
        started = Keeper(self._store, POLICY, observed, number)
        await started.start()
        self._keepers.append(started)
        return started, observed

    async def end(self) -> None:
        for started in self._keepers:
            started.drain()
            await started.idle()
            await started.cancel()
            await started.close()


@pytest.fixture
async def kept(store: Store) -> AsyncIterator[Kept]:
    kept = Kept(store)
    yield kept
    await kept.end()


async def rounds(observed: Observed, count: int) -> None:
    """Wait for so many more rounds."""
    wanted = len(observed.totals) + count
    await eventually(lambda: len(observed.totals) >= wanted, "rounds")


async def test_a_keeper_counts_what_there_is(store: Store, kept: Kept, clock: FakeClock) -> None:
    await publish(store, "owner", "1", "1", "2")
    clock.pass_ms(1_500)
    _, observed = await kept.start(1)
    await rounds(observed, 1)
    assert observed.totals[0] == DeliveryTotals({DeliveryState.WAITING: 2, DeliveryState.BEHIND: 1}, 1_500, 0)


async def test_a_keeper_releases_gives_up_and_removes(store: Store, kept: Kept, clock: FakeClock) -> None:
    await publish(store, "owner", *map(str, range(10)))
    worker = Worker(store, 1, per_target=2)
    await worker.exchange()
    await worker.end_all(DELIVERED, limit=0)
    resumed = TargetHealth("1", "owner", portion=64, pending=5)
    await store.write(lambda transaction: transaction.deliveries.put_health([resumed]))
    _, observed = await kept.start(1)

    async def all_wait() -> bool:
        return {row.state for row in (await store.write(all_rows)).values()} == {DeliveryState.WAITING}

    await eventually(all_wait, "released")
    await worker.exchange(limit=1)
    await worker.end_all(GONE)  # the others are parked
    clock.pass_ms(POLICY.max_age_ms + 1)

    async def all_are_dead() -> bool:
        return {row.state for row in (await store.write(all_rows)).values()} == {DeliveryState.DEAD}

    await eventually(all_are_dead, "given up")
    assert observed.deaths == [DeathReason.AGE] * 8
    clock.pass_ms(POLICY.dead_retention_ms + 1)

    async def nothing_is_left() -> bool:
        return not await store.find_deliveries("owner", DeliveryQuery())

    await eventually(nothing_is_left, "removed")


async def test_one_of_two_keepers_keeps_house_and_the_other_takes_over_when_it_ends(store: Store, kept: Kept) -> None:
    first, observed = await kept.start(1)
    await rounds(observed, 1)
    _, other = await kept.start(2)
    await rounds(other, 3)
    assert not await holds_lease(store, 2)
    await first.close()
    await rounds(other, 2)
    assert await holds_lease(store, 2)


async def test_a_keeper_takes_over_from_one_that_was_killed_once_its_lease_has_passed(
    store: Store, kept: Kept, clock: FakeClock
) -> None:
    assert await store.write(lambda transaction: transaction.deliveries.hold_lease(7, clock.ms, clock.ms + LEASE_MS))
    _, observed = await kept.start(1)
    await rounds(observed, 2)
    assert not await holds_lease(store, 1)
    clock.pass_ms(LEASE_MS)
    await rounds(observed, 2)
    assert await holds_lease(store, 1)


async def test_of_processes_whose_metrics_are_added_up_one_counts(store: Store) -> None:
    observed = Observed()
    keeper = Keeper(store, POLICY, observed, 1, counts=False)
    await keeper.start()
    await eventually(lambda: holds_lease(store, 1), "a round")
    await keeper.close()
    assert observed.totals == []


async def holds_lease(store: Store, keeper: int) -> bool:
    """Return whether the process could renew the lease, which nobody else could take then."""

    def change(transaction: Transaction) -> bool:
        rows = transaction.deliveries
        now = rows.now_ms()
        if rows.hold_lease(99, now, 0):
            return False
        return rows.hold_lease(keeper, now, now + LEASE_MS)

    return await store.write(change)


async def test_a_keeper_goes_on_when_the_store_works_again(clock: FakeClock) -> None:
    class FailingStore(MemoryStore):
        failures = 5

        async def write(self, change: Callable[[Transaction], T]) -> T:
            if self.failures:
                self.failures -= 1
                raise StoreError("the disk is full")
            return await super().write(change)

    store, observed = FailingStore(clock), Observed()
    keeping = Keeper(store, POLICY, observed, 1)
    await keeping.start()
    await rounds(observed, 7)
    assert await holds_lease(store, 1)
    store.failures = 1_000
    await keeping.close()  # its lease passes by itself


async def test_a_keeper_ends_if_its_store_does_what_no_port_allows(clock: FakeClock) -> None:
    class BrokenStore(MemoryStore):
        async def write(self, change: Callable[[Transaction], T]) -> T:
            raise KeyError("a fault of the store")

    keeping = Keeper(BrokenStore(clock), POLICY, Observed(), 1)
    await keeping.start()
    with pytest.raises(KeyError):
        await asyncio.wait_for(keeping.ended(), 5)
    await keeping.close()


async def test_a_keeper_of_a_target_that_fails_tells_that_it_is_paused(
    store: Store, kept: Kept, clock: FakeClock
) -> None:
    await publish(store, "owner", "1")
    worker = Worker(store, 1, replace(POLICY, pause_failures=1, pause_failing_ms=0))
    await worker.exchange()
    await worker.end_all(FAILED)
    _, observed = await kept.start(1)
    await rounds(observed, 1)
    assert [totals.paused_targets for totals in observed.totals if totals] == [1] * len(observed.totals)
