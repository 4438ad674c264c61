"""Caches each owner's plan until the store's executions, targets or signing keys change."""

import asyncio
from collections import defaultdict

from actiond.actions.ports import MatchConditions, Store
from actiond.executions.plans import Plan


class PlanCache:
    """Caches plans by owner. Must be used on one event loop."""

    def __init__(self, store: Store, match_conditions: MatchConditions) -> None:
        self._store = store
        self._match_conditions = match_conditions
        self._plans: dict[str, Plan] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, owner: str, revision: int) -> Plan:
        """Return the owner's plan, at `revision` or later.

        Given the revision of the call's admission, the plan includes every change that any process acknowledged before
        the call.
        """
        plan = self._plans.get(owner)
        if plan is not None and plan.revision >= revision:
            return plan
        # After a change many calls need the same plan at once: only one of them reads the store.
        async with self._locks[owner]:
            plan = self._plans.get(owner)
            if plan is None or plan.revision < revision:
                snapshot = await self._store.execution_snapshot(owner)
                plan = self._plans[owner] = Plan(snapshot, self._match_conditions)
            return plan
