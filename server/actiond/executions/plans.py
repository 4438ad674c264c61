"""Plans: which targets to call at which trigger, derived from a snapshot of one owner's executions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actiond.actions.conditions import Condition, ExecutionType, matching_conditions
from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.ports import MatchCondition, MatchConditions
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
    """Key of the condition that was met."""
    calls: tuple[PlannedCall, ...]
    """May be empty: then it does nothing but override those after it."""
    match: MatchCondition | None = None
    """The calls that the execution is for; None if it is for all."""


Candidates = tuple[PlannedExecution, ...]
"""The executions of which the first one runs whose match condition is met, the most specific one first.

None follows one that is for all calls. Empty where nothing can run.
"""


@dataclass(frozen=True, slots=True)
class MethodPlan:
    """The executions around a call of one method."""

    request: Candidates
    response: Candidates


class Plan:
    """Finds the executions of a method, and caches the result."""

    def __init__(self, snapshot: ExecutionSnapshot, match_conditions: MatchConditions) -> None:
        self.revision = snapshot.revision
        self._match_conditions = match_conditions
        self._targets = snapshot.targets
        self._keys = snapshot.keys
        self._executions: dict[Condition, Execution] = {
            execution.condition: execution for execution in snapshot.executions
        }
        self._methods: dict[str, MethodPlan] = {}

    def for_method(self, method: str) -> MethodPlan:
        """Return what runs before and after a call of the existing method `package.Service.Method`."""
        planned = self._methods.get(method)
        if planned is None:
            service, _, name = method.rpartition(".")
            path = f"/{service}/{name}"
            planned = MethodPlan(self._find(ExecutionType.REQUEST, path), self._find(ExecutionType.RESPONSE, path))
            self._methods[method] = planned
        return planned

    def _find(self, execution_type: ExecutionType, path: str) -> Candidates:
        found: list[PlannedExecution] = []
        for condition in matching_conditions(execution_type, path):
            execution = self._executions.get(condition)
            if execution is None:
                continue
            match = self._match_conditions.compiled(execution.match) if execution.match else None
            found.append(PlannedExecution(condition.key, tuple(self._flatten(condition)), match))
            if match is None:
                break
        return tuple(found) if any(planned.calls for planned in found) else ()

    def _flatten(self, condition: Condition) -> Iterator[PlannedCall]:
        for step in self._executions[condition].steps:
            if isinstance(step, str):
                yield PlannedCall(self._targets[step], self._keys.get(step, ()))
            else:
                yield from self._flatten(step)
