"""Stores executions in memory: the repository of a transaction, and queries for lists."""

from collections.abc import Callable, Mapping, Sequence

from actiond.actions.conditions import SYNCHRONOUS, Condition
from actiond.actions.errors import StoreError
from actiond.actions.executions import Execution, Step
from actiond.actions.queries import (
    CallsQuery,
    ConditionsQuery,
    ExecutionField,
    ExecutionFilter,
    ExecutionQuery,
    HasStepsQuery,
    StepQuery,
    TypeQuery,
)
from actiond.storage.change_record import ChangeRecord
from actiond.storage.memory.data import Data, UndoLog, existing


class MemoryExecutions:
    """Reads and writes the executions of one transaction. Refuses an invalid change before modifying anything."""

    def __init__(self, data: Data, log: UndoLog, record: ChangeRecord) -> None:
        self._data = data
        self._log = log
        self._record = record

    def get(self, owner: str, condition: Condition) -> Execution | None:
        return self._data.executions.get((owner, condition.key))

    def put(self, execution: Execution) -> None:
        owner, condition = execution.owner, execution.condition
        for step in execution.steps:
            if isinstance(step, Condition) and step != condition and self.get(owner, step) is None:
                raise StoreError(f"there is no execution {step.key} to include")
        self._record.execution(execution)
        self._index(owner, condition.key, execution.steps)
        self._log.put(self._data.executions, (owner, condition.key), execution)
        self._log.raise_revision(owner)

    def delete(self, execution: Execution) -> None:
        owner, condition = execution.owner, execution.condition
        existing(self.get(owner, condition))
        if any(other.condition != condition for other in self.with_step(owner, condition)):
            raise StoreError(f"an execution includes {condition.key}")
        self._record.execution(execution)
        self._index(owner, condition.key, ())
        self._log.remove(self._data.executions, (owner, condition.key))
        self._log.raise_revision(owner)

    def with_step(self, owner: str, step: Step) -> Sequence[Execution]:
        return [self._data.executions[owner, key] for key in sorted(self._data.executions_with.get((owner, step), ()))]

    def _index(self, owner: str, key: str, steps: Sequence[Step]) -> None:
        """Note which steps an execution has, in place of those of before."""
        former = self._data.executions.get((owner, key))
        before, after = set(() if former is None else former.steps), set(steps)
        for step in before - after:
            keys = self._data.executions_with[owner, step]
            self._log.remove(keys, key)
            if not keys:
                self._log.remove(self._data.executions_with, (owner, step))
        for step in after - before:
            if (owner, step) not in self._data.executions_with:
                self._log.put(self._data.executions_with, (owner, step), {})
            self._log.put(self._data.executions_with[owner, step], key, None)

    def revision(self, owner: str) -> int:
        return self._data.execution_revisions.get(owner, 0)


def running(data: Data, owner: str) -> list[Execution]:
    """Return the executions that run while a caller waits, and those that they include, in the order of their keys."""
    found: dict[str, Execution] = {}
    left = [execution for execution in data.executions_of(owner) if execution.condition.type in SYNCHRONOUS]
    while left:
        execution = left.pop()
        if execution.condition.key not in found:
            found[execution.condition.key] = execution
            left += [data.executions[owner, step.key] for step in execution.steps if isinstance(step, Condition)]
    return [found[key] for key in sorted(found)]


_SORT_VALUES: Mapping[ExecutionField, Callable[[Execution], int]] = {
    ExecutionField.KEY: lambda _: 0,
    ExecutionField.CREATION_DATE: lambda execution: execution.created_at_ns,
    ExecutionField.CHANGE_DATE: lambda execution: execution.changed_at_ns,
}


def matching(data: Data, owner: str, query: ExecutionQuery) -> list[Execution]:
    """Return all executions of the owner that match the query, in its order."""
    sort_value = _SORT_VALUES[query.field]
    return sorted(
        (
            execution
            for execution in data.executions_of(owner)
            if all(_matches(data, execution, one) for one in query.filters)
        ),
        key=lambda execution: (sort_value(execution), execution.condition.key),
        reverse=not query.page.ascending,
    )


def _matches(data: Data, execution: Execution, one: ExecutionFilter) -> bool:
    match one:
        case ConditionsQuery(keys):
            return execution.condition.key in keys
        case TypeQuery(execution_type):
            return execution.condition.type is execution_type
        case HasStepsQuery():
            return bool(execution.steps)
        case CallsQuery(target_id):
            return _calls(data, execution, target_id)
        case StepQuery(None, include):
            return any(isinstance(step, Condition) and step.key == include for step in execution.steps)
        case StepQuery(target_id, _):
            return target_id in execution.steps


def _calls(data: Data, execution: Execution, target_id: str) -> bool:
    """Return whether the execution calls the target. Includes are at most MAX_INCLUDE_LEVELS deep."""
    included = (step for step in execution.steps if isinstance(step, Condition))
    return target_id in execution.steps or any(
        _calls(data, data.executions[execution.owner, step.key], target_id) for step in included
    )
