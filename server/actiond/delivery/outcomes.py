"""Describes how a call to a target ended, without its body, address or secrets, so that it may be logged."""

from dataclasses import dataclass
from enum import Enum

from actiond.actions.errors import TargetFailedError


class Outcome(Enum):
    """How a call ended. The values appear in the log and as labels of metrics."""

    OK = "ok"
    """A 2xx status and a complete response."""
    STATUS = "status"
    """Another status, redirects included."""
    TIMEOUT = "timeout"
    """The target's timeout passed before the response was complete and had been used."""
    CONNECT = "connect"
    """No connection, or it was lost before the response: unknown name, refused, reset, closed."""
    TLS = "tls"
    """Certificate verification or TLS negotiation failed."""
    ADDRESS_DENIED = "address_denied"
    """The endpoint's address is denied, or the endpoint is not a usable URL."""
    TOO_LARGE = "too_large"
    """The response's body is needed, and exceeds the limit."""
    PROTOCOL = "protocol"
    """The response is not valid HTTP, ends in the middle of its body, or exceeds a limit on its head or framing."""
    BUSY = "busy"
    """Nothing was sent: too many calls are in progress, to this target or in total."""
    CANCELLED = "cancelled"
    """Cancelled on our side: the caller's deadline passed, the caller disconnected, or the process is shutting down."""
    BAD_RESPONSE = "bad_response"
    """The response's body cannot be used."""
    KEY_UNAVAILABLE = "key_unavailable"
    """Nothing was sent: the target has no signing key, or it cannot be decrypted; or no instance key can sign."""
    NO_PUBLIC_KEY = "no_public_key"
    """Nothing was sent: payloads for the target are encrypted, and it has no active public key."""


@dataclass(slots=True)  # not frozen, see deliveries.py
class TargetCall:
    """Describes a call that has ended, for the log and the metrics."""

    target_id: str
    execution: str
    """Key of the condition of the execution that made the call."""
    outcome: Outcome
    status: int | None
    """The HTTP status; None if the call ended before a response was complete."""
    seconds: float
    """Duration, including the wait for a slot."""
    is_ignored: bool
    """Whether the call failed and the execution continues regardless."""
    request_id: str


class CallFailedError(TargetFailedError):
    """The call failed. The text may be logged, like a TargetCall."""

    def __init__(self, outcome: Outcome, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(outcome.value if status is None else f"{outcome.value} {status}")
        self.outcome = outcome
        self.lacks_public_key = outcome is Outcome.NO_PUBLIC_KEY
        self.status = status
        self.retry_after = retry_after
        """Seconds that the target asked to wait before the next call."""
