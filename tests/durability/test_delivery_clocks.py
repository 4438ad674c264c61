"""The clock is set back, two keepers are at work, the database cannot be written: with couriers in this process.

The store is a real one on a file, with a clock that the tests set. Nobody is called.
"""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from actiond.actions.deliveries import DeathReason
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases import housekeeping
from actiond.executions import keeper as keeper_module
from actiond.storage.sqlite import SqliteStore
from tests.support.couriers import DELIVERED, FAILED, ScriptedCaller, courier, keeper
from tests.support.delivering import (
    HOUR_MS,
    POLICY,
    FakeClock,
    Worker,
    publish,
    remove_target,
    start_delivering,
    subscribe,
)
from tests.support.delivery_database import DeliveryContent, read_deliveries
from tests.support.waiting import async_until

OWNER = "1"
TARGETS = ["11"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actiond.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path, busy_timeout=0.05, clock=clock)
    yield store
    await store.close()


@pytest.fixture(autouse=True)
def _quick_keepers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INTERVAL_SECONDS", "PRUNE_SECONDS"):
        monkeypatch.setattr(keeper_module, name, 0.02)


async def settled(path: Path) -> DeliveryContent:
    """Wait until everything is delivered or dead, and return what there is."""
    await async_until(lambda: not read_deliveries(path).unfinished(), "everything is delivered or dead")
    return read_deliveries(path)


def outcomes(content: DeliveryContent) -> list[str]:
    return [attempt.outcome for attempt in content.attempts]


# The clock.


async def test_after_the_clock_was_set_back_new_events_are_delivered_at_once(
    path: Path, store: SqliteStore, clock: FakeClock
) -> None:
    await subscribe(store, OWNER, TARGETS)
    caller = ScriptedCaller()
    async with courier(store, caller, clock):
        await publish(store, OWNER, "a")
        await async_until(lambda: len(caller.requests) == 1, "the first event")
        clock.pass_ms(-HOUR_MS)
        await publish(store, OWNER, "b", "c")
        assert outcomes(await settled(path)) == ["ok"] * 3
    assert len({request.message_id for request in caller.requests}) == 3


async def test_after_the_clock_was_set_back_a_retry_waits_until_it_has_caught_up(
    path: Path, store: SqliteStore, clock: FakeClock
) -> None:
    await subscribe(store, OWNER, TARGETS)
    caller = ScriptedCaller(FAILED, DELIVERED)
    async with courier(store, caller, clock):
        await publish(store, OWNER, "a")
        await async_until(lambda: outcomes(read_deliveries(path)) == ["status"], "the first attempt fails")
        clock.pass_ms(-HOUR_MS)
        await publish(store, OWNER, "b")
        await async_until(lambda: len(caller.requests) == 2, "the courier looks again")
        clock.pass_ms(HOUR_MS + 2 * POLICY.retry_delays_ms[0])
        await settled(path)
    assert [request.attempt for request in caller.requests] == [1, 1, 2]


async def test_claims_of_a_process_whose_clock_was_ahead_are_lost_as_soon_as_the_keeper_sees_them(
    path: Path, store: SqliteStore, clock: FakeClock
) -> None:
    await subscribe(store, OWNER, TARGETS)
    start_delivering(store, clock)
    await publish(store, OWNER, "a", "b")
    clock.pass_ms(HOUR_MS)
    dead = Worker(store, 7)
    assert len((await dead.exchange()).claimed) == 2
    await store.close()

    clock.pass_ms(-HOUR_MS)
    caller = ScriptedCaller()
    opened = SqliteStore.open(path, clock=clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(opened.close)
        await stack.enter_async_context(courier(opened, caller, clock))
        await stack.enter_async_context(keeper(opened, 1))
        content = await settled(path)
    assert Counter(outcomes(content)) == {"lost": 2, "ok": 2}


async def test_claims_that_are_not_too_far_ahead_are_left_to_their_worker(
    path: Path, store: SqliteStore, clock: FakeClock
) -> None:
    await subscribe(store, OWNER, TARGETS)
    caller = ScriptedCaller(None)
    async with courier(store, caller, clock), keeper(store, 1) as rounds:
        await publish(store, OWNER, "a")
        await async_until(lambda: len(caller.requests) == 1, "the attempt")
        seen = rounds.number
        await async_until(lambda: rounds.number > seen + 1, "the keeper has looked")
        caller.release()
        assert outcomes(await settled(path)) == ["ok"]


# Two keepers.


async def test_two_keepers_at_once_do_everything_once(
    path: Path, store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "take_lease", lambda _transaction, keeper: bool(keeper))
    other = SqliteStore.open(path, clock=clock)
    start_delivering(store, clock)
    kept, removed, paused = ("21", "22", "23")
    await subscribe(store, OWNER, [kept, removed, paused])
    await publish(store, OWNER, *map(str, range(20)))
    worker = Worker(store, 7, per_target=2)
    await worker.exchange()
    await store.write(lambda transaction: remove_target(transaction, OWNER, removed))
    await store.write(
        lambda transaction: transaction.deliveries.put_health([TargetHealth(paused, OWNER, is_held=True)])
    )
    clock.pass_ms(POLICY.max_age_ms + 1)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(other.close)
        both = [await stack.enter_async_context(keeper(each, number)) for number, each in enumerate((store, other), 1)]
        await async_until(lambda: all(rounds.number > 2 for rounds in both), "both have done their rounds")
        content = read_deliveries(path)
        assert Counter((each.target_id, each.state, each.reason) for each in content.deliveries) == {
            (kept, "waiting", None): 2,  # had been claimed, as those of the paused one
            (kept, "parked", None): 18,
            (removed, "dead", "target_removed"): 20,
            (paused, "waiting", None): 2,
            (paused, "dead", "age"): 18,
        }
        deaths = Counter(reason for rounds in both for reason in rounds.deaths)
        assert deaths == {DeathReason.TARGET_REMOVED: 20, DeathReason.AGE: 18}
        assert content.counts == {**content.counts, "waiting": 4, "parked": 18, "dead": 38}
        clock.pass_ms(POLICY.dead_retention_ms + 1)
        await async_until(
            lambda: not [each for each in read_deliveries(path).deliveries if each.state == "dead"], "all pruned"
        )
        assert read_deliveries(path).counts["dead"] == 0


# A store that refuses to write.


async def test_while_the_database_is_read_only_nothing_is_attempted_and_afterwards_all_goes_on(
    path: Path, store: SqliteStore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await subscribe(store, OWNER, TARGETS)
    caller = ScriptedCaller(FAILED, DELIVERED)
    async with courier(store, caller, clock):
        await publish(store, OWNER, "a")
        await async_until(lambda: outcomes(read_deliveries(path)) == ["status"], "the first attempt fails")
        store._connections.writer.execute("PRAGMA query_only = ON")
        clock.pass_ms(2 * POLICY.retry_delays_ms[0])
        await async_until(
            lambda: "attempt to write a readonly database" in caplog.text, "the courier has tried to claim"
        )
        assert len(caller.requests) == 1
        store._connections.writer.execute("PRAGMA query_only = OFF")
        assert outcomes(await settled(path)) == ["status", "ok"]


async def test_a_fault_of_the_store_that_is_no_outage_is_logged_by_courier_and_keeper_and_they_go_on_afterwards(
    path: Path, store: SqliteStore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await subscribe(store, OWNER, TARGETS)
    async with courier(store, ScriptedCaller(), clock), keeper(store, 1):
        with closing(sqlite3.connect(path)) as other:
            other.execute("ALTER TABLE attempts RENAME TO elsewhere")
            await publish(store, OWNER, "a")
            for name in ("courier", "keeper"):
                await async_until(lambda name=name: "no such table: attempts" in logged_by(name, caplog), name)  # type: ignore[misc]  # no default's type
            other.execute("ALTER TABLE elsewhere RENAME TO attempts")
        assert outcomes(await settled(path)) == ["ok"]


def logged_by(name: str, caplog: pytest.LogCaptureFixture) -> str:
    return "".join(each.getMessage() for each in caplog.records if each.name == f"actiond.executions.{name}")
