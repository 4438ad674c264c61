"""What a worker is made of: listeners, and what the application keeps open or running for them.

Every part has the same lifecycle, so that a worker starts and ends all of them alike (see worker.py).
"""

import asyncio
from typing import NoReturn, Protocol


class PartError(Exception):
    """A part did not start, or ended by itself. Its text is one line."""


class Part(Protocol):
    """One part of a worker. Methods are called in the order in which they are listed, `close` in any case."""

    @property
    def name(self) -> str:
        """What the part is called in the log, without an article."""

    async def start(self) -> None:
        """Start. Return once the part is ready for the parts that start after it."""

    async def ended(self) -> object:
        """Return if the part ends before it is drained, which none should."""

    def drain(self) -> None:
        """Take no more work. What is in flight goes on."""

    async def idle(self) -> object:
        """Return once a drained part has nothing in flight. May be cancelled without consequences."""

    async def cancel(self) -> object:
        """Cancel what is in flight. Return once it has ended."""

    async def close(self) -> object:
        """Let go of everything, at once. Called exactly if `start` has returned."""


async def never() -> NoReturn:
    """Wait for ever: `Part.ended` of what cannot end by itself."""
    while True:
        await asyncio.Event().wait()
