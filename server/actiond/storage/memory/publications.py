"""Stores in memory under which ids events were published."""

from collections.abc import Mapping, Sequence

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.storage.memory.data import Data, UndoLog


class MemoryPublications:
    """Reads and writes the ids of published events in one transaction."""

    def __init__(self, data: Data, log: UndoLog) -> None:
        self._data = data
        self._log = log

    def find(self, owner: str, event_ids: Sequence[str]) -> Mapping[str, Event]:
        positions = {event_id: self._data.published.get((owner, event_id)) for event_id in event_ids}
        return {one: self._data.events_at[position] for one, position in positions.items() if position is not None}

    def add(self, owner: str, event_id: str, position: int) -> None:
        if (owner, event_id) in self._data.published:
            raise StoreError(f"an event was published under the id {event_id!r} already")
        self._log.put(self._data.published, (owner, event_id), position)

    def prune(self, before_ms: int, limit: int) -> int:
        data = self._data
        needed = min((row.event_position for row in data.deliveries.rows.values()), default=data.position + 1)
        old = [
            (key, position)
            for key, position in data.published.items()
            if position < needed and data.events_at[position].created_at_ns < before_ms * 1_000_000
        ][:limit]
        for key, position in old:
            event = data.events_at[position]
            history = data.events[event.aggregate_type, event.aggregate_id]
            if event.sequence != max(history):
                self._log.remove(history, event.sequence)
            self._log.remove(data.events_at, position)
            self._log.remove(data.published, key)
        return len(old)
