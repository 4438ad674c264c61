"""Ends calls whose clients disconnect.

Watching a connection takes a task, which costs more than most whole calls do. So only calls that have been running for
a while are watched.
"""

import asyncio
from collections.abc import Awaitable, Callable

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.lifetime import CLIENT_LEFT


class Disconnects:
    """The calls that run on one event loop, and the tasks that watch their connections."""

    TICK = 0.025
    """Seconds between sweeps. A call is watched from the second sweep on that finds it running."""

    def __init__(self) -> None:
        self._running: dict[ServicerContext, asyncio.Task[None] | bool] = {}
        """The task that watches each call; before that, whether a sweep has found the call running."""
        self._sweeping: asyncio.AbstractEventLoop | None = None

    def watch(self, context: ServicerContext) -> None:
        """Watch a call, unless its server cannot tell of a disconnect."""
        if context.wait_disconnected is None:
            return
        self._running[context] = False
        loop = context.loop
        if self._sweeping is not loop and loop is not None:
            self._sweeping = loop
            loop.call_later(self.TICK, self._sweep, loop)

    def forget(self, context: ServicerContext) -> None:
        """Stop watching a call, which has ended."""
        watcher = self._running.pop(context, None)
        if watcher and isinstance(watcher, asyncio.Task):
            watcher.cancel()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        for context, watcher in self._running.items():
            if watcher is False:
                self._running[context] = True
            elif watcher is True and context.wait_disconnected is not None:
                self._running[context] = loop.create_task(_watch(context, context.wait_disconnected))
        self._sweeping = loop if self._running else None
        if self._running:
            loop.call_later(self.TICK, self._sweep, loop)


async def _watch(context: ServicerContext, wait_disconnected: Callable[[], Awaitable[None]]) -> None:
    await wait_disconnected()
    context.interrupt(CLIENT_LEFT)
