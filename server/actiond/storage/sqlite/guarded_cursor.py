"""The cursor of a transaction, unusable after the driver has failed once or the transaction has ended."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

from actiond.actions.errors import StoreError
from actiond.storage.sqlite.connection import DRIVER_ERRORS, store_error
from actiond.storage.sqlite.rows import Row

T = TypeVar("T")
P = TypeVar("P")


class GuardedCursor:
    """Executes statements, translates the driver's errors and keeps the first one. Then it refuses further statements.

    After some errors SQLite has already rolled back. So a change that catches a driver's error fails all the same: the
    writer checks `failure`.
    """

    __slots__ = ("_cursor", "failure")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.failure: Exception | None = None

    def execute(self, statement: str, parameters: Row = ()) -> sqlite3.Cursor:
        return self._run(self._cursor.execute, statement, parameters)

    def execute_each(self, statement: str, rows: Sequence[Row]) -> None:
        """Execute a statement once for each row of parameters."""
        self._run(self._cursor.executemany, statement, rows)

    def change(self, statement: str, parameters: Row) -> None:
        """Execute a statement that must change a row."""
        if not self.execute(statement, parameters).rowcount:
            raise StoreError("the entity to change does not exist")

    def read(self, decode: Callable[[list[Row]], T], statement: str, parameters: Row = ()) -> T:
        """Return all rows, decoded."""
        cursor = self.execute(statement, parameters)
        try:
            return decode(cursor.fetchall())
        except DRIVER_ERRORS as exc:
            self.failure = exc
            raise store_error(exc) from exc

    def read_first(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> T | None:
        """Return the first row, decoded; None if there is none."""
        return self.read(lambda rows: decode(rows[0]) if rows else None, statement, parameters)

    def read_json(self, statement: str, parameters: Row = ()) -> list[list[Any]]:
        """Return the rows of a statement made by `as_json`."""
        return self.read(lambda rows: orjson.loads(rows[0][0]), statement, parameters)

    def read_value(self, statement: str, parameters: Row = ()) -> object:
        """Return the only column of the only row."""
        return self.read(lambda rows: rows[0][0], statement, parameters)

    def _run(self, execute: Callable[[str, P], sqlite3.Cursor], statement: str, parameters: P) -> sqlite3.Cursor:
        if self.failure is not None:
            raise store_error(self.failure)
        try:
            return execute(statement, parameters)
        except DRIVER_ERRORS as exc:
            self.failure = exc
            raise store_error(exc) from exc
