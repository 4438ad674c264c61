"""Transactions of the SQLite store. The writer begins and commits them."""

import sqlite3
from typing import cast

from actiond.actions.events import Event
from actiond.storage.change_record import ChangeRecord
from actiond.storage.sqlite import events
from actiond.storage.sqlite.batch import Batch
from actiond.storage.sqlite.deliveries import SqliteDeliveries
from actiond.storage.sqlite.executions import SqliteExecutions
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.instance import SqliteInstance
from actiond.storage.sqlite.instance_keys import SqliteInstanceKeys
from actiond.storage.sqlite.publications import SqlitePublications
from actiond.storage.sqlite.targets import SqliteTargets
from actiond.storage.sqlite.tokens import SqliteTokens


class SqliteTransaction:
    """Gives a change access to the database until the driver fails or `end` is called."""

    __slots__ = (
        "_batch",
        "_cursor",
        "_record",
        "deliveries",
        "executions",
        "instance",
        "instance_keys",
        "publications",
        "targets",
        "tokens",
    )

    def __init__(self, cursor: sqlite3.Cursor, batch: Batch) -> None:
        self._batch = batch
        self._cursor = guarded = GuardedCursor(cursor)
        self._record = record = ChangeRecord()
        self.executions = SqliteExecutions(guarded, record, batch)
        self.targets = SqliteTargets(guarded, record, self.executions)
        self.tokens = SqliteTokens(guarded, record)
        self.instance_keys = SqliteInstanceKeys(guarded, record)
        self.deliveries = SqliteDeliveries(guarded, batch)
        self.publications = SqlitePublications(guarded)
        self.instance = SqliteInstance(guarded)

    @property
    def failure(self) -> Exception | None:
        """The driver's first error, or None."""
        return self._cursor.failure

    def append(self, event: Event) -> int:
        self._record.event(event)
        position = cast("int", self._cursor.execute(events.APPEND, events.to_row(event)).lastrowid)
        if self._batch.fan_out is not None:
            self._batch.fan_out.enqueue(self, event, position)
        return position

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        return cast("int", self._cursor.read_value(events.LAST_SEQUENCE, (aggregate_type, aggregate_id)))

    def check(self) -> None:
        """Raise StoreError if an aggregate was changed without an event."""
        self._record.check()

    def keep(self) -> None:
        """Add what was changed to the batch, as the change has succeeded."""
        self._batch.add(self.targets.growth, self.deliveries.growth, has_due=self.deliveries.has_due)
        self._batch.enqueued += self.deliveries.enqueued()

    def undo(self) -> None:
        """Let nobody use what this transaction knew of executions, as it is rolled back."""
        self._batch.undo()

    def end(self) -> None:
        """Refuse all further statements."""
        self._cursor.failure = RuntimeError("the transaction has ended")
