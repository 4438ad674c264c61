"""Plans: what is called for a call of the API, worked out from one owner's executions as of one moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actiond.actions.conditions import Condition, ExecutionType, fitting
from actiond.actions.executions import Execution, Runnable
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One target to call."""

    target: Target
    keys: Sequence[SigningKey]


@dataclass(frozen=True, slots=True)
class PlannedExecution:
    """Targets in the order of their calls, includes in place."""

    key: str
    """Of the condition that was met."""
    calls: tuple[PlannedCall, ...]


class Plan:
    """Finds the execution for a method, and remembers what it found."""

    def __init__(self, runnable: Runnable) -> None:
        self.revision = runnable.revision
        self._targets = runnable.targets
        self._keys = runnable.keys
        self._executions: dict[Condition, Execution] = {
            execution.condition: execution for execution in runnable.executions
        }
        self._found: dict[str, tuple[PlannedExecution | None, PlannedExecution | None]] = {}

    def of(self, method: str) -> tuple[PlannedExecution | None, PlannedExecution | None]:
        """What runs before and after a call of a method, as `package.Service.Method`, that this server has."""
        found = self._found.get(method)
        if found is None:
            service, _, name = method.rpartition(".")
            path = f"/{service}/{name}"
            found = self._find(ExecutionType.REQUEST, path), self._find(ExecutionType.RESPONSE, path)
            self._found[method] = found
        return found

    def _find(self, execution_type: ExecutionType, path: str) -> PlannedExecution | None:
        """The most specific execution alone; None too when it calls nothing."""
        for condition in fitting(execution_type, path):
            if condition in self._executions:
                calls = tuple(self._flat(condition))
                return PlannedExecution(condition.key, calls) if calls else None
        return None

    def _flat(self, condition: Condition) -> Iterator[PlannedCall]:
        for step in self._executions[condition].steps:
            if isinstance(step, str):
                yield PlannedCall(self._targets[step], self._keys.get(step, ()))
            else:
                yield from self._flat(step)
