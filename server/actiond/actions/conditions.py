"""Conditions: when an execution runs. A condition is also an execution's name within its resource owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class ExecutionType(Enum):
    """What happens. The values begin the keys."""

    REQUEST = "request"
    """Before a call is handled."""
    RESPONSE = "response"
    """After a call was handled."""
    FUNCTION = "function"
    EVENT = "event"


class Scope(Enum):
    """How much of what happens a condition covers."""

    METHOD = "method"
    SERVICE = "service"
    FUNCTION = "function"
    EVENT = "event"
    GROUP = "group"
    ALL = "all"


GROUP_END = ".*"
"""Ends the key of a group of events."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, such as every request to one service."""

    type: ExecutionType
    scope: Scope
    name: str = ""
    """`/package.Service/Method`, `package.Service`, an event's type, a group (without `.*`), a function; else empty."""

    @property
    def key(self) -> str:
        """The text that stands for it: `request/package.Service/Method`, `event/target.*`, `response`."""
        if self.scope is Scope.ALL:
            return self.type.value
        if self.scope is Scope.METHOD:
            return self.type.value + self.name
        return f"{self.type.value}/{self.name}{GROUP_END if self.scope is Scope.GROUP else ''}"


def condition_of(key: str) -> Condition:
    """The condition whose key this is. Raises ValueError for what is no key."""
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


def is_proper(condition: Condition) -> bool:
    """Whether its key means this condition and no other: `method: "/Service"` would read as a service."""
    try:
        return condition_of(condition.key) == condition
    except ValueError:
        return False


def fitting(execution_type: ExecutionType, method: str) -> Iterator[Condition]:
    """The conditions that a call of `/package.Service/Method` meets, the most specific one first."""
    yield Condition(execution_type, Scope.METHOD, method)
    yield Condition(execution_type, Scope.SERVICE, method[1:].rpartition("/")[0])
    yield Condition(execution_type, Scope.ALL)
