"""Deadlines on waiting. A timer for each wait costs more than the rest of a call, so one sweep serves them all."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Deadlines:
    """Bounds the waits of many tasks on one event loop, each to within a quarter of a second."""

    TICK = 0.25
    """Seconds between sweeps; there is none while nobody waits."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._sweeping: asyncio.AbstractEventLoop | None = None

    async def wait(self, awaitable: Awaitable[T], seconds: float) -> T:
        """Awaits `awaitable` in the current task. Raises TimeoutError when it takes longer than `seconds`."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task")
        loop = asyncio.get_running_loop()
        self._due[task] = loop.time() + seconds
        if self._sweeping is not loop:
            self._sweeping = loop
            loop.call_later(self.TICK, self._sweep, loop)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if task in self._expired and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            # An error that comes out of granian's awaitable holds this frame, the frame would hold the awaitable, and
            # that the error: a circle that the garbage collector cannot see into.
            del awaitable
            del self._due[task]
            self._expired.discard(task)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in self._due.items():
            if due <= now and task not in self._expired:
                self._expired.add(task)
                task.cancel()
        self._sweeping = loop if self._due else None
        if self._due:
            loop.call_later(self.TICK, self._sweep, loop)
