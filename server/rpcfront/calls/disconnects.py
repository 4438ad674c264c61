"""Sees clients leave while their calls run, and ends those calls.

Watching costs a task, more than most calls need in all. So it begins only with calls that have run for a while.
"""

import asyncio
from collections.abc import Awaitable, Callable

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.lifetime import CLIENT_LEFT


class Disconnects:
    """The calls that run on one event loop, and who watches over them."""

    TICK = 0.025
    """Seconds between sweeps; a call is watched from the second sweep on that finds it running."""

    def __init__(self) -> None:
        self._running: dict[ServicerContext, asyncio.Task[None] | bool] = {}
        """Of each call its watcher; before that, whether a sweep has found it."""
        self._sweeping: asyncio.AbstractEventLoop | None = None

    def watch(self, context: ServicerContext) -> None:
        """From now on. A call whose face cannot tell is not watched."""
        if context.wait_disconnected is None:
            return
        self._running[context] = False
        loop = context.loop
        if self._sweeping is not loop and loop is not None:
            self._sweeping = loop
            loop.call_later(self.TICK, self._sweep, loop)

    def forget(self, context: ServicerContext) -> None:
        """The call has ended."""
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
