"""Targets: HTTP endpoints that executions call."""

from dataclasses import dataclass
from enum import Enum


class TargetType(Enum):
    """How a target's endpoint is called. Stores keep the values."""

    WEBHOOK = "webhook"
    """Called and waited for; the status is checked and the body ignored."""
    CALL = "call"
    """Called and waited for; the status is checked and the body used."""
    ASYNC = "async"
    """Called in the background: the execution goes on at once."""

    @property
    def waits(self) -> bool:
        """Whether an execution waits for the call to end, and fails with it."""
        return self is not TargetType.ASYNC

    @property
    def uses_answer(self) -> bool:
        """Whether the response's body changes the payload of the execution."""
        return self is TargetType.CALL


@dataclass(frozen=True, slots=True)
class NewTarget:
    """The properties of a target to create. The API has validated them."""

    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    """Nanoseconds, more than 0; up to 10,000 years, so it may not fit into 64 bits."""
    endpoint: str


@dataclass(frozen=True, slots=True)
class TargetChange:
    """The properties of a target to change; None keeps the current value."""

    name: str | None = None
    type: TargetType | None = None
    interrupt_on_error: bool | None = None
    timeout_ns: int | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An HTTP endpoint to call, in its state after event number `sequence`."""

    id: str
    owner: str
    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    endpoint: str
    sequence: int
    created_at_ns: int
    """Time of its first event: nanoseconds since the epoch, UTC."""
    changed_at_ns: int
    """Time of its last event."""

    @property
    def name_key(self) -> str:
        """The name under Unicode case folding, unique within the owner."""
        return self.name.casefold()
