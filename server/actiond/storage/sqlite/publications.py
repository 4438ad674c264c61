"""Stores under which ids events were published."""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Mapping, Sequence

from actiond.actions.events import Event
from actiond.storage.sqlite import events
from actiond.storage.sqlite.guarded_cursor import GuardedCursor

_FIND = f"""
SELECT {events.COLUMNS} FROM events
WHERE position = (SELECT position FROM published_events WHERE owner = ? AND event_id = ?)
"""
_ADD = "INSERT INTO published_events (owner, event_id, position) VALUES (?, ?, ?)"


class SqlitePublications:
    """Reads and writes the ids of published events in one transaction."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: GuardedCursor) -> None:
        self._cursor = cursor

    def find(self, owner: str, event_ids: Sequence[str]) -> Mapping[str, Event]:
        found = {one: self._cursor.read_first(events.from_row, _FIND, (owner, one)) for one in event_ids}
        return {event_id: event for event_id, event in found.items() if event is not None}

    def add(self, owner: str, event_id: str, position: int) -> None:
        self._cursor.execute(_ADD, (owner, event_id, position))
