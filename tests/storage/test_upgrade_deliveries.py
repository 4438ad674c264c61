"""A database of release 0.1, with executions on events that were never delivered, delivers from now on."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actiond.actions.deliveries import DeliveryState, DeliveryTotals
from actiond.actions.queries import DeliveryQuery, ExecutionQuery
from actiond.storage.sqlite import SqliteStore, schema
from tests.support import release_0_1
from tests.support.delivering import FakeClock, Worker, all_rows, set_execution, start_delivering
from tests.support.release_0_1 import EVENTS, OF_ADDITIONS, OF_EVERYTHING, OWNER
from tests.support.samples import a_target, insert, later, update

LATER_NS = 2_000_000_000 * 10**9


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(LATER_NS)


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    path = tmp_path / "actiond.db"
    release_0_1.write(path)
    store = SqliteStore.open(path, clock=clock)
    start_delivering(store, clock)
    yield store
    await store.close()


async def next_deliveries(store: SqliteStore) -> list[tuple[str, str, int]]:
    """Return target, execution and sequence of the deliveries that a worker gets."""
    claimed = (await Worker(store, 1).exchange()).claimed
    return sorted((one.delivery.target_id, one.delivery.execution, one.event.sequence) for one in claimed)


def test_the_file_is_one_of_release_0_1(tmp_path: Path) -> None:
    release_0_1.write(tmp_path / "old.db")
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,) < (len(schema.migrations()),)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (EVENTS,)


async def test_everything_is_still_there(store: SqliteStore) -> None:
    executions = (await store.find_executions(OWNER, ExecutionQuery())).items
    assert sorted(execution.condition.key for execution in executions) == [
        "event",
        "event/execution.*",
        "event/target.added",
    ]
    assert [event.sequence for event in await store.events("target", OF_EVERYTHING)] == [1, 2, 3]
    assert (await store.tokens())[0].owner == OWNER


async def test_no_event_of_before_is_delivered(store: SqliteStore) -> None:
    assert await store.delivery_totals() == DeliveryTotals({}, 0, 0)
    assert await store.find_deliveries(OWNER, DeliveryQuery()) == []
    assert await store.next_due_in_ms() is None
    assert await next_deliveries(store) == []


async def test_a_new_event_is_delivered_as_its_execution_says(store: SqliteStore) -> None:
    await store.write(insert(a_target("5", "new", OWNER)))
    assert await next_deliveries(store) == [(OF_ADDITIONS, "event/target.added", 1)]


async def test_an_event_after_many_of_before_goes_at_once_with_its_own_sequence(store: SqliteStore) -> None:
    target = await store.target(OWNER, OF_EVERYTHING)
    assert target is not None
    await store.write(update(later(target)))
    (row,) = (await store.write(all_rows)).values()
    assert row.state is DeliveryState.WAITING
    assert await next_deliveries(store) == [(OF_EVERYTHING, "event", 4)]


async def test_the_next_event_of_the_same_aggregate_waits_for_its_turn(store: SqliteStore) -> None:
    target = await store.target(OWNER, OF_EVERYTHING)
    assert target is not None
    await store.write(update(later(target)))
    await store.write(update(later(replace(target, sequence=4))))
    assert await next_deliveries(store) == [(OF_EVERYTHING, "event", 4)]


async def test_an_execution_that_includes_another_is_resolved(store: SqliteStore) -> None:
    await store.write(lambda transaction: set_execution(transaction, OWNER, "event/target.removed", [OF_ADDITIONS]))
    assert await next_deliveries(store) == [
        (OF_ADDITIONS, "event/execution.*", 1),
        (OF_EVERYTHING, "event/execution.*", 1),
    ]


async def test_a_database_that_was_upgraded_delivers_after_another_start(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "actiond.db"
    release_0_1.write(path)
    for start in range(3):
        store = SqliteStore.open(path, clock=clock)
        start_delivering(store, clock, worker=start)
        await store.write(insert(a_target(str(start), f"new {start}", OWNER)))
        await store.close()
    store = SqliteStore.open(path, clock=clock)
    assert len(await next_deliveries(store)) == 3
    await store.close()
