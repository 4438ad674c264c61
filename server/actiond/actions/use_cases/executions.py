"""Setting, deleting and listing executions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

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
    PageTooLargeError,
    ServiceUnknownError,
)
from actiond.actions.executions import MAX_INCLUDE_LEVELS, Execution, Step
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import ConditionsQuery, ExecutionQuery, Page, PageRequest
from actiond.actions.use_cases.includes import IncludeGraph

MAX_FLAT_STEPS = 100_000
"""Steps on a page of executions whose includes are resolved: a hundred may include each other's thousand."""

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

    async def set(
        self, actor: Actor, condition: Condition, steps: Sequence[Step], *, keeps_same: bool = False
    ) -> Execution:
        """Add the execution of a condition, or replace its steps: it keeps its match condition.

        keeps_same: append no event if it has these steps already.

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
            if keeps_same and former is not None and former.steps == execution.steps:
                return former
            return put(transaction, execution, actor)

        return await self._store.write(change)

    async def end(self, actor: Actor, condition: Condition) -> int:
        """Delete the execution of a condition if there is one, and return when it was deleted, now or before.

        For one that has never been there, that is now. Executions that would be left without a step are deleted too.
        """
        try:
            return (await self.delete(actor, condition, ends_emptied=True)).changed_at_ns
        except ExecutionNotFoundError:
            if not is_canonical(condition):
                return self._clock()  # its key is another condition's
            last = await self._store.last_event(
                events.EXECUTION, events.qualified_id(actor.owner, events.EXECUTION, condition.key)
            )
            return self._clock() if last is None else last.created_at_ns

    async def delete(self, actor: Actor, condition: Condition, *, ends_emptied: bool = False) -> Execution:
        """Delete the execution of a condition, even if the catalogue no longer has it, and return its last state.

        Executions that include it lose that step.

        ends_emptied: delete those that lose their last step by that, too.

        Raises ExecutionNotFoundError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> Execution:
            former = existing(transaction, actor, condition)
            return _delete(transaction, actor, former, now, ends_emptied=ends_emptied)

        return await self._store.write(change)

    async def find(self, actor: Actor, query: ExecutionQuery) -> Page[Execution]:
        """Return a page of the executions that match."""
        return await self._store.find_executions(actor.owner, query)

    async def find_flat(self, actor: Actor, query: ExecutionQuery) -> Page[Execution]:
        """Do the same, with the steps of included executions in the place of their includes.

        An execution that is deleted meanwhile has no steps any more. Raises PageTooLargeError.
        """
        page = await self.find(actor, query)
        known = {execution.condition: execution.steps for execution in page.items}
        wanted = _includes(known.values()) - known.keys()
        while wanted:
            keys = frozenset(condition.key for condition in wanted)
            found = await self.find(actor, ExecutionQuery(PageRequest(limit=len(keys)), (ConditionsQuery(keys),)))
            included = dict.fromkeys(wanted, ()) | {execution.condition: execution.steps for execution in found.items}
            known |= included
            wanted = _includes(included.values()) - known.keys()
        flat, left = [], MAX_FLAT_STEPS
        for execution in page.items:
            steps = tuple(islice(_flat(execution.steps, known), left + 1))
            left -= len(steps)
            if left < 0:
                raise PageTooLargeError(MAX_FLAT_STEPS)
            flat.append(replace(execution, steps=steps))
        return replace(page, items=flat)


def _includes(steps: Iterable[Sequence[Step]]) -> set[Condition]:
    return {step for some in steps for step in some if isinstance(step, Condition)}


def _flat(
    steps: Sequence[Step], known: Mapping[Condition, Sequence[Step]], levels: int = MAX_INCLUDE_LEVELS
) -> Iterator[str]:
    """Yield the targets of steps. Executions that were read at different times may seem to include each other."""
    for step in steps:
        if isinstance(step, str):
            yield step
        elif levels > 1:
            yield from _flat(known[step], known, levels - 1)


def remove_step(transaction: Transaction, actor: Actor, step: Step, now_ns: int, *, ends_emptied: bool = False) -> None:
    """Remove a step from each of the owner's executions that has it, because its target or include is deleted.

    ends_emptied: delete executions that lose their last step by it, and so on.
    """
    for found in transaction.executions.with_step(actor.owner, step):
        # The end of another one may have changed or ended it.
        execution = transaction.executions.get(actor.owner, found.condition) if ends_emptied else found
        if execution is None:
            continue
        steps = tuple(kept for kept in execution.steps if kept != step)
        if ends_emptied and not steps:
            _delete(transaction, actor, execution, now_ns, ends_emptied=True)
        else:
            put(transaction, replace(execution, steps=steps, changed_at_ns=now_ns), actor)


def _delete(transaction: Transaction, actor: Actor, former: Execution, now_ns: int, *, ends_emptied: bool) -> Execution:
    """Delete an execution, and return its last state."""
    remove_step(transaction, actor, former.condition, now_ns, ends_emptied=ends_emptied)
    execution = replace(former, sequence=_next_sequence(transaction, former), changed_at_ns=now_ns)
    transaction.executions.delete(execution)
    transaction.append(_event(execution, "execution.removed", {}, actor))
    return execution


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
