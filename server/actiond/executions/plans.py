"""Plans: which targets to call at which trigger, derived from a snapshot of one owner's executions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actiond.actions.conditions import Condition, ExecutionType, Scope, matching_conditions
from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.ports import MatchCondition, MatchConditions
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One target to call."""

    target: Target
    keys: Sequence[SigningKey]
    includes: tuple[Condition, ...] = ()
    """The included executions that the step comes from, the outermost first."""


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
    revision: int
    """That of the executions which it was made of."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A condition that a call meets."""

    condition: Condition
    match: str = ""
    """The expression of the match condition; empty without one."""
    planned: PlannedExecution | None = None
    """None if no execution is set for the condition."""


NOWHERE = "?"
"""The name of a service or a method that no condition names."""
MAX_METHODS = 10_000
"""Methods whose plans are cached: clients may name any."""


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
        self._folded: dict[tuple[ExecutionType, str], Condition] | None = None
        """The conditions that name methods and services, by their names in lower case."""

    def for_method(self, path: str) -> MethodPlan:
        """Return what runs before and after a call of the method `/package.Service/Method`, which need not exist."""
        planned = self._methods.get(path)
        if planned is None:
            request, response = (
                self._candidates(kind, path) for kind in (ExecutionType.REQUEST, ExecutionType.RESPONSE)
            )
            planned = MethodPlan(request, response, self.revision)
            if len(self._methods) >= MAX_METHODS:
                self._methods.clear()
            self._methods[path] = planned
        return planned

    def considered(self, execution_type: ExecutionType, path: str) -> Iterator[Considered]:
        """Yield every condition that a call of a method meets, the most specific one first."""
        return map(self._considered, matching_conditions(execution_type, path))

    def for_unknown(self, path: str) -> MethodPlan:
        """Return what may be set for a method whose path is given in lower case, as nothing else is known of it.

        An execution for a method that is not known (any more) stays set, and must not be evaded by letter case.
        """
        request = self._named_like(ExecutionType.REQUEST, path)
        response = self._named_like(ExecutionType.RESPONSE, path)
        return MethodPlan(self.for_method(request).request, self.for_method(response).response, self.revision)

    def _named_like(self, kind: ExecutionType, path: str) -> str:
        """Return the path that a condition names, or one of the service that it names; else one that none does."""
        if self._folded is None:
            self._folded = {
                (condition.type, condition.name.lower()): condition
                for condition in self._executions
                if condition.scope in (Scope.METHOD, Scope.SERVICE)
            }
        named = self._folded.get((kind, path))
        if named is not None:
            return named.name
        named = self._folded.get((kind, path[1:].partition("/")[0]))
        return f"/{NOWHERE if named is None else named.name}/{NOWHERE}"

    def for_function(self, name: str) -> Considered:
        """Return the condition of a function, and what is set for it."""
        return self._considered(Condition(ExecutionType.FUNCTION, Scope.FUNCTION, name))

    def _candidates(self, execution_type: ExecutionType, path: str) -> Candidates:
        found: list[PlannedExecution] = []
        for considered in self.considered(execution_type, path):
            if considered.planned is not None:
                found.append(considered.planned)
                if considered.planned.match is None:
                    break
        return tuple(found) if any(planned.calls for planned in found) else ()

    def _considered(self, condition: Condition) -> Considered:
        execution = self._executions.get(condition)
        if execution is None:
            return Considered(condition)
        match = self._match_conditions.compiled(execution.match) if execution.match else None
        planned = PlannedExecution(condition.key, tuple(self._flatten(condition, ())), match)
        return Considered(condition, execution.match, planned)

    def _flatten(self, condition: Condition, includes: tuple[Condition, ...]) -> Iterator[PlannedCall]:
        for step in self._executions[condition].steps:
            if isinstance(step, str):
                yield PlannedCall(self._targets[step], self._keys.get(step, ()), includes)
            else:
                yield from self._flatten(step, (*includes, step))
