"""Events: every change of a target, an execution, a token or an instance key appends one, in its transaction.

Other services publish events of their own, about aggregates of their own types.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TARGET = "target"
EXECUTION = "execution"
TOKEN = "token"  # noqa: S105  # an aggregate's type
INSTANCE_KEY = "instance_key"
OWN_AGGREGATES = frozenset({TARGET, EXECUTION, TOKEN, INSTANCE_KEY})
"""The types that no published event may be about."""
UNIQUE_IDS = frozenset({TARGET, TOKEN, INSTANCE_KEY})
"""The types whose ids are never given to two owners."""
NOT_DELIVERED = frozenset({TOKEN, INSTANCE_KEY})
"""The types whose events no target gets: an execution for all events would tell it of every secret that is made."""


class StoredPayload(Mapping[str, object]):
    """A payload as the JSON text that a store keeps. It is parsed only if somebody looks into it.

    A payload of 256 KiB may take many times as much when it is parsed, and a delivery needs the text alone.
    """

    __slots__ = ("_parsed", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parsed: dict[str, object] | None = None

    def __getitem__(self, key: str) -> object:
        return self.parsed()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parsed())

    def __len__(self) -> int:
        return len(self.parsed())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self.parsed() == dict(other)

    __hash__ = None  # type: ignore[assignment]  # like any mapping that may be compared

    def __repr__(self) -> str:
        return repr(self.parsed())

    def parsed(self) -> dict[str, object]:
        """Return the values. Raises ValueError if the text is not JSON."""
        if self._parsed is None:
            self._parsed = json.loads(self.text)
        return self._parsed


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
