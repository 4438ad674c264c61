"""Lists, in plain Python: filter, sort, cut."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from actiond.actions.conditions import Condition
from actiond.actions.executions import Execution
from actiond.actions.queries import (
    ConditionsQuery,
    ExecutionQuery,
    IdsQuery,
    NameQuery,
    Page,
    StepQuery,
    TargetField,
    TargetQuery,
    TypeQuery,
)
from actiond.actions.targets import Target, TargetType

T = TypeVar("T")

_VALUES: Mapping[TargetField, Callable[[Target], Any]] = {
    TargetField.ID: lambda _: (),
    TargetField.CREATION_DATE: lambda target: target.created_at_ns,
    TargetField.CHANGE_DATE: lambda target: target.changed_at_ns,
    TargetField.NAME: lambda target: target.name,
    TargetField.TARGET_TYPE: lambda target: target.type.value,
    TargetField.URL: lambda target: target.endpoint,
    TargetField.TIMEOUT: lambda target: target.timeout_ns,
    TargetField.ASYNC: lambda target: target.type is TargetType.ASYNC,
    TargetField.INTERRUPT_ON_ERROR: lambda target: target.interrupt_on_error,
}


def matching_targets(targets: Iterable[Target], query: TargetQuery) -> list[Target]:
    """All that match, in order."""
    value = _VALUES[query.field]
    return sorted(
        (target for target in targets if all(_target_matches(target, one) for one in query.filters)),
        key=lambda target: (value(target), len(target.id), target.id),
        reverse=not query.page.ascending,
    )


def matching_executions(executions: Iterable[Execution], query: ExecutionQuery) -> list[Execution]:
    """All that match, in order."""
    return sorted(
        (execution for execution in executions if all(_execution_matches(execution, one) for one in query.filters)),
        key=lambda execution: execution.condition.key,
        reverse=not query.page.ascending,
    )


def cut(matching: Sequence[T], page: Page) -> Sequence[T]:
    """The page of what matches."""
    return matching[page.offset : page.offset + page.limit]


def _target_matches(target: Target, one: NameQuery | IdsQuery) -> bool:
    if isinstance(one, IdsQuery):
        return target.id in one.ids
    return one.method.holds(target.name, one.text)


def _execution_matches(execution: Execution, one: ConditionsQuery | TypeQuery | StepQuery) -> bool:
    match one:
        case ConditionsQuery(keys):
            return execution.condition.key in keys
        case TypeQuery(execution_type):
            return execution.condition.type is execution_type
        case StepQuery(None, include):
            return any(isinstance(step, Condition) and step.key == include for step in execution.steps)
        case StepQuery(target_id, _):
            return target_id in execution.steps
