"""Reads that need several statements. They run in one transaction, so that all of them see the same snapshot."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from actiond.actions.deliveries import Attempt, DeliveryState
from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.public_keys import TargetPublicKeys
from actiond.actions.queries import (
    DeliveryFilter,
    DeliveryQuery,
    DeliveryRecord,
    ExecutionQuery,
    Page,
    PageRequest,
    TargetQuery,
    TargetReport,
)
from actiond.actions.targets import Target
from actiond.storage.sqlite import deliveries, delivery_lists, events, executions, signing_keys, target_lists, targets
from actiond.storage.sqlite import public_keys as public_key_rows
from actiond.storage.sqlite.rows import Row, Statement, json_list

T = TypeVar("T")


def find_targets(connection: sqlite3.Connection, owner: str, query: TargetQuery) -> Page[Target]:
    """See `Store.find_targets`."""
    ids = _last_column(connection, target_lists.page_statement(owner, query))
    rows = connection.execute(targets.BY_IDS, (owner, json_list(ids)))
    by_id = {target.id: target for target in map(targets.from_row, rows)}
    return _page(connection, query.page, ids, by_id, target_lists.count_statement(owner, query))


def public_keys(connection: sqlite3.Connection, owner: str, target_id: str) -> TargetPublicKeys:
    """See `Store.public_keys`."""
    found = connection.execute(targets.ACTIVE_KEY_ID, targets.key(owner, target_id)).fetchone()
    if found is None:
        return TargetPublicKeys()
    rows = connection.execute(public_key_rows.OF_TARGET, (target_id,))
    return TargetPublicKeys(tuple(map(public_key_rows.from_row, rows)), found[0])


def find_executions(connection: sqlite3.Connection, owner: str, query: ExecutionQuery) -> Page[Execution]:
    """See `Store.find_executions`."""
    keys = _last_column(connection, executions.page_statement(owner, query))
    rows = connection.execute(executions.BY_KEYS, (owner, json_list(keys)))
    by_key = {execution.condition.key: execution for execution in executions.from_rows(rows)}
    return _page(connection, query.page, keys, by_key, executions.count_statement(owner, query))


def execution_snapshot(connection: sqlite3.Connection, owner: str) -> ExecutionSnapshot:
    """See `Store.execution_snapshot`."""

    def rows(statement: str, *parameters: str) -> Sequence[Row]:
        return connection.execute(statement, parameters).fetchall()

    revisions = rows(executions.REVISION, owner)
    running = executions.from_rows(rows(executions.RUNNING, owner, owner, owner))
    ids = json_list({step for execution in running for step in execution.steps if isinstance(step, str)})
    return ExecutionSnapshot(
        revision=revisions[0][0] if revisions else 0,
        executions=running,
        targets={target.id: target for target in map(targets.from_row, rows(targets.BY_IDS, owner, ids))},
        keys=signing_keys.by_target(rows(signing_keys.OF_TARGETS, ids)),
    )


def find_deliveries(
    connection: sqlite3.Connection, owner: str, query: DeliveryQuery, now_ms: int
) -> Sequence[DeliveryRecord]:
    """See `Store.find_deliveries`."""
    found = _records(connection, delivery_lists.page_statements(owner, query), now_ms)
    return sorted(found, key=lambda record: record.delivery.id, reverse=True)[: query.limit]


def count_deliveries(
    connection: sqlite3.Connection, owner: str, wanted: DeliveryFilter
) -> Mapping[tuple[DeliveryState, str], int]:
    """See `Store.count_deliveries`."""
    statements = delivery_lists.count_statements(owner, wanted)
    rows = (row for statement in statements for row in connection.execute(*statement))
    return {(DeliveryState(state), target_id): count for state, target_id, count in rows}


def delivery(connection: sqlite3.Connection, owner: str, delivery_id: int, now_ms: int) -> DeliveryRecord | None:
    """See `Store.delivery`."""
    return next(_records(connection, delivery_lists.one_statements(owner, delivery_id), now_ms), None)


def attempts(connection: sqlite3.Connection, owner: str, delivery_id: int) -> Sequence[Attempt]:
    """See `Store.attempts`."""
    rows = connection.execute(*delivery_lists.attempts_statement(owner, delivery_id))
    return [deliveries.attempt_from_row(row) for row in rows]


def target_report(connection: sqlite3.Connection, owner: str, target_id: str) -> TargetReport:
    """See `Store.target_report`."""
    if connection.execute(targets.BY_ID, targets.key(owner, target_id)).fetchone() is None:
        return TargetReport(None, None, {})
    health = connection.execute(delivery_lists.HEALTH, (target_id,)).fetchone()
    (last_ok_ms,) = connection.execute(delivery_lists.LAST_OK, (target_id,)).fetchone()
    states = connection.execute(delivery_lists.UNFINISHED_STATES, (target_id,))
    return TargetReport(
        None if health is None else deliveries.health_from_row(health),
        last_ok_ms,
        {DeliveryState(state): count for state, count in states},
    )


def _records(
    connection: sqlite3.Connection, statements: Iterable[tuple[delivery_lists.Source, Statement]], now_ms: int
) -> Iterator[DeliveryRecord]:
    for source, statement in statements:
        for row in connection.execute(*statement):
            found, event = source.from_row(row)
            yield DeliveryRecord(found, event, found.is_claimed(now_ms))


def _page(
    connection: sqlite3.Connection, request: PageRequest, keys: Sequence[str], by_key: Mapping[str, T], count: Statement
) -> Page[T]:
    # A page that is not full is the last one, so the total is known, unless the page begins after the end of the list.
    is_last = len(keys) < request.limit and (keys or not request.offset)
    counted = [request.offset + len(keys)] if is_last else _last_column(connection, count)
    last = connection.execute(events.LAST).fetchall()
    position, at_ns = last[0] if last else (0, 0)
    return Page([by_key[key] for key in keys], counted[0] if counted else 0, position, at_ns)


def _last_column(connection: sqlite3.Connection, statement: Statement) -> list[Any]:
    return [row[-1] for row in connection.execute(*statement)]
