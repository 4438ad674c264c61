"""Watching deliveries: what happens to them, as it happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from actiond.actions.deliveries import DeathReason, Delivery, DeliveryState

WATCH_LEASE_MS = 30_000
"""How long changes are recorded after a watch was renewed last. Nothing is recorded for owners that nobody watches."""
CHANGES_KEPT_MS = 600_000
"""How long recorded changes are kept, for watches that go on from where they were."""


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


ATTEMPT_KINDS = (ChangeKind.FAILED, ChangeKind.DELIVERED, ChangeKind.DIED)
"""The kinds that follow an attempt; a delivery may also die without one."""


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


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change as stores record it, in the transaction that makes it."""

    kind: ChangeKind
    at_ms: int
    delivery: Delivery
    """As it is from then on. Of one that was delivered, as it was before."""
    state: DeliveryState


def recorded(before: Delivery | None, after: Delivery | None, at_ms: int) -> RecordedChange | None:
    """Return the change that a row's replacement is to somebody who watches; None if it is none."""
    if after is None:
        if before is None or before.state is DeliveryState.DEAD:
            return None  # pruned
        return RecordedChange(ChangeKind.DELIVERED, at_ms, before, DeliveryState.DELIVERED)
    kind = _kind(before, after)
    return None if kind is None else RecordedChange(kind, at_ms, after, after.state)


def _kind(before: Delivery | None, after: Delivery) -> ChangeKind | None:
    if before is None:
        return ChangeKind.CREATED
    if after.state is DeliveryState.DEAD:
        return ChangeKind.DIED
    if before.state is DeliveryState.DEAD:
        return ChangeKind.RETRIED
    if after.last_outcome and after.last_ms != before.last_ms:
        return ChangeKind.FAILED
    if before.state is after.state:
        return None
    return ChangeKind.PARKED if after.state is DeliveryState.PARKED else ChangeKind.RELEASED


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes of an owner's deliveries after a position, the oldest first."""

    changes: Sequence[tuple[int, WatchedChange]]
    """With their positions."""
    position: int
    """How far this page has come, changes that do not match included."""
    is_complete: bool
    """Whether all changes since the position that was asked for are known."""
    has_more: bool
    """Whether there may be more after it."""


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
