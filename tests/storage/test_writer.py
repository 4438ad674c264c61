"""Gathered writes: how few transactions they take, and that the writer outlives what goes wrong."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actiond.actions.errors import StoreError, TargetNameTakenError
from actiond.actions.ports import Transaction
from actiond.storage.sqlite import SqliteStore
from actiond.storage.sqlite import writer as writer_module
from actiond.storage.sqlite.connection import connect
from actiond.storage.sqlite.files import DatabaseFiles
from actiond.storage.sqlite.shared import Shared
from actiond.storage.sqlite.writer import MAX_BATCH_SIZE, Writer
from tests.support.delivery_samples import a_delivery
from tests.support.samples import SAMPLE_TARGET, a_target, a_token, insert, put


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "actiond.db"
    await SqliteStore.open(path).close()
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, busy_timeout=0)) as connection:
        yield connection


def a_writer(connection: sqlite3.Connection, **options: Any) -> Writer:
    (_, _, path) = connection.execute("PRAGMA database_list").fetchone()
    return Writer(connection, Shared(DatabaseFiles(Path(path))), **options)


@pytest.fixture
async def writer(connection: sqlite3.Connection) -> AsyncIterator[Writer]:
    writer = a_writer(connection, busy_timeout=0.05)
    yield writer
    await writer.close()


class Gate:
    """A change that holds the writer up until the test opens the gate."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: Transaction) -> None:
        self.entered.set()
        self.opened.wait(30)


def count(path: Path, table: str = "targets") -> int:
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608, the tests' own words
        return int(number)


async def test_changes_that_wait_share_one_transaction(writer: Writer, connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    gate = Gate()
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    waiting = [writer.submit(insert(a_target(str(n), f"name {n}"))) for n in range(200)]
    connection.set_trace_callback(statements.append)
    gate.opened.set()
    await asyncio.gather(first, *waiting)
    assert statements.count("COMMIT") == 2  # the gate's own, then that of all the others


async def test_200_writers_at_once_commit_far_fewer_times(writer: Writer, connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    await asyncio.gather(*(writer.submit(insert(a_target(str(n), f"name {n}"))) for n in range(200)))
    assert statements.count("COMMIT") < 50


async def test_a_batch_has_a_limit(writer: Writer, connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    gate = Gate()
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    waiting = [writer.submit(lambda _: None) for _ in range(MAX_BATCH_SIZE + 1)]
    connection.set_trace_callback(statements.append)
    gate.opened.set()
    await asyncio.gather(first, *waiting)
    assert statements.count("COMMIT") == 3


async def test_a_batch_ends_once_it_has_enqueued_many_deliveries(
    writer: Writer, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_ENQUEUED", 2)
    statements: list[str] = []
    gate = Gate()
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    waiting = [writer.submit(partial(_enqueue, number=number)) for number in range(1, 6)]
    connection.set_trace_callback(statements.append)
    gate.opened.set()
    assert await asyncio.gather(first, *waiting) == [None, 1, 2, 3, 4, 5]
    assert statements.count("COMMIT") == 4


def _enqueue(transaction: Transaction, number: int) -> int:
    transaction.deliveries.enqueue([a_delivery(number)])
    return number


async def test_an_observer_is_told_of_each_batch_and_of_what_waits(connection: sqlite3.Connection) -> None:
    told: list[tuple[int, int]] = []
    gate = Gate()
    writer = a_writer(connection, observe_batch=lambda changes, waiting: told.append((changes, waiting)))
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    others = [writer.submit(lambda _: None) for _ in range(MAX_BATCH_SIZE + 3)]
    assert writer.waiting == MAX_BATCH_SIZE + 3
    gate.opened.set()
    await asyncio.gather(first, *others)
    await writer.close()
    assert told == [(1, MAX_BATCH_SIZE + 3), (MAX_BATCH_SIZE, 3), (3, 0)]


async def test_an_observer_is_told_of_a_batch_that_failed(connection: sqlite3.Connection, path: Path) -> None:
    told: list[int] = []
    writer = a_writer(connection, busy_timeout=0.05, observe_batch=lambda changes, _: told.append(changes))
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError):
            await writer.submit(insert(SAMPLE_TARGET))
    await writer.close()
    assert told == [1]


async def test_an_observer_that_fails_does_not_stop_the_writer(
    connection: sqlite3.Connection, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def observe(*_: int) -> None:
        raise RuntimeError("no more room for figures")

    writer = a_writer(connection, observe_batch=observe)
    await writer.submit(insert(a_target("1", "one")))
    await writer.submit(insert(a_target("2", "two")))
    await writer.close()
    assert count(path) == 2
    assert "no more room for figures" in caplog.text


async def test_a_write_goes_at_once_when_nothing_waits(writer: Writer, path: Path) -> None:
    await writer.submit(insert(SAMPLE_TARGET))
    assert count(path) == 1


async def test_a_change_cancelled_while_it_waits_never_runs(writer: Writer, path: Path) -> None:
    gate = Gate()
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    cancelled, kept = writer.submit(insert(a_target("1", "one"))), writer.submit(insert(a_target("2", "two")))
    cancelled.cancel()
    gate.opened.set()
    await asyncio.gather(first, kept)
    assert count(path) == 1


async def test_a_change_cancelled_after_it_began_is_finished_and_so_are_those_behind_it(
    writer: Writer, path: Path
) -> None:
    first_gate, gate = Gate(), Gate()

    def change(transaction: Transaction) -> None:
        insert(a_target("1", "one"))(transaction)
        gate(transaction)

    writer.submit(first_gate)
    await asyncio.to_thread(first_gate.entered.wait)
    begun, behind = writer.submit(change), writer.submit(insert(a_target("2", "two")))
    first_gate.opened.set()
    await asyncio.to_thread(gate.entered.wait)
    begun.cancel()
    gate.opened.set()
    assert await behind == "2"
    assert count(path) == 2


async def test_a_change_that_failed_before_it_wrote_does_not_run_the_batch_again(writer: Writer) -> None:
    await writer.submit(insert(SAMPLE_TARGET))
    gate, runs = Gate(), 0

    def counted(_: Transaction) -> None:
        nonlocal runs
        runs += 1

    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    waiting: list[asyncio.Future[object]] = [
        writer.submit(counted),
        writer.submit(insert(SAMPLE_TARGET)),
        writer.submit(counted),
    ]
    gate.opened.set()
    await first
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[1], TargetNameTakenError)
    assert runs == 2


async def test_a_locked_database_fails_all_that_waited_and_the_next_write_works(writer: Writer, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = [writer.submit(insert(a_target(str(n), f"name {n}"))) for n in range(3)]
        errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in errors] == ["sqlite: database is locked"] * 3
    assert len({id(error) for error in errors}) == 3
    assert count(path) == 0
    await writer.submit(insert(SAMPLE_TARGET))


async def test_a_lock_that_is_let_go_in_time_is_waited_for(connection: sqlite3.Connection, path: Path) -> None:
    patient = a_writer(connection, busy_timeout=30)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = patient.submit(insert(SAMPLE_TARGET))
        await asyncio.sleep(0.05)  # long enough to meet the lock
        assert not waiting.done()
        other.execute("COMMIT")
    await waiting
    await patient.close()
    assert count(path) == 1


async def test_a_full_disk_fails_the_change_and_the_writer_goes_on(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    gate = Gate()
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    waiting = [writer.submit(insert(a_target(str(n), "name " * 2000 + str(n)))) for n in range(3)]
    gate.opened.set()
    await first
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in errors] == ["sqlite: database or disk is full"] * 3
    assert (count(path), count(path, "events")) == (0, 0)
    connection.execute("PRAGMA max_page_count = 1000000")
    await writer.submit(insert(SAMPLE_TARGET))


async def test_a_commit_that_fails_fails_all_of_its_changes(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.executescript("""
        CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
    """)

    def orphan(_: Transaction) -> None:
        connection.execute("INSERT INTO child VALUES (1)")

    gate = Gate()
    first = writer.submit(gate)
    await asyncio.to_thread(gate.entered.wait)
    waiting: list[asyncio.Future[object]] = [writer.submit(insert(SAMPLE_TARGET)), writer.submit(orphan)]
    gate.opened.set()
    await first
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [(type(error), str(error)) for error in errors] == [
        (StoreError, "sqlite: FOREIGN KEY constraint failed"),
    ] * 2
    assert count(path) == 0
    await writer.submit(insert(SAMPLE_TARGET))


async def test_a_change_that_swallows_a_drivers_error_fails_all_the_same(writer: Writer, path: Path) -> None:
    await writer.submit(put(a_token("1", secret="same")))

    def change(transaction: Transaction) -> None:
        insert(SAMPLE_TARGET)(transaction)
        with pytest.raises(StoreError):
            put(a_token("2", secret="same"))(transaction)

    with pytest.raises(StoreError) as caught:
        await writer.submit(change)
    assert isinstance(caught.value.__cause__, sqlite3.IntegrityError)
    assert count(path) == 0


async def test_a_transaction_is_of_no_use_after_its_change(writer: Writer) -> None:
    transaction = await writer.submit(lambda transaction: transaction)
    with pytest.raises(StoreError, match="the transaction has ended"):
        transaction.instance.next_worker_number()


def test_a_loop_that_was_closed_does_not_stop_the_writer(connection: sqlite3.Connection, path: Path) -> None:
    gate = Gate()

    async def give_up() -> Writer:
        writer = a_writer(connection)
        writer.submit(gate)
        await asyncio.to_thread(gate.entered.wait)
        return writer

    async def write(writer: Writer) -> None:
        await writer.submit(insert(SAMPLE_TARGET))
        await writer.close()

    writer = asyncio.run(give_up())
    gate.opened.set()
    asyncio.run(write(writer))
    assert count(path) == 1
