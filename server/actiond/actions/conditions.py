"""Conditions: when an execution runs. A condition is also an execution's name within its resource owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class ExecutionType(Enum):
    """What triggers the execution. Each value is the first part of a condition's key."""

    REQUEST = "request"
    """Before a call is handled."""
    RESPONSE = "response"
    """After a call was handled."""
    FUNCTION = "function"
    EVENT = "event"


SYNCHRONOUS = (ExecutionType.REQUEST, ExecutionType.RESPONSE, ExecutionType.FUNCTION)
"""The types that run while a caller waits. Those of events are delivered, and run with these only where included."""


class Scope(Enum):
    """How much a condition covers."""

    METHOD = "method"
    SERVICE = "service"
    FUNCTION = "function"
    EVENT = "event"
    GROUP = "group"
    ALL = "all"


GROUP_END = ".*"
"""Suffix of the key of a group of events."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, such as every request to one service."""

    type: ExecutionType
    scope: Scope
    name: str = ""
    """`/package.Service/Method`, `package.Service`, an event type, a group (without `.*`), a function; else empty."""

    @property
    def key(self) -> str:
        """The condition as text: `request/package.Service/Method`, `event/target.*`, `response`."""
        if self.scope is Scope.ALL:
            return self.type.value
        if self.scope is Scope.METHOD:
            return self.type.value + self.name
        return f"{self.type.value}/{self.name}{GROUP_END if self.scope is Scope.GROUP else ''}"


def parse_key(key: str) -> Condition:
    """Return the condition with this key. Raises ValueError if there is none."""
    kind, slash, name = key.partition("/")
    execution_type = ExecutionType(kind)
    if not slash:
        if execution_type is ExecutionType.FUNCTION:
            raise ValueError("a function has a name")
        return Condition(execution_type, Scope.ALL)
    if execution_type is ExecutionType.FUNCTION:
        return Condition(execution_type, Scope.FUNCTION, name)
    if execution_type is ExecutionType.EVENT:
        if name.endswith(GROUP_END):
            return Condition(execution_type, Scope.GROUP, name.removesuffix(GROUP_END))
        return Condition(execution_type, Scope.EVENT, name)
    if "/" in name:
        return Condition(execution_type, Scope.METHOD, f"/{name}")
    return Condition(execution_type, Scope.SERVICE, name)


def is_canonical(condition: Condition) -> bool:
    """Return whether its key parses back to this condition: that of `method: "/Service"` parses to a service."""
    try:
        return parse_key(condition.key) == condition
    except ValueError:
        return False


def matching_conditions(execution_type: ExecutionType, method: str) -> Iterator[Condition]:
    """Yield the conditions that a call of `/package.Service/Method` meets, the most specific one first."""
    yield Condition(execution_type, Scope.METHOD, method)
    yield Condition(execution_type, Scope.SERVICE, method[1:].rpartition("/")[0])
    yield Condition(execution_type, Scope.ALL)


def matching_event_conditions(event_type: str) -> Iterator[Condition]:
    """Yield the conditions that an event meets, the most specific one first: its type, its groups, all events."""
    yield Condition(ExecutionType.EVENT, Scope.EVENT, event_type)
    for group in event_groups(event_type):
        yield Condition(ExecutionType.EVENT, Scope.GROUP, group)
    yield Condition(ExecutionType.EVENT, Scope.ALL)


def event_groups(event_type: str) -> Iterator[str]:
    """Yield the groups of an event type, the smallest one first: each of its beginnings that ends before a dot."""
    group, dot, _ = event_type.rpartition(".")
    while dot:
        yield group
        group, dot, _ = group.rpartition(".")
