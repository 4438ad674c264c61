"""A cache whose entries live for one iteration of the event loop."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class TickCache(Generic[K, V]):
    """Reads a key once for all calls that run in the same iteration of the event loop.

    The loop runs callbacks in the order in which they were queued. A call sent after a change was acknowledged is
    queued after the callback that clears the cache, so it never sees an older state. Under load, where each read would
    release the interpreter lock to another thread, most calls find their key in the cache.
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
