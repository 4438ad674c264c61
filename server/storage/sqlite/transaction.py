"""One change's view of the database. It neither begins nor commits: that is the writer's."""

import sqlite3

from server.actions.errors import TargetNameTakenError
from server.actions.events import Event
from server.actions.targets import Target
from server.actions.tokens import Token
from server.storage.sqlite import rows
from server.storage.sqlite.connection import DRIVER_ERRORS, store_error
from server.storage.sqlite.rows import Row


class SqliteTransaction:
    """Does what its change asks, until the driver fails or `end` is called; from then on it refuses everything.

    A row must not stand without its event, and after some errors SQLite has rolled back by itself. So a change that
    swallows a driver's error fails all the same: the writer looks at `failure`.
    """

    __slots__ = ("_cursor", "failure")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.failure: Exception | None = None

    def end(self) -> None:
        self.failure = RuntimeError("the transaction is over")

    def insert_target(self, target: Target, event: Event) -> None:
        target_row, event_row = rows.target_to_row(target), rows.event_to_row(event)
        if not self._execute(rows.INSERT_TARGET, target_row).rowcount:
            raise TargetNameTakenError
        self._execute(rows.APPEND_EVENT, event_row)

    def put_token(self, token: Token, event: Event) -> None:
        token_row, event_row = rows.token_to_row(token), rows.event_to_row(event)
        self._execute(rows.PUT_TOKEN, token_row)
        self._execute(rows.APPEND_EVENT, event_row)

    def token(self, token_id: str) -> Token | None:
        found = self._fetch(rows.TOKEN_BY_ID, (token_id,))
        return rows.token_of(found[0]) if found else None

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        return int(self._fetch(rows.LAST_SEQUENCE, (aggregate_type, aggregate_id))[0][0])

    def default_owner(self) -> str | None:
        owner: str | None = self._fetch(rows.DEFAULT_OWNER)[0][0]
        return owner

    def set_default_owner(self, owner: str) -> None:
        self._execute(rows.SET_DEFAULT_OWNER, (owner,))

    def next_worker_number(self) -> int:
        return int(self._fetch(rows.NEXT_WORKER)[0][0])

    def _fetch(self, statement: str, parameters: Row = ()) -> list[Row]:
        cursor = self._execute(statement, parameters)
        try:
            return cursor.fetchall()
        except DRIVER_ERRORS as exc:
            self.failure = exc
            raise store_error(exc) from exc

    def _execute(self, statement: str, parameters: Row = ()) -> sqlite3.Cursor:
        if self.failure is not None:
            raise store_error(self.failure)
        try:
            return self._cursor.execute(statement, parameters)
        except DRIVER_ERRORS as exc:
            self.failure = exc
            raise store_error(exc) from exc
