"""What the SQLite store promises beyond the contract."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from server.actions.errors import StoreError
from server.actions.tokens import Token
from server.storage.sqlite import SqliteStore
from tests.storage.contract import STORE_CALLS, StoreContract
from tests.storage.samples import SAMPLE_TARGET, a_token, insert, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actiond.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path)
    yield store
    await store.close()


class TestSqliteStore(StoreContract):
    """The contract suite, with the fixture above."""


async def test_what_was_written_is_there_after_a_new_start(path: Path, store: SqliteStore) -> None:
    await store.write(insert(SAMPLE_TARGET))
    await store.write(put(a_token("1")))
    events = await store.events("target", SAMPLE_TARGET.id)
    await store.close()

    again = SqliteStore.open(path)
    assert await again.target("owner", SAMPLE_TARGET.id) == SAMPLE_TARGET
    assert await again.tokens() == [a_token("1")]
    assert await again.events("target", SAMPLE_TARGET.id) == events
    await again.close()


async def test_a_revocation_by_another_store_on_the_file_is_seen_by_the_next_read(
    path: Path, store: SqliteStore
) -> None:
    token = a_token("1")
    await store.write(put(token))
    assert await store.token(token.selector) == token
    another = SqliteStore.open(path)
    revoked = replace(token, revoked_at_ns=7)
    await another.write(put(revoked, "token.revoked"))
    assert await store.token(token.selector) == revoked
    await another.close()


async def test_calls_that_wait_for_the_same_turn_of_the_loop_read_a_token_once(path: Path, store: SqliteStore) -> None:
    token = a_token("1")
    await store.write(put(token))
    reads: list[str] = []
    store._pointing.set_trace_callback(reads.append)
    assert await asyncio.gather(*(store.token(token.selector) for _ in range(10))) == [token] * 10
    assert len(reads) == 1


async def test_a_call_that_arrives_after_a_revocation_is_behind_the_forgetting(path: Path, store: SqliteStore) -> None:
    token = a_token("1")
    revoked = replace(token, revoked_at_ns=7)
    await store.write(put(token))
    seen: list[Token | None] = []

    async def call() -> None:
        seen.append(await store.token(token.selector))

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


@pytest.mark.parametrize("selector", [a_token("1").selector, b"unknown"], ids=["found", "not found"])
async def test_a_point_read_leaves_no_snapshot_open(path: Path, store: SqliteStore, selector: bytes) -> None:
    await store.write(put(a_token("1")))
    await store.token(selector)
    await store.write(insert(SAMPLE_TARGET))
    # The checkpoint can only start the WAL anew when no reader needs what it holds.
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


@pytest.mark.parametrize("name", STORE_CALLS)
async def test_a_table_that_is_gone_is_a_store_error_with_the_drivers_as_its_cause(
    path: Path, store: SqliteStore, name: str
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for table in ("targets", "tokens", "events", "instance"):
            connection.execute(f"DROP TABLE {table}")
    with pytest.raises(StoreError) as caught:
        await STORE_CALLS[name](store)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE targets SET type = 'telegram'", "target"),
        ("UPDATE tokens SET permissions = '['", "tokens"),
        ("UPDATE events SET payload = '{'", "events"),
    ],
)
async def test_a_row_that_cannot_be_read_is_a_store_error(
    path: Path, store: SqliteStore, statement: str, name: str
) -> None:
    await store.write(insert(SAMPLE_TARGET))
    await store.write(put(a_token("1")))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(StoreError):
        await STORE_CALLS[name](store)


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
