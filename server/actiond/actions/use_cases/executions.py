"""The use cases on executions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import Condition, Scope, is_proper
from actiond.actions.errors import (
    DomainError,
    EventUnknownError,
    ExecutionNotFoundError,
    FunctionUnknownError,
    GroupUnknownError,
    MethodUnknownError,
    ServiceUnknownError,
)
from actiond.actions.events import Event
from actiond.actions.executions import Execution, Step
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import ExecutionQuery, Found
from actiond.actions.tokens import Token
from actiond.actions.use_cases.includes import Graph

_UNKNOWN: Mapping[Scope, type[DomainError]] = {
    Scope.METHOD: MethodUnknownError,
    Scope.SERVICE: ServiceUnknownError,
    Scope.FUNCTION: FunctionUnknownError,
    Scope.EVENT: EventUnknownError,
    Scope.GROUP: GroupUnknownError,
}


class Executions:
    """The use cases. One transaction each; a caller sees only its own resource owner's executions."""

    def __init__(self, store: Store, clock: Callable[[], int], catalogue: Catalogue) -> None:
        self._store = store
        self._clock = clock
        self._catalogue = catalogue

    async def set(self, caller: Token, condition: Condition, steps: Sequence[Step]) -> Execution:
        """Adds the execution of the condition, or replaces it.

        Raises the errors of what the catalogue does not know, TargetOfExecutionNotFoundError, IncludeNotFoundError,
        CircularIncludeError, TooManyIncludeLevelsError and TooManyStepsError.
        """
        if condition not in self._catalogue:
            raise _UNKNOWN[condition.scope]
        now = self._clock()

        def change(transaction: Transaction) -> Execution:
            Graph(transaction, caller.owner, condition, tuple(steps)).check()
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

    async def delete(self, caller: Token, condition: Condition) -> Execution:
        """The execution as its last event left it. See `delete_execution`."""
        return await delete_execution(self._store, caller.owner, condition, editor=caller.id, now_ns=self._clock())

    async def find(self, caller: Token, query: ExecutionQuery) -> Found[Execution]:
        return await self._store.find_executions(caller.owner, query)


async def delete_execution(store: Store, owner: str, condition: Condition, *, editor: str, now_ns: int) -> Execution:
    """Deletes the execution of a condition, whether or not the catalogue still knows it.

    Those that included it go on without it. Raises ExecutionNotFoundError.
    """

    def change(transaction: Transaction) -> Execution:
        former = transaction.execution(owner, condition) if is_proper(condition) else None
        if former is None:
            raise ExecutionNotFoundError
        strip(transaction, owner, condition, editor=editor, now_ns=now_ns)
        execution = replace(former, sequence=_next_sequence(transaction, former), changed_at_ns=now_ns)
        transaction.delete_execution(execution, _event(execution, "execution.removed", {}, editor))
        return execution

    return await store.write(change)


def strip(transaction: Transaction, owner: str, step: Step, *, editor: str, now_ns: int) -> None:
    """Takes a step that will be no more out of every execution of the owner's that has it."""
    for execution in transaction.executions_with(owner, step):
        steps = tuple(one for one in execution.steps if one != step)
        _put(transaction, replace(execution, steps=steps, changed_at_ns=now_ns), editor)


def _put(transaction: Transaction, execution: Execution, editor: str) -> Execution:
    execution = replace(execution, sequence=_next_sequence(transaction, execution))
    facts = [{"target": step} if isinstance(step, str) else {"include": step.key} for step in execution.steps]
    transaction.put_execution(execution, _event(execution, "execution.set", {"targets": facts}, editor))
    return execution


def _next_sequence(transaction: Transaction, execution: Execution) -> int:
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
