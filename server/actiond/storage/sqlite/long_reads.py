"""Reads that need several statements. They run in one transaction, so that all of them see the same snapshot."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.queries import ExecutionQuery, Page, PageRequest, TargetQuery
from actiond.actions.targets import Target
from actiond.storage.sqlite import events, executions, signing_keys, target_lists, targets
from actiond.storage.sqlite.rows import Row, Statement, json_list

T = TypeVar("T")


def find_targets(connection: sqlite3.Connection, owner: str, query: TargetQuery) -> Page[Target]:
    """See `Store.find_targets`."""
    ids = _last_column(connection, target_lists.page_statement(owner, query))
    rows = connection.execute(targets.BY_IDS, (owner, json_list(ids)))
    by_id = {target.id: target for target in map(targets.from_row, rows)}
    return _page(connection, query.page, ids, by_id, target_lists.count_statement(owner, query))


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
