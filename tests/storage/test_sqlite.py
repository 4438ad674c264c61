"""What the SQLite store promises beyond the contract."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from actiond.actions.conditions import parse_key
from actiond.actions.errors import StoreError
from actiond.actions.ports import Transaction
from actiond.actions.queries import PageRequest, TargetQuery
from actiond.storage.sqlite import SqliteStore
from tests.storage.contract import STORE_CALLS, StoreContract
from tests.support.delivering import FakeClock
from tests.support.delivery_samples import a_delivery
from tests.support.delivery_samples import put as put_deliveries
from tests.support.samples import (
    SAMPLE_KEYS,
    SAMPLE_TARGET,
    a_target,
    a_token,
    an_execution,
    delete,
    insert,
    later,
    put,
    put_execution,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actiond.db"


@pytest.fixture
async def store(path: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path, clock=clock)
    yield store
    await store.close()


class TestSqliteStore(StoreContract):
    """The contract suite, with the fixture above."""

    @pytest.fixture
    def new_store(self, tmp_path: Path) -> Callable[[], SqliteStore]:
        numbers = count()
        return lambda: SqliteStore.open(tmp_path / f"{next(numbers)}.db")


async def test_what_was_written_is_there_after_a_new_start(path: Path, store: SqliteStore) -> None:
    await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
    await store.write(put_execution(an_execution("request", "1")))
    await store.write(put(a_token("1")))
    events = await store.events("target", SAMPLE_TARGET.id)
    runnable = await store.execution_snapshot("owner")
    await store.close()

    again = SqliteStore.open(path)
    assert await again.target("owner", SAMPLE_TARGET.id) == SAMPLE_TARGET
    assert await again.tokens() == [a_token("1")]
    assert await again.events("target", SAMPLE_TARGET.id) == events
    assert await again.execution_snapshot("owner") == runnable
    await again.close()


async def test_the_total_is_right_after_changes_of_one_batch_of_which_some_fail(store: SqliteStore) -> None:
    def failing(number: int) -> Callable[[Transaction], None]:
        def change(transaction: Transaction) -> None:
            insert(a_target(str(number), f"name {number}"))(transaction)
            raise KeyError(number)

        return change

    await store.write(insert(a_target("100", "deleted")))
    await asyncio.gather(
        *(store.write(failing(n) if n % 3 else insert(a_target(str(n), f"name {n}"))) for n in range(30)),
        store.write(delete(later(a_target("100", "deleted")))),
        return_exceptions=True,
    )
    assert (await store.find_targets("owner", TargetQuery(PageRequest(limit=1)))).total == 10


@pytest.mark.parametrize("name", STORE_CALLS)
async def test_a_table_that_is_gone_is_a_store_error_with_the_drivers_as_its_cause(
    path: Path, store: SqliteStore, name: str
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if not table.startswith("sqlite_"):
                connection.execute(f"DROP TABLE {table}")
    with pytest.raises(StoreError) as caught:
        await STORE_CALLS[name](store)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE targets SET type = 'telegram'", "target"),
        ("UPDATE targets SET type = 'telegram'", "find_targets"),
        ("INSERT INTO executions VALUES ('owner', 'telegram', 1, 1, 1, '')", "find_executions"),
        (
            """
            INSERT INTO executions VALUES ('owner', 'request', 1, 1, 1, ''), ('owner', 'function', 1, 1, 1, '');
            INSERT INTO execution_steps VALUES ('owner', 'request', 0, NULL, 'function');
            """,
            "execution_snapshot",
        ),
        ("UPDATE tokens SET permissions = '['", "tokens"),
        ("UPDATE events SET payload = '{'", "events"),
        ("UPDATE events SET payload = '{'", "delivery"),
        ("UPDATE deliveries SET reason = 'telegram'", "find_deliveries"),
    ],
)
async def test_a_row_that_cannot_be_read_is_a_store_error(
    path: Path, store: SqliteStore, statement: str, name: str
) -> None:
    await store.write(insert(SAMPLE_TARGET))
    await store.write(put(a_token("1")))
    await store.write(put_deliveries(a_delivery(1)))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statement)
    with pytest.raises(StoreError):
        await STORE_CALLS[name](store)


async def test_a_row_that_a_change_cannot_read_fails_the_change(path: Path, store: SqliteStore) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO executions VALUES ('owner', 'request', 1, 1, 1, '')")
        connection.execute("INSERT INTO executions VALUES ('owner', 'telegram', 1, 1, 1, '')")
        connection.execute("INSERT INTO execution_steps VALUES ('owner', 'request', 0, NULL, 'telegram')")

    def change(transaction: Transaction) -> None:
        put(a_token("1"))(transaction)
        with pytest.raises(StoreError):
            transaction.executions.get("owner", parse_key("request"))

    with pytest.raises(StoreError):
        await store.write(change)
    assert await store.tokens() == []


async def test_how_many_changes_wait_can_be_asked_at_any_time(store: SqliteStore) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def change(_: Transaction) -> None:
        begun.set()
        may_end.wait(30)

    first = asyncio.ensure_future(store.write(change))
    await asyncio.to_thread(begun.wait)
    others = [asyncio.ensure_future(store.write(lambda _: None)) for _ in range(3)]
    await asyncio.sleep(0)  # each has handed over its change
    assert store.waiting == 3
    may_end.set()
    await asyncio.gather(first, *others)
    assert store.waiting == 0


async def test_a_number_that_the_file_cannot_hold_is_a_store_error(store: SqliteStore) -> None:
    with pytest.raises(StoreError) as caught:
        await store.write(insert(replace(SAMPLE_TARGET, changed_at_ns=2**63)))
    assert isinstance(caught.value.__cause__, OverflowError)


async def test_a_text_that_the_file_cannot_hold_is_a_store_error(store: SqliteStore) -> None:
    with pytest.raises(StoreError):
        await store.target("owner", "\ud800")


async def test_closing_brings_the_wal_into_the_file(path: Path, store: SqliteStore) -> None:
    await store.write(insert(SAMPLE_TARGET))
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_an_acknowledged_write_is_synced(path: Path, store: SqliteStore) -> None:
    # 2 is FULL: the WAL is synced at each commit. Nothing short of a power cut shows it otherwise.
    assert store._writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert path.with_name("actiond.db-wal").exists()
