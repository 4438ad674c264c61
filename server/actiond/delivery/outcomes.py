"""How a call to a target ended, in words that may be logged and counted: no body, no address, no secret."""

from dataclasses import dataclass
from enum import Enum

from actiond.actions.errors import TargetFailedError


class Outcome(Enum):
    """What became of a call. The values stand in the log and label the metrics."""

    OK = "ok"
    """A status of 2xx, and the answer whole."""
    STATUS = "status"
    """Another status; a redirect is one."""
    TIMEOUT = "timeout"
    """The target's timeout passed before the answer was whole."""
    CONNECT = "connect"
    """No connection, or none any more when the answer should have come: no such name, refused, reset, closed."""
    TLS = "tls"
    """The certificate does not convince, or the two sides find no common TLS."""
    ADDRESS = "address"
    """The endpoint leads to an address that is denied, or to none at all."""
    TOO_LARGE = "too_large"
    """The answer's body, which is to be used, is over the limit."""
    PROTOCOL = "protocol"
    """What came back is not HTTP, or ends in the middle of its body."""
    BUSY = "busy"
    """Nothing was sent: too many calls run, to this target or altogether."""
    CANCELLED = "cancelled"
    """Cut from our side: the caller's deadline passed, the caller left, or the process ends."""
    BODY = "body"
    """The answer's body does not say what it should."""
    KEY = "key"
    """Nothing was sent: the target's signing key cannot be opened."""


@dataclass(frozen=True, slots=True)
class TargetCall:
    """One call that has ended, for the log and the metrics."""

    target_id: str
    execution: str
    """The key of the condition that asked for the call."""
    outcome: Outcome
    status: int | None
    """The HTTP status, if that is what the call ended with: None for an answer that was begun and not ended."""
    seconds: float
    """From the asking on, so what was spent waiting for a place is in it."""
    is_passed_over: bool
    """Whether it failed and the execution goes on all the same."""
    request_id: str


class CallFailedError(TargetFailedError):
    """The call did not bring what was asked for. Its text is as harmless as a TargetCall."""

    def __init__(self, outcome: Outcome, status: int | None = None) -> None:
        super().__init__(outcome.value if status is None else f"{outcome.value} {status}")
        self.outcome = outcome
        self.status = status
