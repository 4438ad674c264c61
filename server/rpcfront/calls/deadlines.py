"""Deadlines on waiting. A timer for each wait would cost more than the rest of a call, so one sweep serves them all."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


def current_task() -> "asyncio.Task[Any]":
    """Return the running task. This takes a quarter of a microsecond, so callers pass the task on once they have it."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("no task is running")
    return task


class Deadlines:
    """Bounds the waits of many tasks on one event loop, to a quarter of a second more or less."""

    TICK = 0.25
    """Seconds between sweeps; there are none while no task waits."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._sweeping: asyncio.AbstractEventLoop | None = None

    def enter(self, task: "asyncio.Task[Any]", seconds: float) -> None:
        """Bound what a task waits for, from now until `leave`."""
        self._due[task] = time.monotonic() + seconds
        loop = task.get_loop()
        if self._sweeping is not loop:
            self._sweeping = loop
            loop.call_later(self.TICK, self._sweep, loop)

    def is_expired(self, task: "asyncio.Task[Any]") -> bool:
        """Return whether the deadline alone has cancelled the task, and take that cancellation back."""
        return task in self._expired and task.uncancel() == 0

    def leave(self, task: "asyncio.Task[Any]") -> None:
        """End the bound of a task: what it waited for has come, or never will."""
        del self._due[task]
        if self._expired:
            self._expired.discard(task)

    async def wait(self, awaitable: Awaitable[T], seconds: float) -> T:
        """Await `awaitable` in the current task. Raises TimeoutError when it takes longer than `seconds`."""
        task = current_task()
        self.enter(task, seconds)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self.is_expired(task):
                raise TimeoutError from None
            raise
        finally:
            # An error from granian's awaitable refers to this frame, the frame would refer to the awaitable, and that
            # to the error: a cycle that the garbage collector cannot see.
            del awaitable
            self.leave(task)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for task, due in self._due.items():
            if due <= now and task not in self._expired:
                self._expired.add(task)
                task.cancel()
        self._sweeping = loop if self._due else None
        if self._due:
            loop.call_later(self.TICK, self._sweep, loop)
