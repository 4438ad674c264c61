"""Transactions of the memory store, which modify the data in place and can be rolled back."""

from dataclasses import replace

import orjson

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.ports import FanOut
from actiond.storage.change_record import ChangeRecord
from actiond.storage.memory.data import Data, UndoLog
from actiond.storage.memory.deliveries import MemoryDeliveries
from actiond.storage.memory.executions import MemoryExecutions
from actiond.storage.memory.instance_keys import MemoryInstanceKeys
from actiond.storage.memory.publications import MemoryPublications
from actiond.storage.memory.targets import MemoryTargets
from actiond.storage.memory.tokens import MemoryTokens


class MemoryTransaction:
    """Applies each change to the data at once, and undoes all of them on rollback."""

    def __init__(self, data: Data, now_ms: int, fan_out: FanOut | None = None) -> None:
        self._data = data
        self._fan_out = fan_out
        self._log = UndoLog(data)
        self._record = ChangeRecord()
        self.targets = MemoryTargets(data, self._log, self._record)
        self.executions = MemoryExecutions(data, self._log, self._record)
        self.tokens = MemoryTokens(data, self._log, self._record)
        self.instance_keys = MemoryInstanceKeys(data, self._log, self._record)
        self.deliveries = MemoryDeliveries(data, self._log, now_ms)
        self.publications = MemoryPublications(data, self._log)
        self.instance = _Instance(data, self._log)

    def append(self, event: Event) -> int:
        history = self._data.events.setdefault((event.aggregate_type, event.aggregate_id), {})
        if event.sequence in history:
            raise StoreError(f"{event.aggregate_type} {event.aggregate_id} has an event {event.sequence} already")
        self._record.event(event)
        # Copied through JSON, as in every store: this refuses what JSON cannot represent, and detaches the copy.
        stored = replace(event, payload=orjson.loads(orjson.dumps(event.payload)))
        position = self._data.position + 1
        self._log.put(history, event.sequence, stored)
        self._log.put(self._data.events_at, position, stored)
        self._log.set("position", position)
        self._log.set("at_ns", event.created_at_ns)
        if self._fan_out is not None:
            self._fan_out.enqueue(self, stored, position)
        return position

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        return max(self._data.events.get((aggregate_type, aggregate_id), {}), default=0)

    def check(self) -> None:
        """Raise StoreError if an aggregate was changed without an event."""
        self._record.check()

    def roll_back(self) -> None:
        """Undo all changes of the transaction."""
        self._log.roll_back()
        if self._fan_out is not None:
            self._fan_out.forget(self._log.raised)


class _Instance:
    def __init__(self, data: Data, log: UndoLog) -> None:
        self._data = data
        self._log = log

    def default_owner(self) -> str | None:
        return self._data.default_owner

    def set_default_owner(self, owner: str) -> None:
        self._log.set("default_owner", owner)

    def next_worker_number(self) -> int:
        number = self._data.workers
        self._log.set("workers", number + 1)
        return number
