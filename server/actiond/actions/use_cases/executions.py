"""Setting, deleting and listing executions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from actiond.actions import events
from actiond.actions.actors import Actor
from actiond.actions.catalogue import KnownConditions
from actiond.actions.conditions import Condition, Scope, is_canonical
from actiond.actions.errors import (
    DomainError,
    EventUnknownError,
    ExecutionNotFoundError,
    FunctionUnknownError,
    GroupUnknownError,
    MethodUnknownError,
    ServiceUnknownError,
)
from actiond.actions.executions import Execution, Step
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import ExecutionQuery, Page
from actiond.actions.use_cases.includes import IncludeGraph

_UNKNOWN: Mapping[Scope, type[DomainError]] = {
    Scope.METHOD: MethodUnknownError,
    Scope.SERVICE: ServiceUnknownError,
    Scope.FUNCTION: FunctionUnknownError,
    Scope.EVENT: EventUnknownError,
    Scope.GROUP: GroupUnknownError,
}


class Executions:
    """The use cases of executions. An actor sees only the executions of its resource owner."""

    def __init__(self, store: Store, clock: Callable[[], int], catalogue: KnownConditions) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._catalogue = catalogue

    async def set(self, actor: Actor, condition: Condition, steps: Sequence[Step]) -> Execution:
        """Add the execution of a condition, or replace its steps: it keeps its match condition.

        Raises MethodUnknownError and the like if the catalogue lacks the condition, TargetNotFoundError,
        IncludeNotFoundError, CircularIncludeError, TooManyIncludeLevelsError and TooManyStepsError.
        """
        if condition not in self._catalogue:
            raise _UNKNOWN[condition.scope]
        now = self._clock()

        def change(transaction: Transaction) -> Execution:
            IncludeGraph(transaction, actor.owner, condition, tuple(steps)).check()
            former = transaction.executions.get(actor.owner, condition)
            execution = Execution(
                owner=actor.owner,
                condition=condition,
                steps=tuple(steps),
                sequence=0,
                created_at_ns=now if former is None else former.created_at_ns,
                changed_at_ns=now,
                match="" if former is None else former.match,
            )
            return put(transaction, execution, actor)

        return await self._store.write(change)

    async def delete(self, actor: Actor, condition: Condition) -> Execution:
        """Delete the execution of a condition, even if the catalogue no longer has it, and return its last state.

        Executions that include it lose that step. Raises ExecutionNotFoundError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> Execution:
            former = existing(transaction, actor, condition)
            remove_step(transaction, actor, condition, now)
            execution = replace(former, sequence=_next_sequence(transaction, former), changed_at_ns=now)
            transaction.executions.delete(execution)
            transaction.append(_event(execution, "execution.removed", {}, actor))
            return execution

        return await self._store.write(change)

    async def find(self, actor: Actor, query: ExecutionQuery) -> Page[Execution]:
        """Return a page of the executions that match."""
        return await self._store.find_executions(actor.owner, query)


def remove_step(transaction: Transaction, actor: Actor, step: Step, now_ns: int) -> None:
    """Remove a step from each of the owner's executions that has it, because its target or include is deleted."""
    for execution in transaction.executions.with_step(actor.owner, step):
        steps = tuple(kept for kept in execution.steps if kept != step)
        put(transaction, replace(execution, steps=steps, changed_at_ns=now_ns), actor)


def existing(transaction: Transaction, actor: Actor, condition: Condition) -> Execution:
    """Return the execution of a condition. Raises ExecutionNotFoundError."""
    found = transaction.executions.get(actor.owner, condition) if is_canonical(condition) else None
    if found is None:
        raise ExecutionNotFoundError
    return found


def put(transaction: Transaction, execution: Execution, actor: Actor) -> Execution:
    """Store an execution as its next state, with its event."""
    execution = replace(execution, sequence=_next_sequence(transaction, execution))
    steps = [{"target": step} if isinstance(step, str) else {"include": step.key} for step in execution.steps]
    payload: dict[str, object] = {"targets": steps}
    if execution.match:
        payload["match"] = execution.match
    transaction.executions.put(execution)
    transaction.append(_event(execution, "execution.set", payload, actor))
    return execution


def _next_sequence(transaction: Transaction, execution: Execution) -> int:
    # The history of a deleted execution remains, so an execution that is set again continues its sequence.
    return transaction.last_sequence(events.EXECUTION, execution.aggregate_id) + 1


def _event(execution: Execution, event_type: str, payload: Mapping[str, object], actor: Actor) -> events.Event:
    return events.Event(
        owner=execution.owner,
        aggregate_type=events.EXECUTION,
        aggregate_id=execution.aggregate_id,
        sequence=execution.sequence,
        type=event_type,
        payload=payload,
        editor=actor.id,
        created_at_ns=execution.changed_at_ns,
    )
