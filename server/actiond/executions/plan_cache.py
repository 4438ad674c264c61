"""Keeps each owner's plan for as long as nothing changes in the store."""

import asyncio
from collections import defaultdict

from actiond.actions.ports import Store
from actiond.executions.plans import Plan


class Plans:
    """For one event loop. A change that was acknowledged, by whichever process, holds for the next call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[str, Plan] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, owner: str) -> Plan:
        """The owner's plan, no older than this call."""
        revision = await self._store.executions_revision()
        plan = self._plans.get(owner)
        if plan is not None and plan.revision >= revision:
            return plan
        # After a change many calls come at once for the same plan: one of them reads it.
        async with self._locks[owner]:
            plan = self._plans.get(owner)
            if plan is None or plan.revision < revision:
                plan = self._plans[owner] = Plan(await self._store.runnable(owner))
            return plan
