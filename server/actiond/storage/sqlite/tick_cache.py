"""Reads that all the calls of one turn of the event loop share."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class OncePerTurn(Generic[K, V]):
    """Reads a key once for all the calls that this turn of the loop has before it.

    The loop runs what is queued in order. A call that is sent after a change was acknowledged is queued behind the
    forgetting of all that was read before, so it never meets what the change has made wrong; and under load, where each
    read would hand the interpreter to another thread, most calls find theirs read.
    """

    __slots__ = ("_found", "_read")

    def __init__(self, read: Callable[[K], V]) -> None:
        self._read = read
        self._found: dict[K, V] = {}

    def __call__(self, key: K) -> V:
        try:
            return self._found[key]
        except KeyError:
            if not self._found:
                asyncio.get_running_loop().call_soon(self._found.clear)
            found = self._found[key] = self._read(key)
            return found
