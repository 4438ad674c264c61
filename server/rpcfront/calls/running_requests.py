"""The requests that are being answered, so that a server that stops can wait for them and cancel them."""

import asyncio
from typing import Any


class RunningRequests:
    """The requests being answered on the event loop, by the listener and by the adapters."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._is_awaited = False

    def enter(self, task: "asyncio.Task[Any]") -> None:
        """Add the task that answers a request."""
        self._tasks.add(task)

    def leave(self, task: "asyncio.Task[Any]") -> None:
        """Remove a task, which has ended."""
        self._tasks.discard(task)
        if self._is_awaited and not self._tasks:
            self._idle.set()

    async def wait_idle(self) -> None:
        """Wait until there are none."""
        self._is_awaited = True
        while self._tasks:
            self._idle.clear()
            await self._idle.wait()

    def cancel(self) -> None:
        """Cancel those that are running. One that has just been created begins before that, so that it can respond."""
        for task in self._tasks:
            task.get_loop().call_soon(task.cancel)
