"""Watching deliveries: what happens to them, as it happens."""

from dataclasses import dataclass
from enum import Enum

from actiond.actions.deliveries import DeathReason, DeliveryState


class ChangeKind(Enum):
    """What happened to a delivery."""

    CREATED = "created"
    """It was enqueued, together with its event."""
    FAILED = "failed"
    """An attempt failed, and another one will be made."""
    DELIVERED = "delivered"
    """An attempt succeeded."""
    DIED = "died"
    """It was given up, after an attempt or without one."""
    PARKED = "parked"
    RELEASED = "released"
    """It waits for its next attempt, after it was parked or behind."""
    RETRIED = "retried"
    """Somebody retried it after it was dead."""


@dataclass(frozen=True, slots=True)
class WatchedChange:
    """Something that happened to one delivery."""

    kind: ChangeKind
    at_ms: int
    """Milliseconds since the epoch."""
    delivery_id: int
    target_id: str
    event_type: str
    """Empty if the event has been pruned."""
    state: DeliveryState
    """From then on."""
    attempt: int = 0
    """Number of the attempt that ended; 0 for a change of another kind."""
    outcome: str = ""
    """Of that attempt."""
    status: int | None = None
    """Of that attempt."""
    reason: DeathReason | None = None
    """Why it was given up; None unless it was."""


class Notice(Enum):
    """What a watch says beside changes."""

    HEARTBEAT = "heartbeat"
    """Nothing has happened."""
    MISSED = "missed"
    """Something may have happened that is not among the changes."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One thing that a watch says."""

    position: str
    """Where a watch goes on that has seen this. Only the watch knows what it means."""
    content: WatchedChange | Notice
