"""The lifecycle of a worker: a list of parts, started in order and closed in reverse.

It knows neither what the parts do nor how a process receives its signals (see worker_process.py).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from actiond.process.parts import Part, PartError
from actiond.process.shutdown import Shutdown

_log = logging.getLogger(__name__)

LAST_RESPONSES = 1.0
"""Seconds for the last responses, of calls that were cancelled, to reach their clients."""


class Worker:
    """Parts in the order in which they start: each may use those before it."""

    def __init__(self, parts: Sequence[Part], shutdown: Shutdown, grace_period: float) -> None:
        self._parts = parts
        self._shutdown = shutdown
        self._grace_period = grace_period

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Start all parts, and close them in the end. If one fails to start, close those before it."""
        async with AsyncExitStack() as closing:
            for part in self._parts:
                await part.start()
                closing.push_async_callback(part.close)
            yield

    async def wait_for_shutdown(self) -> None:
        """Return when a shutdown begins. Raise PartError when a part ends before."""
        ended = {asyncio.ensure_future(part.ended()): part for part in self._parts}
        try:
            await _first(self._shutdown.draining.wait(), *ended)
            if self._shutdown.draining.is_set():
                return
            for task, part in ended.items():
                if task.done():
                    raise PartError(f"the {part.name} ended by itself") from task.exception()
        finally:
            for task in ended:
                task.cancel()

    async def drain(self) -> None:
        """Let what is in flight finish within the grace period, then cancel it."""
        _log.info("draining: in-flight calls have %g s to finish", self._grace_period)
        for part in self._parts:
            part.drain()
        idle = asyncio.ensure_future(self._idle())
        await _first(idle, self._shutdown.grace_over.wait(), within=self._grace_period)
        if idle.done():
            idle.result()
            return
        _log.warning("the grace period is over: cancelling in-flight calls")
        idle.cancel()
        await self._cancel()

    async def _idle(self) -> None:
        """Wait for the parts in reverse: one that is idle may still be given work by those after it."""
        for part in reversed(self._parts):
            try:
                await part.idle()
            except Exception:  # noqa: BLE001  # the other parts are waited for all the same
                _log.exception("the %s failed while draining", part.name)

    async def _cancel(self) -> None:
        cancelled = {asyncio.ensure_future(part.cancel()): part for part in self._parts}
        # A client that does not read its last response is not waited for, nor is a stuck thread.
        done, _ = await asyncio.wait(cancelled, timeout=LAST_RESPONSES)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("the %s failed while cancelling", cancelled[task].name, exc_info=error)


async def _first(*awaitables: Awaitable[Any], within: float | None = None) -> None:
    """Wait until one of them is done. The others go on, unless they were coroutines: those are cancelled."""
    tasks = {asyncio.ensure_future(awaitable) for awaitable in awaitables}
    await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks.difference(awaitables):
        task.cancel()
