"""Runs long reads in a dedicated thread, each in a snapshot of the file."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from actiond.actions.errors import StoreError
from actiond.storage.sqlite.connection import DRIVER_ERRORS, roll_back, store_error

T = TypeVar("T")


class Reader:
    """Runs one read after the other on its own connection and thread, which starts with the first read."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        """Take ownership of the connection."""
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, name)
        self._closed = False

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run `read` in a read transaction and return its result. Raise StoreError."""
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, read)
        except DRIVER_ERRORS as exc:
            raise store_error(exc) from exc

    async def close(self) -> None:
        """Close the connection after the last read, and end the thread."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        self._connection.execute("BEGIN")
        try:
            return read(self._connection)
        finally:
            roll_back(self._connection)
