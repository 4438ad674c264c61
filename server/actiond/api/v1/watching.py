"""Shares watches of deliveries among resource owners, and ends each of them."""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Protocol

from actiond.actions.queries import DeliveryFilter
from actiond.actions.watching import WatchEvent
from actiond.api.v1.errors import TooManyWatchesError
from actiond.fairness import FairShares

MAX_WATCHES = 256
"""Watches that a worker serves at once."""
MAX_SECONDS = 600.0
"""After this time a watch ends, and its client goes on with a new call, whose token is looked at again."""


class Watch(Protocol):
    """Follows what happens to an owner's deliveries."""

    def __call__(self, owner: str, wanted: DeliveryFilter, position: str) -> AsyncGenerator[WatchEvent, None]:
        """Yield what happens from a position on, or from now on if it is empty. Does not end by itself.

        The states that are wanted are those after a change. Without a position, it yields a heartbeat at once, so that
        the client has one. If changes since that position are not known any more, or the position cannot be read, the
        first thing it yields says that something was missed. A slow reader costs no memory: it learns that it missed
        what was removed before it read it.
        """


class Watches:
    """The watches that a worker serves."""

    def __init__(
        self,
        watch: Watch,
        draining: asyncio.Event,
        max_calls: int,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        """Once `draining` is set, end all of them.

        max_calls: calls that run at once, of which watches take at most a quarter.
        """
        self._watch = watch
        self._draining = draining
        self._shares = FairShares(min(MAX_WATCHES, max(1, max_calls // 4)))
        self._max_seconds = max_seconds

    async def events(self, owner: str, wanted: DeliveryFilter, position: str) -> AsyncGenerator[WatchEvent, None]:
        """Yield what the watch yields, until its end. Raises TooManyWatchesError."""
        if not self._shares.may_take(owner):
            raise TooManyWatchesError
        self._shares.take(owner)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._max_seconds
        draining = loop.create_task(self._draining.wait())
        source = self._watch(owner, wanted, position)
        try:
            while not draining.done():
                coming = loop.create_task(_next(source))
                try:
                    await asyncio.wait({coming, draining}, timeout=end - loop.time(), return_when=FIRST_COMPLETED)
                    event = coming.result() if coming.done() else None
                finally:
                    await _cancel(coming)
                if event is None:
                    return
                yield event
        finally:
            self._shares.give_back(owner)
            await _cancel(draining)
            await source.aclose()


async def _next(source: AsyncIterator[WatchEvent]) -> WatchEvent | None:
    return await anext(source, None)


async def _cancel(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, and wait until it has ended."""
    task.cancel()
    await asyncio.wait({task})
