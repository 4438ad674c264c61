"""What a change of deliveries costs, by SQLite's own plans: no statement looks through all of them."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from actiond.actions.actors import Actor
from actiond.actions.queries import DeliveryFilter
from actiond.actions.use_cases import housekeeping
from actiond.actions.use_cases.deliveries import Deliveries
from actiond.storage.sqlite import SqliteStore, deliveries
from tests.support.delivering import (
    BUSY,
    DELIVERED,
    FAILED,
    GONE,
    HOUR_MS,
    POLICY,
    SECOND_MS,
    Ended,
    FakeClock,
    Worker,
    all_rows,
    publish,
    remove_target,
    start_delivering,
    subscribe,
)

SMALL = {
    "CONSTANT",  # no table
    "target_health",  # targets that fail
    "health",  # likewise
    "delivery_watches",  # consoles that watch
    "found",  # targets that have parked deliveries, one step each
    "new",  # rows that are given as a parameter
    "wanted",  # likewise
    "published",  # the first so many of published_events
    "json_each",  # likewise
    "delivery_counts",  # a few rows for each owner
    "housekeeping",  # one row
    "instance",  # one row
}
"""What a statement may look through as a whole."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plans.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def statements(path: Path, clock: FakeClock) -> AsyncIterator[set[str]]:
    """The statements of the writer, with their parameters, of all that happens to deliveries."""
    found: set[str] = set()
    store = SqliteStore.open(path, clock=clock)
    start_delivering(store, clock)
    store._connections.writer.set_trace_callback(found.add)
    await live(store, clock)
    store._connections.writer.set_trace_callback(None)
    yield found
    await store.close()


async def live(store: SqliteStore, clock: FakeClock) -> None:
    """Let everything happen that can happen to deliveries."""
    await subscribe(store, "greedy", ["9"])
    await publish(store, "greedy", *map(str, range(9)))
    await Worker(store, 3, attempts=4, per_target=9).exchange()  # it leaves some to others
    ends: list[Ended] = [DELIVERED, FAILED, GONE, BUSY]
    worker = Worker(store, 1, per_target=2)
    for number, how in enumerate(ends):
        owner = f"owner {number}"
        await subscribe(store, owner, [f"{number}1", f"{number}2"])
        await publish(store, owner, "1", "1", "1", "2", "3", "4", "5")
        for _ in range(3):
            await worker.renew()
            await worker.end_all(how)
            clock.pass_ms(21 * SECOND_MS)
    await worker.exchange(returned=list(worker.running))
    by_hand = Deliveries(store, POLICY)
    for number in range(len(ends)):
        actor = Actor("", f"owner {number}")
        await by_hand.resume(actor, f"{number}1")
        await by_hand.cancel_matching(actor, DeliveryFilter(target_id=f"{number}1"), lambda: False)
        await by_hand.retry_matching(actor, DeliveryFilter(), lambda: False)
    await worker.exchange()
    await store.write(partial(remove_target, owner="owner 0", target_id="02"))
    clock.pass_ms(HOUR_MS)
    await Worker(store, 2).exchange()
    await store.write(partial(housekeeping.take_lease, keeper=1))
    await worker.adopt()
    await store.write(partial(housekeeping.sweep, policy=POLICY, after=""))
    await store.write(partial(housekeeping.patrol, policy=POLICY, after=0))
    clock.pass_ms(1_000 * HOUR_MS)
    await store.write(partial(housekeeping.prune, policy=POLICY, after=0))
    await store.write(all_rows)


def scans_of(connection: sqlite3.Connection, statement: str) -> set[str]:
    """Return what a statement looks through as a whole."""
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    scans = [step for step in steps if step.startswith("SCAN ") and "(subquery-" not in step]
    # Where a part of the statement reads the first so many of a table, that is no look through all of it.
    begun = set(re.findall(r"FROM (\w+) ORDER BY \w+ LIMIT \d+", statement))
    return {step.split()[1] for step in scans} - begun


async def test_no_change_of_deliveries_looks_through_a_whole_table(path: Path, statements: set[str]) -> None:
    of_deliveries = {
        statement
        for statement in statements
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\b", statement)
        and re.search("deliver|attempts|target_health|housekeeping", statement)
    }
    with closing(sqlite3.connect(path)) as connection:
        scanning = {statement: scans_of(connection, statement) - SMALL for statement in of_deliveries}
    assert {statement: scans for statement, scans in scanning.items() if scans} == {}


async def test_all_statements_of_deliveries_were_among_those(statements: set[str]) -> None:
    beginnings = {" ".join(statement.split())[:60] for statement in statements}
    for name, statement in vars(deliveries).items():
        if name.isupper() and isinstance(statement, str) and re.match(r"\s*(SELECT|UPDATE|DELETE)\b", statement):
            beginning = " ".join(statement.partition("?")[0].split())[:60]
            if name in {"NEXT_DUE", "TOTALS", "PAUSED_TARGETS"}:
                continue  # read by the store, outside of changes
            assert any(one.startswith(beginning) for one in beginnings), name


@pytest.mark.parametrize("behind", [10, 1_000])
async def test_who_goes_next_is_found_in_as_many_steps_however_many_are_behind(
    path: Path, clock: FakeClock, behind: int
) -> None:
    store = SqliteStore.open(path, clock=clock)
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", *["1"] * behind)
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.end_all(FAILED)  # one is tried, one goes first, the others are behind
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store._connections.writer.set_progress_handler(count, 1)
    key = "1", "order/owner/1"
    assert await store.write(lambda transaction: transaction.deliveries.next_behind([key])) == []
    await publish(store, "owner", "1")
    store._connections.writer.set_progress_handler(None, 0)
    await store.close()
    assert steps < 1_000
