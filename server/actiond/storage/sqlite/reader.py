"""Runs long reads in a dedicated thread, each in a snapshot of the file."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import TypeVar

from actiond.actions.errors import ListTooSlowError, StoreError
from actiond.fairness import FairSlots
from actiond.storage.sqlite.connection import DRIVER_ERRORS, roll_back, store_error
from actiond.storage.sqlite.shared import Shared

T = TypeVar("T")

MAX_SECONDS = 5.0
"""How long one read may take. What a list costs is its client's choice, and others wait."""
_INSTRUCTIONS = 10_000
"""SQLite's, between two looks at the clock: some 100 µs."""


class Reader:
    """Runs one read after the other on its own connection and thread, which starts with the first read."""

    def __init__(self, connection: sqlite3.Connection, name: str, shared: Shared) -> None:
        """Take ownership of the connection."""
        self._log = shared.log
        self._connection = connection
        self._snapshots = shared.snapshots
        self._max_seconds = MAX_SECONDS
        self._deadline = inf
        self._turns = FairSlots(1)
        connection.set_progress_handler(self._is_late, _INSTRUCTIONS)
        self._thread = ThreadPoolExecutor(1, name)
        self._closed = False

    async def run(self, read: Callable[[sqlite3.Connection], T], owner: str = "") -> T:
        """Run `read` in a read transaction and return its result. Raise StoreError, and ListTooSlowError.

        owner: whose read it is. Owners take turns, so that the reads of one hold up those of others by one at most.
        """
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await self._in_turn(read, owner)
        except DRIVER_ERRORS as exc:
            if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise ListTooSlowError from None
            raise self._log.note(store_error(exc)) from exc

    async def close(self) -> None:
        """Close the connection after the last read, and end the thread."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    async def _in_turn(self, read: Callable[[sqlite3.Connection], T], owner: str) -> T:
        await self._turns.acquire(owner)
        if self._closed:
            self._turns.release(owner)
            raise StoreError("the store is closed")
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._read, read)
        # The turn ends with the read, also if its caller is cancelled before.
        running.add_done_callback(lambda _: self._turns.release(owner))
        return await asyncio.shield(running)

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        with self._snapshots.one():
            self._deadline = time.monotonic() + self._max_seconds
            self._connection.execute("BEGIN")
            try:
                return read(self._connection)
            finally:
                self._deadline = inf
                roll_back(self._connection)

    def _is_late(self) -> bool:
        """Tell SQLite whether to interrupt the statement."""
        return time.monotonic() > self._deadline
