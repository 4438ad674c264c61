"""The SQLite store whose files are taken away, that cannot write, or whose log would grow: nothing is lost silently."""

import asyncio
import logging
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from actiond.actions.errors import ListTooSlowError, StoreError, StoreUnavailableError
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, NameQuery, TargetQuery, TextMethod
from actiond.storage.sqlite import SqliteStore, reader, writer
from actiond.storage.sqlite.reader import Reader
from tests.support.delivery_samples import a_delivery, put
from tests.support.samples import SAMPLE_TARGET, a_target, an_execution, insert, put_execution


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "actiond.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path, busy_timeout=0.05)
    yield store
    await store.close()


def replace_by_copy(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def size_of(path: Path) -> int:
    return path.stat().st_size


TAKEN: dict[str, Callable[[Path], object]] = {
    "the directory is removed": lambda path: shutil.rmtree(path.parent),
    "the directory is moved": lambda path: path.parent.rename(path.parent.with_name("moved")),
    "the file is removed": lambda path: path.unlink(),
    "the file is replaced": replace_by_copy,
    "the log is removed": lambda path: Path(f"{path}-wal").unlink(),
    "the file is emptied": lambda path: os.truncate(path, 0),
    "the end of the file is cut off": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "the locks are removed": lambda path: Path(f"{path}-shm").unlink(),
    "the log is replaced": lambda path: replace_by_copy(Path(f"{path}-wal")),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
async def test_no_change_is_acknowledged_once_the_files_are_others(
    path: Path, store: SqliteStore, take: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    await store.write(insert(SAMPLE_TARGET))
    take(path)
    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match=r"although it is open|is another file than the one"):
            await store.write(insert(a_target("2", "two")))
        with pytest.raises(StoreUnavailableError):
            await store.ping()
    (record,) = caplog.records
    assert record.getMessage().startswith("the store is unavailable: ")
    assert record.exc_info is None


async def test_the_database_may_be_vacuumed_while_it_is_open(path: Path, store: SqliteStore) -> None:
    await asyncio.gather(*(store.write(insert(a_target(str(n), "n" * 150 + str(n)))) for n in range(1, 1000)))
    sizes = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in ("SELECT 1", "DELETE FROM targets", "VACUUM"):
            other.execute(statement)
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            await store.ping()
            sizes.append(size_of(path))
    assert sizes[-1] < sizes[0]
    await store.write(insert(a_target("1000", "later")))
    await store.ping()


async def test_a_file_that_is_taken_while_a_change_is_written_fails_the_change(path: Path, store: SqliteStore) -> None:
    await store.write(insert(SAMPLE_TARGET))

    def change(transaction: object) -> None:
        path.rename(path.with_name("moved"))

    with pytest.raises(StoreUnavailableError):
        await store.write(change)


@pytest.mark.parametrize("is_empty", [False, True], ids=["missing", "empty"])
async def test_a_log_without_its_database_is_not_dropped(path: Path, store: SqliteStore, *, is_empty: bool) -> None:
    await store.write(insert(SAMPLE_TARGET))
    remains = path.parent / "remains"
    remains.mkdir()
    shutil.copy(f"{path}-wal", remains / "actiond.db-wal")
    if is_empty:
        (remains / "actiond.db").touch()
    with pytest.raises(StoreError, match=r"actiond\.db-wal holds changes to it: put the database back"):
        SqliteStore.open(remains / "actiond.db")
    assert (remains / "actiond.db-wal").stat().st_size
    assert (remains / "actiond.db").exists() == is_empty


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(path: Path, store: SqliteStore) -> Iterator[None]:
    """Let the database have no page more."""
    (pages,) = store._connections.writer.execute("PRAGMA page_count").fetchone()
    store._connections.writer.execute(f"PRAGMA max_page_count = {pages}")
    yield
    store._connections.writer.execute("PRAGMA max_page_count = 1000000")


@pytest.mark.parametrize("reason", ["locked", "full"])
async def test_a_store_that_cannot_write_is_unavailable_until_it_can(
    path: Path, store: SqliteStore, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    many = [insert(a_target(str(number), "n" * 150 + str(number))) for number in range(1, 101)]
    with locked(path) if reason == "locked" else full(path, store):
        for change in many:
            try:
                await store.write(change)
            except StoreUnavailableError:
                break
        else:
            pytest.fail("every change was stored")
        assert await store.find_targets("owner", TargetQuery())  # reads go on
        if reason == "locked":
            for _ in range(3):
                with pytest.raises(StoreUnavailableError):
                    await store.ping()
    assert len(caplog.records) == 1
    async with asyncio.timeout(10):
        while True:
            try:
                await store.ping()
                break
            except StoreUnavailableError:
                await asyncio.sleep(0.01)


async def test_a_fault_of_a_change_itself_is_not_the_stores(store: SqliteStore) -> None:
    await store.write(insert(SAMPLE_TARGET))
    with pytest.raises(StoreError) as caught:
        await store.write(put_execution(an_execution("request", "request/a.B")))
    assert not isinstance(caught.value, StoreUnavailableError)
    await store.ping()


# Lists.


async def test_a_list_that_takes_too_long_is_interrupted(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.gather(*(store.write(insert(a_target(str(n), f"{n}"))) for n in range(1, 300)))
    store._connections.lists.set_progress_handler(store._list_reader._is_late, 10)  # the list is a short one
    slow = TargetQuery(filters=tuple(NameQuery(f"x{n}", TextMethod.CONTAINS_IGNORE_CASE) for n in range(50)))
    monkeypatch.setattr(store._list_reader, "_max_seconds", -1.0)
    with pytest.raises(ListTooSlowError):
        await store.find_targets("owner", slow)
    monkeypatch.setattr(store._list_reader, "_max_seconds", reader.MAX_SECONDS)
    assert not (await store.find_targets("owner", slow)).items
    await store.write(insert(a_target("1000", "later")))  # nothing holds a snapshot


async def test_a_list_of_deliveries_that_takes_too_long_is_interrupted(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(put(*(a_delivery(number) for number in range(1, 100))))
    store._connections.lists.set_progress_handler(store._list_reader._is_late, 10)  # the list is a short one
    monkeypatch.setattr(store._list_reader, "_max_seconds", -1.0)
    wanted = DeliveryFilter(event_type="order.placed")
    with pytest.raises(ListTooSlowError):
        await store.find_deliveries("owner", DeliveryQuery(wanted))
    with pytest.raises(ListTooSlowError):
        await store.count_deliveries("owner", wanted)
    monkeypatch.setattr(store._list_reader, "_max_seconds", reader.MAX_SECONDS)
    assert await store.find_deliveries("owner", DeliveryQuery(wanted)) == []


def bound_the_log(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the log be emptied at a mebibyte, and return that."""
    limit = 1024 * 1024
    monkeypatch.setattr(writer, "MAX_WAL_BYTES", limit)
    store._writer._checkpoint_at = limit
    return limit


async def sizes_of_the_log(path: Path, store: SqliteStore, changes: int) -> list[int]:
    """Make so many changes, and return the size of the log after each of them."""
    sizes = []
    for number in range(1, changes):
        await store.write(insert(a_target(str(number), "n" * 150 + str(number))))
        sizes.append(os.stat(f"{path}-wal").st_size)  # noqa: PTH116  # Path's takes longer, and blocks no less
    return sizes


async def test_the_log_is_bounded_although_one_long_read_follows_the_other(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads read all the time, so that at no moment the log is unused unless they are held back."""
    limit = bound_the_log(store, monkeypatch)
    over = asyncio.Event()

    def hold(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT count(*) FROM targets").fetchone()
        time.sleep(0.05)

    async def read(reader: Reader) -> None:
        while not over.is_set():
            await reader.run(hold)

    reading = [asyncio.create_task(read(each)) for each in (store._list_reader, store._snapshot_reader) * 2]
    sizes = await sizes_of_the_log(path, store, 1_500)
    over.set()
    await asyncio.gather(*reading)
    assert limit / 2 < max(sizes) <= limit


WRITE_WITHOUT_A_PAUSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("CREATE TABLE another (x)")
for _ in range(20_000):
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO another VALUES (zeroblob(2000))", [()] * 20)
    connection.execute("COMMIT")
"""


async def test_the_log_is_bounded_although_another_process_writes_without_a_pause(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = bound_the_log(store, monkeypatch)
    # It gets the lock in one of the other's gaps, and on a busy machine there are few of them in a second.
    monkeypatch.setattr(writer, "MAX_EMPTYING_SECONDS", 60)
    monkeypatch.setattr(store._writer, "_busy_timeout", 60)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITE_WITHOUT_A_PAUSE, path)
    try:
        sizes = await sizes_of_the_log(path, store, 400)
    finally:
        other.kill()
        await other.wait()
    assert limit / 2 < max(sizes) <= 2 * limit


async def test_a_long_read_of_another_process_is_named_and_stops_no_change(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(writer, "MAX_WAL_BYTES", 100_000)
    monkeypatch.setattr(writer, "MAX_EMPTYING_SECONDS", 0.01)
    store._writer._checkpoint_at = 100_000
    await store.write(insert(SAMPLE_TARGET))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM targets").fetchone()
        for number in range(2, 200):
            await store.write(insert(a_target(str(number), str(number))))
    assert "another process has been reading for long" in caplog.text
