"""Conditions and executions between protobuf and the domain."""

from collections.abc import Iterable, Mapping
from typing import Any

from actiond_protos.zitadel.action.v3alpha import execution_pb2

from actiond.actions.conditions import GROUP_END, Condition, ExecutionType, Scope
from actiond.actions.errors import EventConditionEmptyError, RequestConditionEmptyError
from actiond.actions.executions import Execution, Step
from actiond.api.v3alpha.details import put_details

# The members of the oneof `condition`, by those of `condition_type` that have one.
_SCOPES = {"method": Scope.METHOD, "service": Scope.SERVICE, "event": Scope.EVENT, "group": Scope.GROUP}
_EMPTY = {
    ExecutionType.REQUEST: RequestConditionEmptyError,
    ExecutionType.RESPONSE: RequestConditionEmptyError,
    ExecutionType.EVENT: EventConditionEmptyError,
}
_FIELDS: Mapping[Scope, str] = {scope: field for field, scope in _SCOPES.items()}


def condition_of(message: execution_pb2.Condition, path: str = "condition") -> Condition:
    """The condition that a valid message means. `path` is where it stands in its request.

    Raises RequestConditionEmptyError or EventConditionEmptyError for one that names nothing.
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
        raise _EMPTY[execution_type](path)
    name: str = getattr(part, field)
    # The original takes a group with and without its end, and answers it without.
    return Condition(execution_type, _SCOPES[field], name.removesuffix(GROUP_END) if field == "group" else name)


def put_condition(message: execution_pb2.Condition, condition: Condition) -> None:
    """The way back."""
    part: Any = getattr(message, condition.type.value)
    if condition.scope is Scope.ALL:
        part.all = True
    elif condition.scope is Scope.FUNCTION:
        part.name = condition.name
    else:
        setattr(part, _FIELDS[condition.scope], condition.name)


def steps_of(messages: Iterable[execution_pb2.ExecutionTargetType]) -> tuple[Step, ...]:
    """The steps, in their order."""
    return tuple(
        condition_of(message.include, f"targets[{position}].include")
        if message.WhichOneof("type") == "include"
        else message.target
        for position, message in enumerate(messages)
    )


def put_execution(message: execution_pb2.Execution, execution: Execution) -> None:
    """An execution as it is listed."""
    put_condition(message.Condition, execution.condition)
    put_details(message.details, execution)
    for step in execution.steps:
        if isinstance(step, str):
            message.targets.add(target=step)
        else:
            put_condition(message.targets.add().include, step)
