"""Executions: which targets are called under a condition, and the use cases on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from actiond.actions.conditions import Condition, Scope, is_proper
from actiond.actions.errors import (
    CircularIncludeError,
    DomainError,
    EventUnknownError,
    ExecutionNotFoundError,
    FunctionUnknownError,
    GroupUnknownError,
    IncludeNotFoundError,
    MethodUnknownError,
    ServiceUnknownError,
    TargetOfExecutionNotFoundError,
    TooManyIncludeLevelsError,
    TooManyStepsError,
)
from actiond.actions.events import Event

if TYPE_CHECKING:
    from actiond.actions.catalogue import Catalogue
    from actiond.actions.ports import Store, Transaction
    from actiond.actions.queries import ExecutionQuery, Found
    from actiond.actions.signing_keys import SigningKey
    from actiond.actions.targets import Target
    from actiond.actions.tokens import Token

LEVELS = 3
"""Executions in a chain of includes, the first one included."""
MOST_STEPS = 1_000
"""Steps of one execution, with those of what it includes."""

Step = str | Condition
"""A target's id, or the condition of an execution whose steps stand in its place."""

_UNKNOWN: Mapping[Scope, type[DomainError]] = {
    Scope.METHOD: MethodUnknownError,
    Scope.SERVICE: ServiceUnknownError,
    Scope.FUNCTION: FunctionUnknownError,
    Scope.EVENT: EventUnknownError,
    Scope.GROUP: GroupUnknownError,
}


@dataclass(frozen=True, slots=True)
class Execution:
    """What is called under a condition, as it stands after its event number `sequence`."""

    owner: str
    condition: Condition
    steps: tuple[Step, ...]
    """In the order of the calls."""
    sequence: int
    created_at_ns: int
    changed_at_ns: int


@dataclass(frozen=True, slots=True)
class Runnable:
    """All that is needed to run one owner's executions, as of one moment."""

    revision: int
    executions: Sequence[Execution]
    targets: Mapping[str, "Target"]
    """By id: those that the executions name, and perhaps others."""
    keys: Mapping[str, Sequence["SigningKey"]]
    """By the target's id, the newest first."""


class Executions:
    """The use cases. One transaction each; a caller sees only its own resource owner's executions."""

    def __init__(self, store: "Store", clock: Callable[[], int], catalogue: "Catalogue") -> None:
        self._store = store
        self._clock = clock
        self._catalogue = catalogue

    async def set(self, caller: "Token", condition: Condition, steps: Sequence[Step]) -> Execution:
        """Adds the execution of the condition, or replaces it.

        Raises the errors of what the catalogue does not know, TargetOfExecutionNotFoundError, IncludeNotFoundError,
        CircularIncludeError, TooManyIncludeLevelsError and TooManyStepsError.
        """
        if condition not in self._catalogue:
            raise _UNKNOWN[condition.scope]
        now = self._clock()

        def change(transaction: "Transaction") -> Execution:
            _Graph(transaction, caller.owner, condition, tuple(steps)).check()
            former = transaction.execution(caller.owner, condition)
            execution = Execution(
                owner=caller.owner,
                condition=condition,
                steps=tuple(steps),
                sequence=0,
                created_at_ns=now if former is None else former.created_at_ns,
                changed_at_ns=now,
            )
            return _put(transaction, execution, caller.id)

        return await self._store.write(change)

    async def delete(self, caller: "Token", condition: Condition) -> Execution:
        """The execution as its last event left it. See `delete_execution`."""
        return await delete_execution(self._store, caller.owner, condition, editor=caller.id, now_ns=self._clock())

    async def find(self, caller: "Token", query: "ExecutionQuery") -> "Found[Execution]":
        return await self._store.find_executions(caller.owner, query)


async def delete_execution(store: "Store", owner: str, condition: Condition, *, editor: str, now_ns: int) -> Execution:
    """Deletes the execution of a condition, whether or not the catalogue still knows it.

    Those that included it go on without it. Raises ExecutionNotFoundError.
    """

    def change(transaction: "Transaction") -> Execution:
        former = transaction.execution(owner, condition) if is_proper(condition) else None
        if former is None:
            raise ExecutionNotFoundError
        strip(transaction, owner, condition, editor=editor, now_ns=now_ns)
        execution = replace(former, sequence=_next_sequence(transaction, former), changed_at_ns=now_ns)
        transaction.delete_execution(execution, _event(execution, "execution.removed", {}, editor))
        return execution

    return await store.write(change)


def strip(transaction: "Transaction", owner: str, step: Step, *, editor: str, now_ns: int) -> None:
    """Takes a step that will be no more out of every execution of the owner's that has it."""
    for execution in transaction.executions_with(owner, step):
        steps = tuple(one for one in execution.steps if one != step)
        _put(transaction, replace(execution, steps=steps, changed_at_ns=now_ns), editor)


def _put(transaction: "Transaction", execution: Execution, editor: str) -> Execution:
    execution = replace(execution, sequence=_next_sequence(transaction, execution))
    facts = [{"target": step} if isinstance(step, str) else {"include": step.key} for step in execution.steps]
    transaction.put_execution(execution, _event(execution, "execution.set", {"targets": facts}, editor))
    return execution


def _next_sequence(transaction: "Transaction", execution: Execution) -> int:
    # An execution that was deleted and is set again goes on counting: its events are still there.
    return transaction.last_sequence("execution", _aggregate_id(execution)) + 1


def _aggregate_id(execution: Execution) -> str:
    """Two owners may each have an execution of one condition."""
    return f"{execution.owner}/{execution.condition.key}"


def _event(execution: Execution, event_type: str, payload: Mapping[str, object], editor: str) -> Event:
    return Event(
        owner=execution.owner,
        aggregate_type="execution",
        aggregate_id=_aggregate_id(execution),
        sequence=execution.sequence,
        type=event_type,
        payload=payload,
        editor=editor,
        created_at_ns=execution.changed_at_ns,
    )


class _Graph:
    """The owner's executions as they would be with one of them set anew.

    What is stored already is free of circles and at most `LEVELS` deep, so every walk is short.
    """

    def __init__(self, transaction: "Transaction", owner: str, condition: Condition, steps: tuple[Step, ...]) -> None:
        self._transaction = transaction
        self._owner = owner
        self._condition = condition
        self._steps: dict[Condition, tuple[Step, ...]] = {condition: steps}

    def check(self) -> None:
        """Raises the error of what is wrong with the new steps."""
        if len(self._steps[self._condition]) > MOST_STEPS:
            raise TooManyStepsError
        # A step that occurs more than once stands for the first.
        steps = {step: position for position, step in reversed(list(enumerate(self._steps[self._condition])))}
        if self._condition in steps:
            raise CircularIncludeError(steps[self._condition])
        for step, position in sorted(steps.items(), key=itemgetter(1)):
            if isinstance(step, str):
                if self._transaction.target(self._owner, step) is None:
                    raise TargetOfExecutionNotFoundError(position)
            elif not self._exists(step):
                raise IncludeNotFoundError(position)
        for include in self._includes(self._condition):
            if self._leads_back(include):
                raise CircularIncludeError(steps[include])
        if self._rise(self._condition) + self._height(self._condition) > LEVELS:
            raise TooManyIncludeLevelsError
        if any(self._count(condition) > MOST_STEPS for condition in (self._condition, *self._above(self._condition))):
            raise TooManyStepsError

    def _exists(self, condition: Condition) -> bool:
        execution = self._transaction.execution(self._owner, condition) if is_proper(condition) else None
        if execution is not None:
            self._steps[condition] = execution.steps
        return execution is not None

    def _includes(self, condition: Condition) -> tuple[Condition, ...]:
        return tuple(dict.fromkeys(step for step in self._steps_of(condition) if isinstance(step, Condition)))

    def _steps_of(self, condition: Condition) -> tuple[Step, ...]:
        if condition not in self._steps and not self._exists(condition):
            self._steps[condition] = ()
        return self._steps[condition]

    def _leads_back(self, condition: Condition) -> bool:
        return condition == self._condition or any(map(self._leads_back, self._includes(condition)))

    def _height(self, condition: Condition) -> int:
        """Executions in the longest chain that begins here."""
        return 1 + max(map(self._height, self._includes(condition)), default=0)

    def _rise(self, condition: Condition) -> int:
        """Executions in the longest chain that leads here, without this one."""
        return max((1 + self._rise(parent) for parent in self._parents(condition)), default=0)

    def _above(self, condition: Condition) -> set[Condition]:
        """All executions that lead here."""
        parents = set(self._parents(condition))
        return parents.union(*map(self._above, parents))

    def _parents(self, condition: Condition) -> Sequence[Condition]:
        return [execution.condition for execution in self._transaction.executions_with(self._owner, condition)]

    def _count(self, condition: Condition) -> int:
        """Steps, with those of the includes; what is beyond the bound is not counted to its end."""
        count = 0
        for step in self._steps_of(condition):
            count += 1 if isinstance(step, str) else 1 + self._count(step)
            if count > MOST_STEPS:
                break
        return count
