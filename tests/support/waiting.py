"""Waits for a condition, for as long as a busy machine may take."""

import time
from collections.abc import Callable

WAIT = 15.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for the condition."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
