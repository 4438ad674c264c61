"""Events: every change of a target, an execution or a token appends one, in the transaction of the change."""

from collections.abc import Mapping
from dataclasses import dataclass

TARGET = "target"
EXECUTION = "execution"
TOKEN = "token"  # noqa: S105  # an aggregate's type


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one resource (its aggregate), when, and who did it."""

    owner: str
    aggregate_type: str
    """TARGET, EXECUTION or TOKEN, or that of another service's event."""
    aggregate_id: str
    """Of a target or token its id. Others begin with the owner and a slash: owners do not share them."""
    sequence: int
    """Counts the aggregate's events from 1."""
    type: str
    """`<aggregate type>.<what happened>`, such as `target.added`."""
    payload: Mapping[str, object]
    """JSON values. Never a secret."""
    editor: str
    """Id of the token that made the change; `system` for the server and its command line."""
    created_at_ns: int
    """Nanoseconds since the epoch, UTC."""

    @property
    def public_aggregate_id(self) -> str:
        """The id of the aggregate within its owner, as receivers see it."""
        return self.aggregate_id.removeprefix(f"{self.owner}/")
