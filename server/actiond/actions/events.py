"""Events: every change appends one, in the transaction that makes the change."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one resource (its aggregate), when, and by whom."""

    owner: str
    aggregate_type: str
    aggregate_id: str
    sequence: int
    """Counts the aggregate's events from 1."""
    type: str
    payload: Mapping[str, object]
    """Facts that JSON can hold. Never a secret."""
    editor: str
    """The id of the token that did it; `system` for what the server did by itself."""
    created_at_ns: int
    """Nanoseconds since the epoch, UTC."""
