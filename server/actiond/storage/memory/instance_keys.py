"""Stores instance keys in memory."""

from collections.abc import Iterable, Sequence

from actiond.actions.instance_keys import InstanceKey
from actiond.storage.change_record import ChangeRecord
from actiond.storage.memory.data import Data, UndoLog, existing


class MemoryInstanceKeys:
    """Reads and writes the instance keys of one transaction."""

    def __init__(self, data: Data, log: UndoLog, record: ChangeRecord) -> None:
        self._data = data
        self._log = log
        self._record = record

    def all(self) -> Sequence[InstanceKey]:
        return in_order(self._data.instance_keys.values())

    def put(self, key: InstanceKey) -> None:
        self._record.instance_key(key.id)
        self._log.put(self._data.instance_keys, key.id, key)

    def delete(self, key: InstanceKey) -> None:
        existing(self._data.instance_keys.get(key.id))
        self._record.instance_key(key.id)
        self._log.remove(self._data.instance_keys, key.id)


def in_order(keys: Iterable[InstanceKey]) -> Sequence[InstanceKey]:
    """Return the keys, oldest first."""
    return sorted(keys, key=lambda key: (key.created_at_ns, key.id))
