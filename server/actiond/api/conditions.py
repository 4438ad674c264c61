"""Converts conditions between protobuf and the domain: their messages have the same fields in every version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actiond.actions.conditions import GROUP_END, Condition, ExecutionType, Scope

# By the member of the oneof `condition`.
_SCOPES = {"method": Scope.METHOD, "service": Scope.SERVICE, "event": Scope.EVENT, "group": Scope.GROUP}
_FIELDS: Mapping[Scope, str] = {scope: field for field, scope in _SCOPES.items()}

EXECUTION_TYPES: Mapping[int, ExecutionType] = {
    1: ExecutionType.REQUEST,
    2: ExecutionType.RESPONSE,
    3: ExecutionType.EVENT,
    4: ExecutionType.FUNCTION,
}
"""By their numbers in the enum ExecutionType of every version, whose 0 is for all types."""


@dataclass(eq=False)
class ConditionEmptyError(Exception):
    """A condition names nothing: neither a method or service, nor an event or group, nor `all`."""

    path: str
    """Field path of the condition in the request."""
    is_event: bool


def condition_of(message: Any, path: str = "condition") -> Condition:
    """Return the condition of a valid message Condition. `path` is its field path in the request.

    Raises ConditionEmptyError if it names nothing.
    """
    member = message.WhichOneof("condition_type")
    execution_type = ExecutionType(member)
    part: Any = getattr(message, member)
    if execution_type is ExecutionType.FUNCTION:
        return Condition(execution_type, Scope.FUNCTION, message.function.name)
    field = part.WhichOneof("condition")
    if field == "all" and part.all:
        return Condition(execution_type, Scope.ALL)
    if field is None or field == "all":
        raise ConditionEmptyError(path, is_event=execution_type is ExecutionType.EVENT)
    name: str = getattr(part, field)
    # ZITADEL accepts a group with or without its suffix, and returns it without.
    return Condition(execution_type, _SCOPES[field], name.removesuffix(GROUP_END) if field == "group" else name)


def put_condition(message: Any, condition: Condition) -> None:
    """Fill in a message Condition."""
    part: Any = getattr(message, condition.type.value)
    if condition.scope is Scope.ALL:
        part.all = True
    elif condition.scope is Scope.FUNCTION:
        part.name = condition.name
    else:
        setattr(part, _FIELDS[condition.scope], condition.name)
