"""Executions, each with its steps: a row for each step, or one row for an execution that has none."""
# ruff: noqa: S608, the statements are built of constants alone

from collections.abc import Iterable
from itertools import groupby

from actiond.actions.conditions import condition_of
from actiond.actions.executions import Execution, Step
from actiond.storage.sqlite.rows import Row

_SELECT = """
SELECT owner, key, executions.sequence, created_at_ns, changed_at_ns, target_id, include_key
FROM executions LEFT JOIN execution_steps USING (owner, key)
"""
_IN_ORDER = "ORDER BY key, position"

PUT = """
INSERT INTO executions (owner, key, sequence, created_at_ns, changed_at_ns) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (owner, key) DO UPDATE SET
    sequence = excluded.sequence, created_at_ns = excluded.created_at_ns, changed_at_ns = excluded.changed_at_ns
"""
DELETE = "DELETE FROM executions WHERE owner = ? AND key = ?"
INSERT_STEP = "INSERT INTO execution_steps (owner, key, position, target_id, include_key) VALUES (?, ?, ?, ?, ?)"
DELETE_STEPS = "DELETE FROM execution_steps WHERE owner = ? AND key = ?"

BY_KEY = f"{_SELECT} WHERE owner = ? AND key = ? {_IN_ORDER}"
BY_KEYS = f"{_SELECT} WHERE owner = ? AND key IN (SELECT value FROM json_each(?)) {_IN_ORDER}"
OF_OWNER = f"{_SELECT} WHERE owner = ? {_IN_ORDER}"

KEYS_WITH_TARGET = "SELECT key FROM execution_steps WHERE owner = ? AND target_id = ?"
KEYS_WITH_INCLUDE = "SELECT key FROM execution_steps WHERE owner = ? AND include_key = ?"
WITH_TARGET = f"{_SELECT} WHERE owner = ? AND key IN ({KEYS_WITH_TARGET}) {_IN_ORDER}"
WITH_INCLUDE = f"{_SELECT} WHERE owner = ? AND key IN ({KEYS_WITH_INCLUDE}) {_IN_ORDER}"


def key(execution: Execution) -> Row:
    """For DELETE and DELETE_STEPS."""
    return execution.owner, execution.condition.key


def to_row(execution: Execution) -> Row:
    """For PUT."""
    return *key(execution), execution.sequence, execution.created_at_ns, execution.changed_at_ns


def steps_to_rows(execution: Execution) -> list[Row]:
    """For INSERT_STEP."""
    return [
        (*key(execution), position, *((step, None) if isinstance(step, str) else (None, step.key)))
        for position, step in enumerate(execution.steps)
    ]


def of(rows: Iterable[Row]) -> list[Execution]:
    """What the statements with all columns found: in the order of the rows, where those of one stand together."""
    return [
        Execution(
            owner=owner,
            condition=condition_of(execution_key),
            steps=tuple(_step(row) for row in steps if row[-2:] != (None, None)),
            sequence=sequence,
            created_at_ns=created_at_ns,
            changed_at_ns=changed_at_ns,
        )
        for (owner, execution_key, sequence, created_at_ns, changed_at_ns), steps in groupby(rows, lambda row: row[:5])
    ]


def _step(row: Row) -> Step:
    step: Step
    *_, step, include_key = row
    return condition_of(include_key) if step is None else step
