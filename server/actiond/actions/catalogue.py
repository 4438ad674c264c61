"""The catalogue: the methods, services, functions and events that a condition may name."""

from dataclasses import dataclass, field
from typing import Protocol

from actiond.actions.conditions import Condition, Scope, event_groups

OWN_EVENTS = frozenset(
    {
        "target.added",
        "target.changed",
        "target.key_rotated",
        "target.key.activated",
        "target.key.added",
        "target.key.deactivated",
        "target.key.removed",
        "target.removed",
        "execution.set",
        "execution.removed",
    }
)
"""This server's events that executions can be set for."""


class KnownConditions(Protocol):
    """Knows which conditions an execution may be set for now: a catalogue, or the current one of several."""

    def __contains__(self, condition: Condition, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The served and described methods and services, the operator's functions, all events, and ZITADEL's names."""

    methods: frozenset[str] = frozenset()
    """As `/package.Service/Method`."""
    services: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    published_events: frozenset[str] = frozenset()
    """Types of other services' events, which may be published."""
    unpublished_events: frozenset[str] = frozenset()
    """Types of events that nobody may publish, as they begin like this server's own: ZITADEL's of targets, say."""
    events: frozenset[str] = field(init=False)
    """OWN_EVENTS, and both of these."""
    groups: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", OWN_EVENTS | self.published_events | self.unpublished_events)
        groups = frozenset(group for event in self.events for group in event_groups(event))
        object.__setattr__(self, "groups", groups)

    def __contains__(self, condition: Condition) -> bool:
        names = {
            Scope.METHOD: self.methods,
            Scope.SERVICE: self.services,
            Scope.FUNCTION: self.functions,
            Scope.EVENT: self.events,
            Scope.GROUP: self.groups,
        }
        return condition.scope is Scope.ALL or condition.name in names[condition.scope]
