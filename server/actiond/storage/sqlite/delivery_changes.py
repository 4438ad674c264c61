"""Records what happens to deliveries, while somebody watches them, and reads it.

A change is recorded in the transaction that makes it, by whichever process, so that a watch misses none.
"""
# ruff: noqa: S608  # the statements consist of constants

import sqlite3
from collections.abc import Sequence

from actiond.actions.deliveries import DeathReason, DeliveryState
from actiond.actions.queries import DeliveryFilter
from actiond.actions.watching import ATTEMPT_KINDS, ChangeKind, ChangePage, RecordedChange, WatchedChange
from actiond.storage.sqlite import events
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import Row, as_json, from_json, rows_to_json

_WATCHED = as_json("owner", "delivery_watches WHERE until_ms > ?")
_LAST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'delivery_changes'"
_IS_WATCHED = "SELECT EXISTS (SELECT 1 FROM delivery_watches WHERE owner = ? AND until_ms > ?)"
_PROLONG = "UPDATE delivery_watches SET until_ms = max(until_ms, ?) WHERE owner = ?"
_BEGIN = "REPLACE INTO delivery_watches (owner, since_position, until_ms) VALUES (?, ?, ?)"
# A position of its own for the beginning, so that it is later than all that a former watch has seen.
_SKIP = """
INSERT INTO delivery_changes (owner, kind, at_ms, state, attempts, delivery_id, target_id, event_position)
VALUES ('', '', ?, '', 0, 0, '', 0)
"""
_RECORD = f"""
INSERT INTO delivery_changes (owner, kind, at_ms, state, attempts, reason, delivery_id, target_id, event_position)
SELECT {from_json(range(9))} FROM json_each(?) AS new
"""
_PRUNE = "DELETE FROM delivery_changes WHERE position IN (SELECT value FROM json_each(?))"
# Parameters: a limit and a moment. The oldest come first, so that the others need not be looked at.
_OLD = as_json("position", "(SELECT position, at_ms FROM delivery_changes ORDER BY position LIMIT ?) WHERE at_ms < ?")
_FORGET_BEFORE = "UPDATE delivery_watches SET since_position = max(since_position, ?)"

LAST_OF_OWNER = "SELECT coalesce(max(position), 0) FROM delivery_changes WHERE owner = ?"
_SINCE = "SELECT since_position FROM delivery_watches WHERE owner = ?"
_EVENT_COLUMNS = ", ".join(
    f"iif(events.position IS NULL, NULL, '{events.PRUNED}')" if column == "payload" else f"events.{column}"
    for column in events.COLUMNS.split(", ")
)
_PAGE = f"""
SELECT changes.position, changes.kind, changes.at_ms, changes.state, changes.attempts, changes.reason,
    changes.delivery_id, changes.target_id, attempts.outcome, attempts.status, {_EVENT_COLUMNS}
FROM delivery_changes AS changes
LEFT JOIN attempts ON attempts.delivery_id = changes.delivery_id AND attempts.number = changes.attempts
LEFT JOIN events ON events.position = changes.event_position
WHERE changes.owner = ? AND changes.position > ? ORDER BY changes.position LIMIT ?
"""


def watch(cursor: GuardedCursor, owner: str, now_ms: int, until_ms: int) -> int:
    """See `DeliveryRepository.watch`."""
    if cursor.read_value(_IS_WATCHED, (owner, now_ms)):
        cursor.execute(_PROLONG, (until_ms, owner))
    else:
        # What happened since the former watch has lapsed was not recorded.
        cursor.execute(_SKIP, (now_ms,))
        cursor.execute(_BEGIN, (owner, cursor.read_value(_LAST), until_ms))
    return int(str(cursor.read_value(_LAST)))


def watched(cursor: GuardedCursor, now_ms: int) -> frozenset[str]:
    """Return the owners whose changes are recorded."""
    return frozenset(row[0] for row in cursor.read_json(_WATCHED, (now_ms,)))


def record(cursor: GuardedCursor, changes: Sequence[RecordedChange]) -> None:
    """Record changes of deliveries."""
    rows = [
        (
            change.delivery.owner,
            change.kind.value,
            change.at_ms,
            change.state.value,
            change.delivery.attempts if change.kind in ATTEMPT_KINDS else 0,
            None if change.delivery.reason is None else change.delivery.reason.value,
            change.delivery.id,
            change.delivery.target_id,
            change.delivery.event_position,
        )
        for change in changes
    ]
    cursor.execute(_RECORD, (rows_to_json(rows),))


def prune(cursor: GuardedCursor, before_ms: int, limit: int) -> int:
    """See `DeliveryRepository.prune_changes`."""
    old = [row[0] for row in cursor.read_json(_OLD, (limit, before_ms))]
    if old:
        cursor.execute(_PRUNE, (rows_to_json(old),))
        cursor.execute(_FORGET_BEFORE, (old[-1],))
    return len(old)


def page(connection: sqlite3.Connection, owner: str, wanted: DeliveryFilter, after: int, limit: int) -> ChangePage:
    """See `Store.delivery_changes`."""
    (last,) = connection.execute(_LAST).fetchone()
    since = connection.execute(_SINCE, (owner,)).fetchone()
    rows = connection.execute(_PAGE, (owner, after, limit)).fetchall()
    found = [(row[0], change) for row in rows if (change := _matching(row, wanted)) is not None]
    return ChangePage(
        found,
        # What other owners do moves the position on, or what is removed would seem to have been missed.
        position=rows[-1][0] if len(rows) == limit else max(after, last),
        is_complete=since is not None and since[0] <= after <= last,
        has_more=len(rows) == limit,
    )


def _matching(row: Row, wanted: DeliveryFilter) -> WatchedChange | None:
    _, kind, at_ms, state, attempt, reason, delivery_id, target_id, outcome, status, *event_row = row
    event = None if event_row[0] is None else events.from_row(tuple(event_row))
    change = WatchedChange(
        ChangeKind(kind),
        at_ms,
        delivery_id,
        target_id,
        "" if event is None else event.type,
        DeliveryState(state),
        attempt,
        outcome or "",
        status,
        None if reason is None else DeathReason(reason),
    )
    return change if wanted.matches(delivery_id, target_id, change.state, event) else None
