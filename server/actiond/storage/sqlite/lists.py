"""Long reads of several statements. They want a transaction, so that all of them see one moment."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from actiond.actions.executions import Execution, Runnable
from actiond.actions.queries import ExecutionQuery, Found, Page, TargetQuery
from actiond.actions.targets import Target
from actiond.storage.sqlite import execution_queries, target_queries
from actiond.storage.sqlite.rows import Row, events, executions, instance, json_list, signing_keys, targets
from actiond.storage.sqlite.target_queries import Statement

T = TypeVar("T")


def find_targets(connection: sqlite3.Connection, owner: str, query: TargetQuery) -> Found[Target]:
    """See `Store.find_targets`."""
    ids = _lasts(connection, target_queries.page(owner, query))
    rows = connection.execute(targets.BY_IDS, (owner, json_list(ids)))
    by_id = {target.id: target for target in map(targets.of, rows)}
    return _found(connection, query.page, ids, by_id, target_queries.count(owner, query))


def find_executions(connection: sqlite3.Connection, owner: str, query: ExecutionQuery) -> Found[Execution]:
    """See `Store.find_executions`."""
    keys = _lasts(connection, execution_queries.page(owner, query))
    rows = connection.execute(executions.BY_KEYS, (owner, json_list(keys)))
    by_key = {execution.condition.key: execution for execution in executions.of(rows)}
    return _found(connection, query.page, keys, by_key, execution_queries.count(owner, query))


def runnable(connection: sqlite3.Connection, owner: str) -> Runnable:
    """See `Store.runnable`."""

    def rows(statement: str, *parameters: str) -> Sequence[Row]:
        return connection.execute(statement, parameters).fetchall()

    return Runnable(
        revision=rows(instance.EXECUTIONS_REVISION)[0][0],
        executions=executions.of(rows(executions.OF_OWNER, owner)),
        targets={target.id: target for target in map(targets.of, rows(targets.OF_EXECUTIONS, owner))},
        keys=signing_keys.by_target(rows(signing_keys.OF_EXECUTIONS, owner)),
    )


def _found(
    connection: sqlite3.Connection, page: Page, keys: Sequence[str], by_key: Mapping[str, T], count: Statement
) -> Found[T]:
    # A page that is not full ends where the list does, unless it begins behind it.
    is_last = len(keys) < page.limit and (keys or not page.offset)
    counted = [page.offset + len(keys)] if is_last else _lasts(connection, count)
    last = connection.execute(events.LAST).fetchall()
    position, at_ns = last[0] if last else (0, 0)
    return Found([by_key[key] for key in keys], counted[0] if counted else 0, position, at_ns)


def _lasts(connection: sqlite3.Connection, statement: Statement) -> list[Any]:
    """The last column."""
    return [row[-1] for row in connection.execute(*statement)]
