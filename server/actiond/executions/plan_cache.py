"""Keeps each owner's plan until something changes in the store."""

import asyncio
from collections import defaultdict

from actiond.actions.ports import Store
from actiond.executions.plans import Plan


class PlanCache:
    """Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[str, Plan] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, owner: str, revision: int) -> Plan:
        """Return the owner's plan, of this revision or a later one.

        With the revision of the call's admission, a change that any process has acknowledged before the call is seen.
        """
        plan = self._plans.get(owner)
        if plan is not None and plan.revision >= revision:
            return plan
        # After a change many calls want the same plan at once: only one of them reads it.
        async with self._locks[owner]:
            plan = self._plans.get(owner)
            if plan is None or plan.revision < revision:
                plan = self._plans[owner] = Plan(await self._store.execution_snapshot(owner))
            return plan
