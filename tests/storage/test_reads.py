"""What the SQLite store's reads see: what was acknowledged before, whoever wrote it, and one moment each."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.ports import Transaction
from actiond.actions.queries import TargetQuery
from actiond.actions.tokens import Token
from actiond.storage.sqlite import SqliteStore
from tests.storage.contract.running import NAMED, RAISING, UNNAMED
from tests.support.samples import (
    SAMPLE_TARGET,
    a_token,
    an_execution,
    insert,
    put,
    put_execution,
    revision_of,
    token_of,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actiond.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path)
    yield store
    await store.close()


async def test_a_revocation_by_another_store_on_the_file_is_seen_by_the_next_read(
    path: Path, store: SqliteStore
) -> None:
    token = a_token("1")
    await store.write(put(token))
    assert await token_of(store, token.selector) == token
    another = SqliteStore.open(path)
    revoked = replace(token, revoked_at_ns=7)
    await another.write(put(revoked, "token.revoked"))
    assert await token_of(store, token.selector) == revoked
    await another.close()


@pytest.mark.parametrize("change", RAISING.values(), ids=RAISING.keys())
async def test_a_change_by_another_store_on_the_file_raises_the_revision_at_once(
    path: Path, store: SqliteStore, change: Callable[[Transaction], object]
) -> None:
    for target in (NAMED, UNNAMED):
        await store.write(insert(target))
    await store.write(put_execution(an_execution("request", "1")))
    another = SqliteStore.open(path)
    before = await revision_of(store)
    await another.write(change)
    assert await revision_of(store) > before
    assert await store.execution_snapshot("owner") == await another.execution_snapshot("owner")
    await another.close()


SHARED_READS: dict[str, Callable[[SqliteStore], Awaitable[object]]] = {
    "admit": lambda store: store.admit(a_token("1").selector),
    "admit_certificate": lambda store: store.admit_certificate("dns:worker.example"),
}


@pytest.mark.parametrize("read", SHARED_READS.values(), ids=SHARED_READS.keys())
async def test_calls_that_wait_for_the_same_turn_of_the_loop_read_once(
    store: SqliteStore, read: Callable[[SqliteStore], Awaitable[object]]
) -> None:
    await store.write(put(a_token("1")))
    reads: list[str] = []
    store._connections.point_reads.set_trace_callback(reads.append)
    answers = await asyncio.gather(*(read(store) for _ in range(10)))
    assert (len(set(answers)), len(reads)) == (1, 1)


async def test_a_call_that_arrives_after_a_revocation_is_behind_the_forgetting(path: Path, store: SqliteStore) -> None:
    token = a_token("1")
    revoked = replace(token, revoked_at_ns=7)
    await store.write(put(token))
    seen: list[Token | None] = []

    async def call() -> None:
        seen.append(await token_of(store, token.selector))

    loop = asyncio.get_running_loop()
    first = loop.create_task(call())
    await asyncio.sleep(0)
    # Within the turn that read it: another connection revokes, and only then does the next call arrive.
    with closing(sqlite3.connect(path)) as another:
        another.execute("UPDATE tokens SET revoked_at_ns = 7")
        another.commit()
    second = loop.create_task(call())
    await asyncio.gather(first, second)
    assert seen == [token, revoked]


async def test_the_revision_that_a_call_reads_is_not_that_of_a_turn_before(path: Path, store: SqliteStore) -> None:
    seen: list[int] = []

    async def call() -> None:
        seen.append((await store.admit(a_token("1").selector)).execution_revision)

    await store.write(put(a_token("1")))
    loop = asyncio.get_running_loop()
    first = loop.create_task(call())
    await asyncio.sleep(0)
    with closing(sqlite3.connect(path)) as another:
        another.execute("INSERT INTO execution_revisions (owner, revision) VALUES ('owner', 7)")
        another.commit()
    second = loop.create_task(call())
    await asyncio.gather(first, second)
    assert seen == [0, 7]


async def test_a_long_read_sees_one_moment(store: SqliteStore) -> None:
    read, written = threading.Event(), threading.Event()

    def count_twice(connection: sqlite3.Connection) -> list[int]:
        def count_targets() -> int:
            (number,) = connection.execute("SELECT count(*) FROM targets").fetchone()
            return int(number)

        first = count_targets()
        read.set()
        assert written.wait(30)
        return [first, count_targets()]

    counting = asyncio.ensure_future(store._list_reader.run(count_twice))
    await asyncio.to_thread(read.wait)
    await store.write(insert(SAMPLE_TARGET))
    written.set()
    assert await counting == [0, 0]
    assert (await store.find_targets("owner", TargetQuery())).total == 1


async def test_what_runs_does_not_wait_for_a_long_list(store: SqliteStore) -> None:
    listed = threading.Event()
    listing = asyncio.ensure_future(store._list_reader.run(lambda _: listed.wait(30)))
    await store.execution_snapshot("owner")
    assert not listing.done()
    listed.set()
    assert await listing


@pytest.mark.parametrize("selector", [a_token("1").selector, b"unknown"], ids=["found", "not found"])
async def test_a_point_read_leaves_no_snapshot_open(path: Path, store: SqliteStore, selector: bytes) -> None:
    await store.write(put(a_token("1")))
    await token_of(store, selector)
    await store.write(insert(SAMPLE_TARGET))
    # The checkpoint can only start the WAL anew when no reader needs what it holds.
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


async def test_owners_take_turns_at_long_reads(store: SqliteStore) -> None:
    gate, order = threading.Event(), list[str]()

    def read(name: str) -> Callable[[sqlite3.Connection], None]:
        def run(_connection: sqlite3.Connection) -> None:
            gate.wait(10)
            order.append(name)

        return run

    reader = store._list_reader
    many = [asyncio.create_task(reader.run(read(f"many {number}"), "many")) for number in range(5)]
    await asyncio.sleep(0)
    few = [asyncio.create_task(reader.run(read(f"few {number}"), "few")) for number in range(2)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*many, *few)
    assert order == ["many 0", "many 1", "few 0", "many 2", "few 1", "many 3", "many 4"]


async def test_a_read_that_waits_for_its_turn_fails_once_the_store_is_closed(store: SqliteStore) -> None:
    gate = threading.Event()
    first = asyncio.create_task(store._list_reader.run(lambda _: gate.wait(10), "one"))
    second = asyncio.create_task(store._list_reader.run(lambda _: None, "one"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    while not store._list_reader._closed:  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0)
    gate.set()
    assert await first
    with pytest.raises(StoreError, match="closed"):
        await second
    await closing
