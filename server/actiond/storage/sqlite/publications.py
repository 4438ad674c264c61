"""Stores under which ids events were published."""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Mapping, Sequence

from actiond.actions.events import Event
from actiond.storage.sqlite import events
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import as_json, rows_to_json

_FIND = f"""
SELECT {events.COLUMNS} FROM events
WHERE position = (SELECT position FROM published_events WHERE owner = ? AND event_id = ?)
"""
_ADD = "INSERT INTO published_events (owner, event_id, position) VALUES (?, ?, ?)"

# Parameters: a limit and a moment. Later events have higher positions. What the oldest deliveries are of is kept, and
# what came after it.
_OLD = as_json(
    "position, is_last",
    """
    (SELECT old.position, old.created_at_ns, NOT EXISTS (
            SELECT 1 FROM events AS later
            WHERE later.aggregate_type = old.aggregate_type AND later.aggregate_id = old.aggregate_id
                AND later.sequence > old.sequence) AS is_last
        FROM (SELECT position FROM published_events ORDER BY position LIMIT ?) AS published
        JOIN events AS old ON old.position = published.position)
    WHERE created_at_ns < ? AND position < coalesce(
        (SELECT min(event_position) FROM (SELECT event_position FROM deliveries ORDER BY id LIMIT 1000)), position + 1)
    """,
)
_DELETE_EVENTS = "DELETE FROM events WHERE position IN (SELECT value FROM json_each(?))"
_EMPTY_EVENTS = f"UPDATE events SET payload = '{events.PRUNED}' WHERE position IN (SELECT value FROM json_each(?))"
_FORGET = "DELETE FROM published_events WHERE position IN (SELECT value FROM json_each(?))"


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

    def prune(self, before_ms: int, limit: int) -> int:
        old = self._cursor.read_json(_OLD, (limit, before_ms * 1_000_000))
        if old:
            self._cursor.execute(_FORGET, (rows_to_json([position for position, _ in old]),))
            self._cursor.execute(
                _DELETE_EVENTS, (rows_to_json([position for position, is_last in old if not is_last]),)
            )
            self._cursor.execute(_EMPTY_EVENTS, (rows_to_json([position for position, is_last in old if is_last]),))
        return len(old)
