"""Targets: HTTP endpoints that executions call."""

from dataclasses import dataclass
from enum import Enum

from actiond.actions.public_keys import PublicKey


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


class PayloadType(Enum):
    """What a target is sent. Stores keep the values."""

    JSON = "json"
    """The payload as it is."""
    JWT = "jwt"
    """The payload as a JSON Web Token, signed with an instance key."""
    JWE = "jwe"
    """Such a token, encrypted for the target's active public key."""


@dataclass(frozen=True, slots=True)
class NewTarget:
    """The properties of a target to create. The API has validated them."""

    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    """Nanoseconds, more than 0; up to 10,000 years, so it may not fit into 64 bits."""
    endpoint: str
    payload_type: PayloadType = PayloadType.JSON


@dataclass(frozen=True, slots=True)
class TargetChange:
    """The properties of a target to change; None keeps the current value."""

    name: str | None = None
    type: TargetType | None = None
    interrupt_on_error: bool | None = None
    timeout_ns: int | None = None
    endpoint: str | None = None
    payload_type: PayloadType | None = None


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
    payload_type: PayloadType = PayloadType.JSON
    public_key: PublicKey | None = None
    """The active one of its public keys, for which a JWE is encrypted. It may have expired."""

    @property
    def name_key(self) -> str:
        """The name under Unicode case folding, unique within the owner."""
        return self.name.casefold()
