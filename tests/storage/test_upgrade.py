"""A file of schema 1, with what was written to it, becomes one of today."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actiond.actions.queries import NameQuery, Page, PageRequest, TargetField, TargetQuery, TextMethod
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.storage.sqlite import SqliteStore, schema
from actiond.storage.sqlite.connection import connect
from tests.support.samples import (
    SAMPLE_TARGET,
    a_target,
    a_token,
    an_execution,
    delete,
    insert,
    keys_of,
    later,
    put_execution,
    set_keys,
    update,
)

TARGETS = [
    replace(SAMPLE_TARGET, id="1", name="Straße"),
    replace(SAMPLE_TARGET, id="22", name="two", type=TargetType.ASYNC, sequence=3, created_at_ns=5, changed_at_ns=9),
    replace(SAMPLE_TARGET, id="3", name="three", type=TargetType.CALL, interrupt_on_error=True, timeout_ns=10**18 + 1),
    replace(SAMPLE_TARGET, id="4", name="two", owner="another"),
]


def write_schema_1(connection: sqlite3.Connection, target: Target) -> None:
    """As the release of that schema did: a row and its events."""
    seconds, nanos = divmod(target.timeout_ns, 10**9)
    connection.execute(
        "INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            target.id,
            target.owner,
            target.name,
            target.name_key,
            target.type.value,
            target.interrupt_on_error,
            seconds,
            nanos,
            target.endpoint,
            target.sequence,
            target.changed_at_ns,
        ),
    )
    for sequence in range(target.sequence, 0, -1):
        created_at_ns = target.created_at_ns if sequence == 1 else target.changed_at_ns
        connection.execute(
            "INSERT INTO events (owner, aggregate_type, aggregate_id, sequence, type, payload, editor, created_at_ns) "
            "VALUES (?, 'target', ?, ?, 'target.added', '{}', 'admin', ?)",
            (target.owner, target.id, sequence, created_at_ns),
        )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    path = tmp_path / "actiond.db"
    token = a_token("1")
    with closing(connect(path)) as connection:
        schema.prepare(connection, path, schema.migrations()[:1])
        for target in TARGETS:
            write_schema_1(connection, target)
        connection.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (
                token.id,
                token.selector,
                token.name,
                token.owner,
                json.dumps(sorted(token.permissions)),
                token.digest,
                token.created_at_ns,
            ),
        )
        connection.execute("UPDATE instance SET default_owner = 'owner', next_worker = 8")
    store = SqliteStore.open(path)
    yield store
    await store.close()


async def test_targets_are_kept_and_their_creation_is_that_of_their_first_event(store: SqliteStore) -> None:
    assert [await store.target(target.owner, target.id) for target in TARGETS] == TARGETS


async def test_tokens_events_and_the_installation_are_kept(store: SqliteStore) -> None:
    assert await store.tokens() == [a_token("1")]
    assert [event.sequence for event in await store.events("target", "22")] == [1, 2, 3]
    kept = await store.write(
        lambda transaction: (transaction.instance.default_owner(), transaction.instance.next_worker_number())
    )
    assert kept == ("owner", 8)


async def test_targets_are_counted_by_owner(store: SqliteStore) -> None:
    page = PageRequest(limit=1)  # a page that ends before the list, so that its end does not tell the total
    totals = [(await store.find_targets(owner, TargetQuery(page))).total for owner in ("owner", "another", "nobody")]
    assert totals == [3, 1, 0]


async def test_targets_are_listed(store: SqliteStore) -> None:
    found = await store.find_targets("owner", TargetQuery(PageRequest(ascending=True), TargetField.ASYNC))
    assert found == Page([TARGETS[0], TARGETS[2], TARGETS[1]], total=3, position=6, at_ns=TARGETS[3].changed_at_ns)


async def test_targets_are_found_by_name(store: SqliteStore) -> None:
    query = TargetQuery(filters=(NameQuery("STRASSE", TextMethod.EQUALS_IGNORE_CASE),))
    assert (await store.find_targets("owner", query)).items == [TARGETS[0]]


async def test_targets_have_no_signing_keys_until_they_are_given_some(store: SqliteStore) -> None:
    assert await keys_of(store, "1") == []
    await store.write(set_keys("1", [SigningKey(b"new")]))
    assert await keys_of(store, "1") == [SigningKey(b"new")]


async def test_nothing_runs_until_an_execution_is_set(store: SqliteStore) -> None:
    assert (await store.execution_snapshot("owner")).executions == []
    await store.write(put_execution(an_execution("request", "22")))
    assert (await store.execution_snapshot("owner")).targets == {"22": TARGETS[1]}


async def test_targets_go_on_changing(store: SqliteStore) -> None:
    changed = later(replace(TARGETS[0], name="new"))
    await store.write(update(changed))
    await store.write(delete(later(TARGETS[1])))
    await store.write(insert(a_target("5", "Straße")))
    found = await store.find_targets("owner", TargetQuery(PageRequest(ascending=True)))
    assert (found.items, found.total) == ([changed, TARGETS[2], a_target("5", "Straße")], 3)


async def test_a_file_without_targets_is_upgraded_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    with closing(connect(path)) as connection:
        schema.prepare(connection, path, schema.migrations()[:1])
    store = SqliteStore.open(path)
    assert await store.find_targets("owner", TargetQuery()) == Page([], 0, 0, 0)
    await store.close()


async def test_executions_of_schema_5_are_kept_and_are_for_all_calls(tmp_path: Path) -> None:
    path = tmp_path / "actiond.db"
    execution = an_execution("request/a.B", "1", "1")
    with closing(connect(path)) as connection:
        schema.prepare(connection, path, schema.migrations()[:1])
        write_schema_1(connection, TARGETS[0])
        schema.prepare(connection, path, schema.migrations()[:5])
        connection.execute(
            "INSERT INTO executions (owner, key, sequence, created_at_ns, changed_at_ns) VALUES (?, ?, ?, ?, ?)",
            (
                execution.owner,
                execution.condition.key,
                execution.sequence,
                execution.created_at_ns,
                execution.changed_at_ns,
            ),
        )
        for position in range(2):
            connection.execute(
                "INSERT INTO execution_steps VALUES (?, ?, ?, '1', NULL)",
                (execution.owner, execution.condition.key, position),
            )
    store = SqliteStore.open(path)
    try:
        assert (await store.execution_snapshot("owner")).executions == [execution]
    finally:
        await store.close()
