"""Reads events, deliveries and attempts from the SQLite file directly, without the server."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EventKey = tuple[str, str, int]
"""Type and id of an event's aggregate, as receivers see it, and the event's sequence."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, without what no test needs."""

    position: int
    owner: str
    aggregate_type: str
    aggregate_id: str
    """Within its owner, as receivers see it."""
    sequence: int
    type: str
    payload: Mapping[str, Any]

    @property
    def key(self) -> EventKey:
        return self.aggregate_type, self.aggregate_id, self.sequence


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery that is not delivered."""

    id: int
    target_id: str
    event_position: int
    state: str
    due_ms: int | None
    claim: int
    attempts: int
    tries: int
    reason: str | None
    last_outcome: str

    @property
    def is_unfinished(self) -> bool:
        return self.state != "dead"


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """An attempt, or a claim that ended without a result."""

    delivery_id: int
    number: int
    target_id: str
    event_position: int
    kind: str
    at_ms: int
    duration_ms: int
    outcome: str
    status: int | None
    worker: int


@dataclass(frozen=True, slots=True)
class DeliveryContent:
    """A consistent snapshot of the file's content."""

    events: Mapping[int, StoredEvent]
    """By position."""
    deliveries: Sequence[StoredDelivery]
    attempts: Sequence[StoredAttempt]
    counts: Mapping[str, int]
    """Of deliveries by state, as the store counts them."""

    def unfinished(self) -> list[StoredDelivery]:
        return [delivery for delivery in self.deliveries if delivery.is_unfinished]

    def settled(self) -> set[tuple[int, str]]:
        """Return the ids of what is `delivered` or `dead`, with the state."""
        dead = {(delivery.id, "dead") for delivery in self.deliveries if not delivery.is_unfinished}
        return dead | {(attempt.delivery_id, "delivered") for attempt in self.attempts if attempt.outcome == "ok"}

    def has_parked(self) -> bool:
        return any(delivery.state == "parked" for delivery in self.deliveries)

    def attempts_of(self, delivery_id: int) -> list[StoredAttempt]:
        """Return the attempts of a delivery by number."""
        return [attempt for attempt in self.attempts if attempt.delivery_id == delivery_id]


def read_deliveries(database: Path) -> DeliveryContent:
    """Return a snapshot; a server may be running on the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")
        return DeliveryContent(
            {event.position: event for event in map(_event, connection.execute(_EVENTS))},
            [StoredDelivery(*row) for row in connection.execute(_DELIVERIES)],
            [StoredAttempt(*row) for row in connection.execute(_ATTEMPTS)],
            dict(connection.execute("SELECT state, deliveries FROM delivery_counts WHERE owner = ''")),
        )


_EVENTS = """
SELECT position, owner, aggregate_type, aggregate_id, sequence, type, payload FROM events
WHERE aggregate_type <> 'token' ORDER BY position
"""
_DELIVERIES = """
SELECT id, target_id, event_position, state, due_ms, claim, attempts, tries, reason, last_outcome FROM deliveries
ORDER BY id
"""
_ATTEMPTS = """
SELECT delivery_id, number, target_id, event_position, kind, at_ms, duration_ms, outcome, status, worker FROM attempts
WHERE kind <> 'test' ORDER BY delivery_id, number
"""


def _event(row: tuple[Any, ...]) -> StoredEvent:
    position, owner, aggregate_type, aggregate_id, sequence, kind, payload = row
    public_id = aggregate_id.removeprefix(f"{owner}/")
    return StoredEvent(position, owner, aggregate_type, public_id, sequence, kind, json.loads(payload))
