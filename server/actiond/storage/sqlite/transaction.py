"""Transactions of the SQLite store. The writer begins and commits them."""

import sqlite3
from typing import cast

from actiond.actions.events import Event
from actiond.storage.change_record import ChangeRecord
from actiond.storage.sqlite import events
from actiond.storage.sqlite.executions import SqliteExecutions
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.instance import SqliteInstance
from actiond.storage.sqlite.targets import SqliteTargets
from actiond.storage.sqlite.tokens import SqliteTokens


class SqliteTransaction:
    """Gives a change access to the database until the driver fails or `end` is called."""

    __slots__ = ("_cursor", "_record", "executions", "instance", "targets", "tokens")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = guarded = GuardedCursor(cursor)
        self._record = record = ChangeRecord()
        self.targets = SqliteTargets(guarded, record)
        self.executions = SqliteExecutions(guarded, record)
        self.tokens = SqliteTokens(guarded, record)
        self.instance = SqliteInstance(guarded)

    @property
    def failure(self) -> Exception | None:
        """The driver's first error, or None."""
        return self._cursor.failure

    def append(self, event: Event) -> None:
        self._record.event(event)
        self._cursor.execute(events.APPEND, events.to_row(event))

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        return cast("int", self._cursor.read_value(events.LAST_SEQUENCE, (aggregate_type, aggregate_id)))

    def check(self) -> None:
        """Raise StoreError if an aggregate was changed without an event."""
        self._record.check()

    def end(self) -> None:
        """Refuse all further statements."""
        self._cursor.failure = RuntimeError("the transaction has ended")
