"""Targets: what one is."""

from dataclasses import dataclass
from enum import Enum


class TargetType(Enum):
    """How a target's endpoint is called. The values are what the stores keep."""

    WEBHOOK = "webhook"
    """Called and waited for; the status is checked, the body ignored."""
    CALL = "call"
    """Called and waited for; the status is checked and the body used."""
    ASYNC = "async"
    """Called beside the others; nobody waits."""


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What a caller says of a target; the rules of the API hold for it already."""

    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    """Nanoseconds, more than 0; up to 10,000 years, so it may not fit into 64 bits."""
    endpoint: str


@dataclass(frozen=True, slots=True)
class TargetChange:
    """What a caller says anew of a target; None stays as it is."""

    name: str | None = None
    type: TargetType | None = None
    interrupt_on_error: bool | None = None
    timeout_ns: int | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An HTTP endpoint to call, as it stands after its event number `sequence`."""

    id: str
    owner: str
    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    endpoint: str
    sequence: int
    created_at_ns: int
    """When its first event was added: nanoseconds since the epoch, UTC."""
    changed_at_ns: int
    """When its last event was added."""

    @property
    def name_key(self) -> str:
        """What must be unique within the owner: the name under Unicode case folding."""
        return self.name.casefold()
