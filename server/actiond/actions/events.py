"""Events: every change of a target, an execution or a token appends one, in the transaction of the change.

Other services publish events of their own, about aggregates of their own types.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TARGET = "target"
EXECUTION = "execution"
TOKEN = "token"  # noqa: S105  # an aggregate's type
OWN_AGGREGATES = frozenset({TARGET, EXECUTION, TOKEN})
"""The types that no published event may be about."""
UNIQUE_IDS = frozenset({TARGET, TOKEN})
"""The types whose ids are never given to two owners."""


@dataclass(slots=True)  # not frozen, see deliveries.py
class Event:
    """What happened to one resource (its aggregate), when, and who did it."""

    owner: str
    aggregate_type: str
    """One of OWN_AGGREGATES, or that of another service's event."""
    aggregate_id: str
    """See `qualified_id`."""
    sequence: int
    """Counts the aggregate's events from 1."""
    type: str
    """What happened, such as `target.added`."""
    payload: Mapping[str, object]
    """JSON values. Never a secret."""
    editor: str
    """Id of the token that made the change; `system` for the server and its command line."""
    created_at_ns: int
    """Nanoseconds since the epoch, UTC."""

    @property
    def aggregate(self) -> str:
        """Type and id of the aggregate, as one text."""
        return f"{self.aggregate_type}/{self.aggregate_id}"

    @property
    def public_aggregate_id(self) -> str:
        """The id of the aggregate within its owner, as receivers see it."""
        return self.aggregate_id.removeprefix(f"{self.owner}/")


def qualified_id(owner: str, aggregate_type: str, public_id: str) -> str:
    """Return an aggregate's id as events have it.

    Of a target or token it is its id. Others begin with the owner and a slash: owners do not share them.
    """
    return public_id if aggregate_type in UNIQUE_IDS else f"{owner}/{public_id}"
