"""The SQLite store: point reads on the loop's thread, long ones on a thread of their own, writes gathered."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from server.actions.errors import StoreError
from server.actions.events import Event
from server.actions.ports import Transaction
from server.actions.targets import Target
from server.actions.tokens import Token
from server.storage.sqlite import rows
from server.storage.sqlite.connection import DRIVER_ERRORS, PATIENCE, connect, create_privately, store_error
from server.storage.sqlite.rows import Row
from server.storage.sqlite.schema import migrations, prepare
from server.storage.sqlite.writer import Writer

T = TypeVar("T")


class SqliteStore:
    """Three connections: one each for the writer's thread, the loop's point reads and the long reads' thread."""

    def __init__(
        self, writing: sqlite3.Connection, pointing: sqlite3.Connection, listing: sqlite3.Connection, patience: float
    ) -> None:
        """Takes over connections to a prepared file; `open` makes them."""
        self._writing = writing
        self._writer = Writer(writing, patience)
        self._pointing = pointing
        self._cursor = pointing.cursor()
        self._listing = listing
        self._listing_thread = ThreadPoolExecutor(1, "actiond-reads")
        self._tokens_of_turn: dict[bytes, Token | None] = {}
        self._closed = False

    @classmethod
    def open(cls, path: Path, patience: float = PATIENCE) -> "SqliteStore":
        """Opens the file, made and brought up to date if need be. `patience` is how long a lock is waited for.

        Raises StoreError, with one line that says why, when that cannot be. It blocks: call it before serving.
        """
        # Absolute, or the library may take a path that begins with "file:" for a URI; and where a link leads, or SQLite
        # would make the file there with a mode of its own.
        path = path.resolve()
        with ExitStack() as opened:

            def opening(patience: float) -> sqlite3.Connection:
                return opened.enter_context(closing(connect(path, patience)))

            try:
                create_privately(path)
                # `retry` does the waiting for the writer.
                writing = opening(patience=0)
                prepare(writing, path, migrations())
                store = cls(writing, opening(patience), opening(patience), patience)
            except (OSError, *DRIVER_ERRORS) as exc:
                raise StoreError(f"cannot open {path}: {exc}") from exc
            opened.pop_all()
            return store

    async def write(self, change: Callable[[Transaction], T]) -> T:
        return await self._writer.submit(change)

    async def target(self, owner: str, target_id: str) -> Target | None:
        return self._one(rows.target_of, rows.TARGET_BY_ID, (target_id, owner))

    async def token(self, selector: bytes) -> Token | None:
        """Read once for all the calls that this turn of the loop has before it.

        The loop runs what is queued in order. A call that is sent after a revocation was acknowledged is queued behind
        the forgetting of every token that was read before, so it never meets one of them; and under load, where each
        read would hand the interpreter to another thread, most calls find theirs read.
        """
        try:
            return self._tokens_of_turn[selector]
        except KeyError:
            if not self._tokens_of_turn:
                asyncio.get_running_loop().call_soon(self._tokens_of_turn.clear)
            token = self._one(rows.token_of, rows.TOKEN_BY_SELECTOR, (selector,))
            self._tokens_of_turn[selector] = token
            return token

    async def tokens(self) -> Sequence[Token]:
        return await self._all(rows.token_of, rows.ALL_TOKENS)

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        return await self._all(rows.event_of, rows.EVENTS_OF_AGGREGATE, (aggregate_type, aggregate_id))

    async def ping(self) -> None:
        self._one(lambda row: row, rows.DEFAULT_OWNER)

    async def close(self) -> None:
        """Doing it twice is no error."""
        if self._closed:
            return
        self._closed = True
        self._pointing.close()
        await self._writer.close()
        await asyncio.get_running_loop().run_in_executor(self._listing_thread, self._close_connections)
        self._listing_thread.shutdown()

    def _close_connections(self) -> None:
        """Behind the last long read. The last connection to a file, whoever's it is, brings the WAL into it.

        So it is not closed on the loop; and two that were closed at once would each take the other for the last.
        """
        self._listing.close()
        self._writing.close()

    def _one(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> T | None:
        """The row of a unique key. With it `fetchone` meets the end of the rows, so no snapshot stays open."""
        try:
            row = self._cursor.execute(statement, parameters).fetchone()
            return None if row is None else decode(row)
        except DRIVER_ERRORS as exc:
            raise store_error(exc) from exc

    async def _all(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> Sequence[T]:
        def read() -> Sequence[T]:
            return [decode(row) for row in self._listing.execute(statement, parameters)]

        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._listing_thread, read)
        except DRIVER_ERRORS as exc:
            raise store_error(exc) from exc
