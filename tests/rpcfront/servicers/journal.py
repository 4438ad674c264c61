"""What befell each call, written down by servicers and read by tests."""

import asyncio
import threading
from collections import defaultdict

PATIENCE = 20.0
"""Seconds before a wait for what ought to happen is given up."""


class Journal:
    """What happened to each call, by its id. Written on any thread."""

    def __init__(self) -> None:
        self._entries: defaultdict[str, list[str]] = defaultdict(list)
        self._changed = threading.Condition()

    def write(self, call: str, entry: str) -> None:
        with self._changed:
            self._entries[call].append(entry)
            self._changed.notify_all()

    def entries(self, call: str) -> list[str]:
        with self._changed:
            return list(self._entries[call])

    async def until(self, call: str, *entries: str) -> None:
        """Returns when all of the entries are there."""

        def complete() -> bool:
            return set(entries) <= set(self._entries[call])

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(complete, PATIENCE)

        assert await asyncio.to_thread(wait), f"of {entries} only {self.entries(call)} happened"
