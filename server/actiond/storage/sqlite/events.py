"""Stores events: the statements and their rows."""
# ruff: noqa: S608  # the statements consist of constants

from actiond.actions.events import Event, StoredPayload
from actiond.storage.sqlite.rows import Row, to_json

COLUMNS = "owner, aggregate_type, aggregate_id, sequence, type, payload, editor, created_at_ns"

PRUNED = "null"
"""The payload of an event that is kept for its sequence alone."""

APPEND = f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
OF_AGGREGATE = f"SELECT {COLUMNS} FROM events WHERE aggregate_type = ? AND aggregate_id = ? ORDER BY sequence"
LAST_OF_AGGREGATE = f"{OF_AGGREGATE} DESC LIMIT 1"
LAST_SEQUENCE = "SELECT coalesce(max(sequence), 0) FROM events WHERE aggregate_type = ? AND aggregate_id = ?"
LAST = "SELECT position, created_at_ns FROM events ORDER BY position DESC LIMIT 1"


def to_row(event: Event) -> Row:
    """Return the parameters of APPEND."""
    return (
        event.owner,
        event.aggregate_type,
        event.aggregate_id,
        event.sequence,
        event.type,
        event.payload.text if isinstance(event.payload, StoredPayload) else to_json(event.payload),
        event.editor,
        event.created_at_ns,
    )


def from_row(row: Row) -> Event:
    """Return the event in a row of OF_AGGREGATE."""
    event = stored_from_row(row)
    if isinstance(event.payload, StoredPayload):
        event.payload.parsed()
    return event


def stored_from_row(row: Row) -> Event:
    """Return the event in a row of OF_AGGREGATE, with its payload as it is stored."""
    owner, aggregate_type, aggregate_id, sequence, kind, payload, editor, created_at_ns = row
    return Event(
        owner=owner,
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        sequence=sequence,
        type=kind,
        payload={} if payload == PRUNED else StoredPayload(payload),
        editor=editor,
        created_at_ns=created_at_ns,
    )
