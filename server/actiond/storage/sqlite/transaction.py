"""One change's view of the database. It neither begins nor commits: that is the writer's."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from actiond.actions.conditions import Condition
from actiond.actions.errors import StoreError, TargetNameTakenError
from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Token
from actiond.storage.sqlite.connection import DRIVER_ERRORS, store_error
from actiond.storage.sqlite.rows import Row, events, executions, instance, signing_keys, targets, tokens

T = TypeVar("T")
Q = TypeVar("Q")


class SqliteTransaction:
    """Does what its change asks, until the driver fails or `end` is called; from then on it refuses everything.

    A row must not stand without its event, and after some errors SQLite has rolled back by itself. So a change that
    swallows a driver's error fails all the same: the writer looks at `failure`.
    """

    __slots__ = ("_cursor", "failure", "growth")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.failure: Exception | None = None
        self.growth: dict[str, int] = {}
        """How many targets more there are, by owner. It is for the writer to store, once for a whole batch."""

    def end(self) -> None:
        self.failure = RuntimeError("the transaction is over")

    def insert_target(self, target: Target, keys: Sequence[SigningKey], event: Event) -> None:
        target_row = targets.key(target.owner, target.id) + targets.rest(target)
        event_row = events.to_row(event)
        if not self._execute(targets.INSERT, target_row).rowcount:
            raise TargetNameTakenError
        self._grow(target.owner, 1)
        self._execute_each(signing_keys.INSERT, signing_keys.to_rows(target.id, keys))
        self._execute(events.APPEND, event_row)

    def target(self, owner: str, target_id: str) -> Target | None:
        found = self._each(targets.of, targets.BY_ID, targets.key(owner, target_id))
        return found[0] if found else None

    def update_target(self, target: Target, event: Event) -> None:
        target_row = targets.rest(target) + targets.key(target.owner, target.id)
        event_row = events.to_row(event)
        if self._rows(targets.NAMESAKE, (target.owner, target.name_key, target.id)):
            raise TargetNameTakenError
        self._change(targets.UPDATE, target_row)
        self._execute(events.APPEND, event_row)
        self._execute(instance.RAISE_EXECUTIONS_REVISION)

    def delete_target(self, target: Target, event: Event) -> None:
        event_row = events.to_row(event)
        if self._rows(executions.KEYS_WITH_TARGET, (target.owner, target.id)):
            raise StoreError(f"an execution names target {target.id}")
        self._change(targets.DELETE, targets.key(target.owner, target.id))
        self._grow(target.owner, -1)
        self._execute(signing_keys.DELETE, (target.id,))
        self._execute(events.APPEND, event_row)
        self._execute(instance.RAISE_EXECUTIONS_REVISION)

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        return self._each(signing_keys.of, signing_keys.OF_TARGET, (target_id,))

    def set_signing_keys(self, target_id: str, keys: Sequence[SigningKey]) -> None:
        self._execute(signing_keys.DELETE, (target_id,))
        self._execute_each(signing_keys.INSERT, signing_keys.to_rows(target_id, keys))
        self._execute(instance.RAISE_EXECUTIONS_REVISION)

    def execution(self, owner: str, condition: Condition) -> Execution | None:
        found = self._read(executions.of, executions.BY_KEY, (owner, condition.key))
        return found[0] if found else None

    def put_execution(self, execution: Execution, event: Event) -> None:
        event_row = events.to_row(event)
        self._execute(executions.PUT, executions.to_row(execution))
        self._execute(executions.DELETE_STEPS, executions.key(execution))
        self._execute_each(executions.INSERT_STEP, executions.steps_to_rows(execution))
        self._execute(events.APPEND, event_row)
        self._execute(instance.RAISE_EXECUTIONS_REVISION)

    def delete_execution(self, execution: Execution, event: Event) -> None:
        event_row = events.to_row(event)
        self._change(executions.DELETE, executions.key(execution))
        self._execute(events.APPEND, event_row)
        self._execute(instance.RAISE_EXECUTIONS_REVISION)

    def executions_with(self, owner: str, step: str | Condition) -> Sequence[Execution]:
        if isinstance(step, str):
            return self._read(executions.of, executions.WITH_TARGET, (owner, owner, step))
        return self._read(executions.of, executions.WITH_INCLUDE, (owner, owner, step.key))

    def put_token(self, token: Token, event: Event) -> None:
        token_row, event_row = tokens.to_row(token), events.to_row(event)
        self._execute(tokens.PUT, token_row)
        self._execute(events.APPEND, event_row)

    def token(self, token_id: str) -> Token | None:
        found = self._each(tokens.of, tokens.BY_ID, (token_id,))
        return found[0] if found else None

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        return int(self._rows(events.LAST_SEQUENCE, (aggregate_type, aggregate_id))[0][0])

    def default_owner(self) -> str | None:
        owner: str | None = self._rows(instance.DEFAULT_OWNER)[0][0]
        return owner

    def set_default_owner(self, owner: str) -> None:
        self._execute(instance.SET_DEFAULT_OWNER, (owner,))

    def next_worker_number(self) -> int:
        return int(self._rows(instance.NEXT_WORKER)[0][0])

    def _grow(self, owner: str, more: int) -> None:
        self.growth[owner] = self.growth.get(owner, 0) + more

    def _change(self, statement: str, parameters: Row) -> None:
        if not self._execute(statement, parameters).rowcount:
            raise StoreError("what was to be changed is not there")

    def _each(self, decode: Callable[[Row], T], statement: str, parameters: Row) -> list[T]:
        return self._read(lambda rows: [decode(row) for row in rows], statement, parameters)

    def _rows(self, statement: str, parameters: Row = ()) -> list[Row]:
        return self._read(list, statement, parameters)

    def _read(self, decode: Callable[[list[Row]], T], statement: str, parameters: Row) -> T:
        """What `decode` makes of all the rows."""
        cursor = self._execute(statement, parameters)
        try:
            return decode(cursor.fetchall())
        except DRIVER_ERRORS as exc:
            self.failure = exc
            raise store_error(exc) from exc

    def _execute(self, statement: str, parameters: Row = ()) -> sqlite3.Cursor:
        return self._run(self._cursor.execute, statement, parameters)

    def _execute_each(self, statement: str, rows: Sequence[Row]) -> None:
        self._run(self._cursor.executemany, statement, rows)

    def _run(self, execute: Callable[[str, Q], sqlite3.Cursor], statement: str, parameters: Q) -> sqlite3.Cursor:
        if self.failure is not None:
            raise store_error(self.failure)
        try:
            return execute(statement, parameters)
        except DRIVER_ERRORS as exc:
            self.failure = exc
            raise store_error(exc) from exc
