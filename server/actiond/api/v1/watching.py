"""Shares watches among resource owners, and ends each of them."""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from actiond.api.v1.errors import TooManyWatchesError
from actiond.fairness import FairShares

MAX_WATCHES = 256
"""Watches that a worker serves at once."""
MAX_SECONDS = 600.0
"""After this time a watch ends, and its client goes on with a new call, whose token is looked at again."""


P = ParamSpec("P")
E = TypeVar("E")

Watch = Callable[Concatenate[str, P], AsyncGenerator[E, None]]
"""Follows something of the resource owner that is its first argument. It does not end by itself."""


class Watches(Generic[P, E]):
    """The watches of one kind that a worker serves."""

    def __init__(
        self,
        watch: Watch[P, E],
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

    async def events(self, owner: str, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[E, None]:
        """Yield what the watch yields, until its end. Raises TooManyWatchesError."""
        if not self._shares.may_take(owner):
            raise TooManyWatchesError
        self._shares.take(owner)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._max_seconds
        draining = loop.create_task(self._draining.wait())
        source = self._watch(owner, *args, **kwargs)
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


async def _next(source: AsyncIterator[E]) -> E | None:
    return await anext(source, None)


async def _cancel(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, and wait until it has ended."""
    task.cancel()
    await asyncio.wait({task})
