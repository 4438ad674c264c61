"""Plans: which targets are called when, derived from a snapshot of one owner's executions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actiond.actions.conditions import Condition, ExecutionType, matching_conditions
from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One target to call."""

    target: Target
    keys: Sequence[SigningKey]


@dataclass(frozen=True, slots=True)
class PlannedExecution:
    """The targets of an execution in the order of their calls, includes resolved."""

    key: str
    """Of the condition that is met."""
    calls: tuple[PlannedCall, ...]


@dataclass(frozen=True, slots=True)
class MethodPlan:
    """What runs around a call of one method; None for nothing."""

    request: PlannedExecution | None
    response: PlannedExecution | None


class Plan:
    """Finds the executions of a method, and caches what it has found."""

    def __init__(self, snapshot: ExecutionSnapshot) -> None:
        self.revision = snapshot.revision
        self._targets = snapshot.targets
        self._keys = snapshot.keys
        self._executions: dict[Condition, Execution] = {
            execution.condition: execution for execution in snapshot.executions
        }
        self._methods: dict[str, MethodPlan] = {}

    def for_method(self, method: str) -> MethodPlan:
        """Return what runs before and after a call of `package.Service.Method`, which must be a method that exists."""
        planned = self._methods.get(method)
        if planned is None:
            service, _, name = method.rpartition(".")
            path = f"/{service}/{name}"
            planned = MethodPlan(self._find(ExecutionType.REQUEST, path), self._find(ExecutionType.RESPONSE, path))
            self._methods[method] = planned
        return planned

    def _find(self, execution_type: ExecutionType, path: str) -> PlannedExecution | None:
        """Return the most specific execution; None if there is none, or if it calls nothing."""
        for condition in matching_conditions(execution_type, path):
            if condition in self._executions:
                calls = tuple(self._flatten(condition))
                return PlannedExecution(condition.key, calls) if calls else None
        return None

    def _flatten(self, condition: Condition) -> Iterator[PlannedCall]:
        for step in self._executions[condition].steps:
            if isinstance(step, str):
                yield PlannedCall(self._targets[step], self._keys.get(step, ()))
            else:
                yield from self._flatten(step)
