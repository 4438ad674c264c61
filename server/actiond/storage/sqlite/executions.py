"""Stores executions and their steps: the repository of a transaction, rows, and queries for lists.

An execution is read as one row for each of its steps, or as a single row if it has none.
"""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Iterable, Sequence
from itertools import groupby

from actiond.actions.conditions import SYNCHRONOUS, Condition, parse_key
from actiond.actions.executions import Execution, Step
from actiond.actions.queries import (
    CallsQuery,
    ConditionsQuery,
    ExecutionFilter,
    ExecutionQuery,
    HasStepsQuery,
    StepQuery,
    TypeQuery,
)
from actiond.storage.change_record import ChangeRecord
from actiond.storage.sqlite.batch import Batch
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import MAX_INTEGER, Row, Statement, json_list

_SELECT = """
SELECT owner, key, executions.sequence, created_at_ns, changed_at_ns, match_condition, target_id, include_key
FROM executions LEFT JOIN execution_steps USING (owner, key)
"""
_IN_ORDER = "ORDER BY key, position"

PUT = """
INSERT INTO executions (owner, key, sequence, created_at_ns, changed_at_ns, match_condition)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (owner, key) DO UPDATE SET
    sequence = excluded.sequence, created_at_ns = excluded.created_at_ns, changed_at_ns = excluded.changed_at_ns,
    match_condition = excluded.match_condition
"""
DELETE = "DELETE FROM executions WHERE owner = ? AND key = ?"
INSERT_STEP = "INSERT INTO execution_steps (owner, key, position, target_id, include_key) VALUES (?, ?, ?, ?, ?)"
DELETE_STEPS = "DELETE FROM execution_steps WHERE owner = ? AND key = ?"

BY_KEY = f"{_SELECT} WHERE owner = ? AND key = ? {_IN_ORDER}"
BY_KEYS = f"{_SELECT} WHERE owner = ? AND key IN (SELECT value FROM json_each(?)) {_IN_ORDER}"

_SYNCHRONOUS = " OR ".join(f"key >= '{kind.value}' AND key < '{kind.value}0'" for kind in SYNCHRONOUS)  # see _condition
# Parameters: the owner, three times.
RUNNING = f"""
WITH RECURSIVE running (key) AS (
    SELECT key FROM executions WHERE owner = ? AND ({_SYNCHRONOUS})
    UNION
    SELECT include_key FROM running JOIN execution_steps USING (key) WHERE owner = ? AND include_key IS NOT NULL)
{_SELECT} WHERE owner = ? AND key IN (SELECT key FROM running) {_IN_ORDER}
"""

REVISION = "SELECT revision FROM execution_revisions WHERE owner = ?"
RAISE_REVISION = """
INSERT INTO execution_revisions (owner, revision) VALUES (?, 1)
ON CONFLICT (owner) DO UPDATE SET revision = revision + 1
"""
# Parameters: the owner, twice, and a target's id.
RAISE_REVISION_IF_USED = """
UPDATE execution_revisions SET revision = revision + 1
WHERE owner = ? AND EXISTS (SELECT 1 FROM execution_steps WHERE owner = ? AND target_id = ?)
"""

KEYS_WITH_TARGET = "SELECT key FROM execution_steps WHERE owner = ? AND target_id = ?"
KEYS_WITH_INCLUDE = "SELECT key FROM execution_steps WHERE owner = ? AND include_key = ?"
HAS_STEPS = "EXISTS (SELECT 1 FROM execution_steps WHERE owner = executions.owner AND key = executions.key)"
# Parameters: the owner, a target's id, the owner.
KEYS_CALLING = """
WITH RECURSIVE calling (key) AS (
    SELECT key FROM execution_steps WHERE owner = ? AND target_id = ?
    UNION
    SELECT execution_steps.key FROM calling JOIN execution_steps ON include_key = calling.key WHERE owner = ?)
SELECT key FROM calling
"""
WITH_TARGET = f"{_SELECT} WHERE owner = ? AND key IN ({KEYS_WITH_TARGET}) {_IN_ORDER}"
WITH_INCLUDE = f"{_SELECT} WHERE owner = ? AND key IN ({KEYS_WITH_INCLUDE}) {_IN_ORDER}"


class SqliteExecutions:
    """Reads and writes the executions of one transaction."""

    __slots__ = ("_batch", "_cursor", "_record")

    def __init__(self, cursor: GuardedCursor, record: ChangeRecord, batch: Batch) -> None:
        self._cursor = cursor
        self._record = record
        self._batch = batch

    def get(self, owner: str, condition: Condition) -> Execution | None:
        found = self._cursor.read(from_rows, BY_KEY, (owner, condition.key))
        return found[0] if found else None

    def put(self, execution: Execution) -> None:
        self._record.execution(execution)
        self._cursor.execute(PUT, to_row(execution))
        self._cursor.execute(DELETE_STEPS, key(execution))
        self._cursor.execute_each(INSERT_STEP, steps_to_rows(execution))
        self._raise_revision(execution.owner)

    def delete(self, execution: Execution) -> None:
        self._record.execution(execution)
        self._cursor.change(DELETE, key(execution))
        self._raise_revision(execution.owner)

    def with_step(self, owner: str, step: Step) -> Sequence[Execution]:
        if isinstance(step, str):
            return self._cursor.read(from_rows, WITH_TARGET, (owner, owner, step))
        return self._cursor.read(from_rows, WITH_INCLUDE, (owner, owner, step.key))

    def revision(self, owner: str) -> int:
        known = self._batch.revisions.get(owner)
        if known is None:
            known = self._cursor.read_first(lambda row: int(row[0]), REVISION, (owner,)) or 0
            self._batch.revisions[owner] = known
        return known

    def raise_revision_if_used(self, owner: str, target_id: str) -> None:
        """Note a change to what runs, if an execution calls the target."""
        if self._cursor.execute(RAISE_REVISION_IF_USED, (owner, owner, target_id)).rowcount:
            self._note_raised(owner)

    def _raise_revision(self, owner: str) -> None:
        self._cursor.execute(RAISE_REVISION, (owner,))
        self._note_raised(owner)

    def _note_raised(self, owner: str) -> None:
        self._batch.raised.add(owner)
        self._batch.revisions.pop(owner, None)


def key(execution: Execution) -> Row:
    """Return the parameters of DELETE and DELETE_STEPS."""
    return execution.owner, execution.condition.key


def to_row(execution: Execution) -> Row:
    """Return the parameters of PUT."""
    return *key(execution), execution.sequence, execution.created_at_ns, execution.changed_at_ns, execution.match


def steps_to_rows(execution: Execution) -> list[Row]:
    """Return the parameters of INSERT_STEP."""
    return [
        (*key(execution), position, *((step, None) if isinstance(step, str) else (None, step.key)))
        for position, step in enumerate(execution.steps)
    ]


def from_rows(rows: Iterable[Row]) -> list[Execution]:
    """Return the executions in rows with all columns, in order. The rows of an execution must be adjacent."""
    return [
        Execution(
            owner=owner,
            condition=parse_key(execution_key),
            steps=tuple(_step(row) for row in steps if row[-2:] != (None, None)),
            sequence=sequence,
            created_at_ns=created_at_ns,
            changed_at_ns=changed_at_ns,
            match=match,
        )
        for (owner, execution_key, sequence, created_at_ns, changed_at_ns, match), steps in groupby(
            rows, lambda row: row[:6]
        )
    ]


def _step(row: Row) -> Step:
    step: Step
    *_, step, include_key = row
    return parse_key(include_key) if step is None else step


def page_statement(owner: str, query: ExecutionQuery) -> Statement:
    """Return the statement that selects the keys of a page, in order."""
    where, parameters = _where(owner, query)
    direction = "ASC" if query.page.ascending else "DESC"
    order = ", ".join(f"{column} {direction}" for column in dict.fromkeys((query.field.value, "key")))
    limits = (query.page.limit, min(query.page.offset, MAX_INTEGER))
    return f"SELECT key FROM executions WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", (*parameters, *limits)


def count_statement(owner: str, query: ExecutionQuery) -> Statement:
    """Return the statement that counts the executions that match."""
    where, parameters = _where(owner, query)
    return f"SELECT count(*) FROM executions WHERE {where}", parameters


def _where(owner: str, query: ExecutionQuery) -> Statement:
    conditions: list[Statement] = [("owner = ?", (owner,)), *(_condition(owner, one) for one in query.filters)]
    parameters = (parameter for _, values in conditions for parameter in values)
    return " AND ".join(sql for sql, _ in conditions), tuple(parameters)


def _condition(owner: str, one: ExecutionFilter) -> Statement:
    parameters: Row
    match one:
        case ConditionsQuery(keys):
            return "key IN (SELECT value FROM json_each(?))", (json_list(keys),)
        case TypeQuery(execution_type):
            # A key is the type alone or the type and "/", which sorts before "0"; and no type is a prefix of another.
            return "key >= ? AND key < ?", (execution_type.value, f"{execution_type.value}0")
        case HasStepsQuery():
            return HAS_STEPS, ()
        case CallsQuery(target_id):
            sql, parameters = KEYS_CALLING, (owner, target_id, owner)
        case StepQuery(None, include):
            sql, parameters = KEYS_WITH_INCLUDE, (owner, include)
        case StepQuery(target_id, _):
            sql, parameters = KEYS_WITH_TARGET, (owner, target_id)
    return f"key IN ({sql})", parameters
