"""Waits for a condition, long enough for a busy machine."""

import asyncio
import time
from collections.abc import Callable

WAIT = 15.0


def until(condition: Callable[[], bool], what: str, seconds: float = WAIT) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


async def async_until(condition: Callable[[], bool], what: str, seconds: float = WAIT) -> None:
    """Wait until the condition holds, and let the loop run meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.01)
