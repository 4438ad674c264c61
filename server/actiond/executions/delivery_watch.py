"""Follows what happens to deliveries, in whichever process it happens, for those who watch them.

Stores record changes while somebody watches, and no longer: one lease per owner says so. All watches of an owner share
a task that renews the lease and looks for news. Each reads its own pages from the store, so that a slow reader costs
no memory, and learns if what it has not read yet was removed.
"""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

from actiond.actions.errors import StoreError
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter
from actiond.actions.watching import WATCH_LEASE_MS, Notice, WatchEvent

HEARTBEAT_SECONDS = 10.0
"""How long a watch says nothing."""
POLL_SECONDS = 0.2
"""How often the store is asked for news."""
PAGE_SIZE = 500
_MAX_POSITION = 2**63 - 1


class DeliveryWatch:
    """Follows what happens to an owner's deliveries. Must be used on one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feeds: dict[str, _Feed] = {}

    async def __call__(self, owner: str, wanted: DeliveryFilter, position: str) -> AsyncGenerator[WatchEvent, None]:
        """Yield what happens from a position on, or from now on if it is empty. Does not end by itself.

        The states that are wanted are those after a change. Without a position, it yields a heartbeat at once, so that
        the client has one. If changes since that position are not known any more, or the position cannot be read, the
        first thing it yields says that something was missed. A slow reader costs no memory: it learns that it missed
        what was removed before it read it. Raises StoreError.
        """
        feed = self._feeds.get(owner)
        if feed is None:
            feed = self._feeds[owner] = _Feed(self._store, owner)
        feed.watches += 1
        try:
            last = await feed.started()
            after = last if not position else _parse(position)
            is_silent = True
            while True:
                seen = feed.last
                page = await self._store.delivery_changes(owner, wanted, after, PAGE_SIZE)
                if not page.is_complete:
                    after = await feed.renew()
                    yield WatchEvent(str(after), Notice.MISSED)
                    is_silent = False
                    continue
                for changed_at, change in page.changes:
                    yield WatchEvent(str(changed_at), change)
                after = max(after, page.position)
                if is_silent and not page.changes:
                    # At once, so that the client sees that the watch has begun, and has a position.
                    yield WatchEvent(str(after), Notice.HEARTBEAT)
                is_silent = False
                if not page.has_more and not await feed.news(seen, HEARTBEAT_SECONDS):
                    yield WatchEvent(str(after), Notice.HEARTBEAT)
        finally:
            feed.watches -= 1
            if not feed.watches:
                self._feeds.pop(owner, None)
                feed.stop()


class _Feed:
    """Looks for news of one owner's deliveries, while there are watches."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self.watches = 0
        self.last = 0
        """Position of the last change, as it was seen last."""
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def started(self) -> int:
        """Begin, if it has not begun yet. Return the position of the last change before now."""
        last = await self.renew()
        if self._task is None:
            self.last = await self._store.last_delivery_change(self._owner)
            self._task = asyncio.get_running_loop().create_task(self._look_for_ever())
        return last

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def renew(self) -> int:
        """Have changes recorded for longer, and return the position of the last one of any owner."""
        return await self._store.write(partial(_watch, owner=self._owner))

    async def news(self, seen: int, seconds: float) -> bool:
        """Wait until something has happened after a position, and return whether it has in so many seconds."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.last > seen)
        except TimeoutError:
            return False
        return True

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                if loop.time() - renewed > WATCH_LEASE_MS / 1000 / 3:
                    await self.renew()
                    renewed = loop.time()
                last = await self._store.last_delivery_change(self._owner)
            except StoreError:
                continue  # the store has logged it; a watch whose lease has passed says that something was missed
            if last > self.last:
                async with self._changed:
                    self.last = last
                    self._changed.notify_all()


def _watch(transaction: Transaction, owner: str) -> int:
    rows = transaction.deliveries
    return rows.watch(owner, rows.now_ms() + WATCH_LEASE_MS)


def _parse(position: str) -> int:
    """Return the number of a position; for a text that is none, one that no store has reached."""
    return int(position) if position.isascii() and position.isdecimal() and len(position) < 19 else _MAX_POSITION
