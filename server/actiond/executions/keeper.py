"""The keeper: housekeeping of deliveries every few seconds, in one process at a time."""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Protocol

from actiond.actions.deliveries import DeathReason, DeliveryPolicy, DeliveryTotals
from actiond.actions.errors import StoreError
from actiond.actions.ports import Store
from actiond.actions.use_cases import housekeeping
from actiond.executions.store_faults import log_fault

_log = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0
SWEEP_SECONDS = 60.0
"""How often more deliveries of targets that are being resumed are released."""
PRUNE_SECONDS = 60.0
"""How long nothing is removed after everything that was old has been."""
PRUNED_PORTIONS = 50
"""How many portions are removed in one round."""


class KeeperObserver(Protocol):
    """Is notified of what the keeper counts, on the event loop. Its methods must not block."""

    def counted(self, totals: DeliveryTotals | None) -> None:
        """Observe how many deliveries there are; None at the start, as long as that is not known."""

    def died(self, reasons: Iterable[DeathReason]) -> None:
        """Observe deliveries that were given up."""


class Keeper:
    """A Part. Must be used on one event loop."""

    name = "keeper"

    def __init__(
        self, store: Store, policy: DeliveryPolicy, observer: KeeperObserver, keeper: int, *, counts: bool = True
    ) -> None:
        """Take what it works with.

        keeper: a number that no other process has.
        counts: whether it counts deliveries, as one of the processes does whose metrics are added up.
        """
        self._counts = counts
        self._store = store
        self._policy = policy
        self._observer = observer
        self._keeper = keeper
        self._has_lease = False
        self._swept_at = float("-inf")
        self._patrolled = 0
        self._pruned: int | None = 0
        self._pruned_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_for_ever())

    async def ended(self) -> None:
        if self._task is not None:
            await self._task

    def drain(self) -> None:
        """Do nothing: it does no call's work."""

    async def idle(self) -> None:
        """Return at once: `close` ends a portion that runs."""

    async def cancel(self) -> None:
        """Do nothing, likewise."""

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._has_lease:
            try:
                await self._store.write(partial(housekeeping.end_lease, keeper=self._keeper))
            except StoreError:
                """The lease passes by itself."""

    async def _keep_for_ever(self) -> None:
        while True:
            try:
                await self._keep()
            except StoreError as error:
                log_fault(_log, error)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def _keep(self) -> None:
        """Do one round of housekeeping, if this process has the lease."""
        if self._counts:
            self._observer.counted(await self._store.delivery_totals())
        self._has_lease = await self._store.write(partial(housekeeping.take_lease, keeper=self._keeper))
        if not self._has_lease:
            return
        now = asyncio.get_running_loop().time()
        if now - self._swept_at > SWEEP_SECONDS:
            self._swept_at = now
            await self._sweep()
        kept = await self._store.write(partial(housekeeping.patrol, policy=self._policy, after=self._patrolled))
        self._patrolled = kept.next or 0
        self._observer.died(kept.dead)
        await self._prune()

    async def _sweep(self) -> None:
        after: str | None = ""
        while after is not None:
            after = await self._store.write(partial(housekeeping.sweep, policy=self._policy, after=after))

    async def _prune(self) -> None:
        """Go on where the last round ended; begin anew some time after everything was looked at."""
        now = asyncio.get_running_loop().time()
        if self._pruned is None and now - self._pruned_at < PRUNE_SECONDS:
            return
        self._pruned = self._pruned or 0
        for _ in range(PRUNED_PORTIONS):
            self._pruned = await self._store.write(partial(housekeeping.prune, policy=self._policy, after=self._pruned))
            if self._pruned is None:
                self._pruned_at = now
                return
