"""Setting and reading the match conditions of executions: which calls an execution is for."""

from collections.abc import Callable
from dataclasses import replace

from actiond.actions.actors import Actor
from actiond.actions.conditions import Condition, ExecutionType, is_canonical
from actiond.actions.errors import ExecutionNotFoundError, MatchNotAllowedError
from actiond.actions.executions import Execution
from actiond.actions.ports import MatchConditions, Store, Transaction
from actiond.actions.queries import ConditionsQuery, ExecutionQuery, PageRequest
from actiond.actions.use_cases.executions import existing, put

MATCHED = (ExecutionType.REQUEST, ExecutionType.RESPONSE)
"""The types of executions that may have a match condition: those that run around calls."""


class Matching:
    """The use cases of match conditions. An actor sees only the executions of its resource owner."""

    def __init__(self, store: Store, clock: Callable[[], int], match_conditions: MatchConditions) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._match_conditions = match_conditions

    async def set_match(self, actor: Actor, condition: Condition, expression: str) -> Execution:
        """Replace the match condition of an execution; an empty expression removes it.

        Raises MatchNotAllowedError for an execution that does not run around calls, MatchInvalidError, and
        ExecutionNotFoundError.
        """
        if condition.type not in MATCHED:
            raise MatchNotAllowedError
        if expression:
            self._match_conditions.check(expression)
        now = self._clock()

        def change(transaction: Transaction) -> Execution:
            former = existing(transaction, actor, condition)
            return put(transaction, replace(former, match=expression, changed_at_ns=now), actor)

        return await self._store.write(change)

    async def get(self, actor: Actor, condition: Condition) -> Execution:
        """Return the execution of a condition. Raises ExecutionNotFoundError."""
        key = condition.key if is_canonical(condition) else ""
        query = ExecutionQuery(PageRequest(0, 1, ascending=True), (ConditionsQuery(frozenset({key})),))
        found = await self._store.find_executions(actor.owner, query)
        if not found.items:
            raise ExecutionNotFoundError
        return found.items[0]
