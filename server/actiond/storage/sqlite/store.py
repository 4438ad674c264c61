"""The SQLite store: point reads on the loop's thread, long ones on threads of their own, writes gathered."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.executions import Execution, Runnable
from actiond.actions.ports import Transaction
from actiond.actions.queries import ExecutionQuery, Found, TargetQuery
from actiond.actions.targets import Target
from actiond.actions.tokens import Token
from actiond.storage.sqlite import lists
from actiond.storage.sqlite.connection import DRIVER_ERRORS, PATIENCE, connect, create_privately, store_error
from actiond.storage.sqlite.reader import Reader
from actiond.storage.sqlite.rows import Row, events, instance, targets, tokens
from actiond.storage.sqlite.schema import migrations, prepare
from actiond.storage.sqlite.tick_cache import OncePerTurn
from actiond.storage.sqlite.writer import ObserveBatch, Writer

T = TypeVar("T")


class SqliteStore:
    """Four connections: for the writer's thread, for the loop's point reads, and for two threads of long reads.

    Calls wait for `runnable` when an execution has changed: it does not stand behind somebody's list.
    """

    def __init__(
        self,
        writing: sqlite3.Connection,
        pointing: sqlite3.Connection,
        listing: sqlite3.Connection,
        running: sqlite3.Connection,
        *,
        patience: float,
        observe_batch: ObserveBatch | None,
    ) -> None:
        """Takes over connections to a prepared file; `open` makes them."""
        self._writing = writing
        self._writer = Writer(writing, patience, observe_batch)
        self._pointing = pointing
        self._cursor = pointing.cursor()
        self._lists = Reader(listing, "actiond-lists")
        self._runs = Reader(running, "actiond-runs")
        self._token = OncePerTurn(self._read_token)
        self._revision = OncePerTurn(self._read_revision)
        self._closed = False

    @classmethod
    def open(cls, path: Path, patience: float = PATIENCE, observe_batch: ObserveBatch | None = None) -> "SqliteStore":
        """Opens the file, made and brought up to date if need be. `patience` is how long a lock is waited for.

        `observe_batch` is called from the writer's thread after each batch, with the number of changes in it and the
        number that wait.

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
                pointing, listing, running = (opening(patience) for _ in range(3))
                store = cls(writing, pointing, listing, running, patience=patience, observe_batch=observe_batch)
            except (OSError, *DRIVER_ERRORS) as exc:
                raise StoreError(f"cannot open {path}: {exc}") from exc
            opened.pop_all()
            return store

    async def write(self, change: Callable[[Transaction], T]) -> T:
        return await self._writer.submit(change)

    @property
    def waiting(self) -> int:
        """How many changes wait for the writer."""
        return self._writer.waiting

    async def target(self, owner: str, target_id: str) -> Target | None:
        return self._one(targets.of, targets.BY_ID, targets.key(owner, target_id))

    async def find_targets(self, owner: str, query: TargetQuery) -> Found[Target]:
        return await self._lists.run(partial(lists.find_targets, owner=owner, query=query))

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Found[Execution]:
        return await self._lists.run(partial(lists.find_executions, owner=owner, query=query))

    async def executions_revision(self) -> int:
        """Read once per turn of the loop, which see."""
        return self._revision(None)

    async def runnable(self, owner: str) -> Runnable:
        return await self._runs.run(partial(lists.runnable, owner=owner))

    async def token(self, selector: bytes) -> Token | None:
        """Read once per turn of the loop, which see."""
        return self._token(selector)

    async def tokens(self) -> Sequence[Token]:
        return await self._all(tokens.of, tokens.ALL)

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        return await self._all(events.of, events.OF_AGGREGATE, (aggregate_type, aggregate_id))

    async def ping(self) -> None:
        self._one(lambda row: row, instance.DEFAULT_OWNER)

    async def close(self) -> None:
        """Doing it twice is no error.

        The last connection to a file, whoever's it is, brings the WAL into it. So it is not closed on the loop; and two
        that were closed at once would each take the other for the last.
        """
        if self._closed:
            return
        self._closed = True
        self._pointing.close()
        await self._writer.close()
        await self._lists.close()
        await self._runs.close()
        await asyncio.to_thread(self._writing.close)

    def _read_token(self, selector: bytes) -> Token | None:
        return self._one(tokens.of, tokens.BY_SELECTOR, (selector,))

    def _read_revision(self, _: None) -> int:
        return self._one(lambda row: int(row[0]), instance.EXECUTIONS_REVISION) or 0

    def _one(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> T | None:
        """The row of a unique key. With it `fetchone` meets the end of the rows, so no snapshot stays open."""
        try:
            row = self._cursor.execute(statement, parameters).fetchone()
            return None if row is None else decode(row)
        except DRIVER_ERRORS as exc:
            raise store_error(exc) from exc

    async def _all(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> Sequence[T]:
        return await self._lists.run(
            lambda connection: [decode(row) for row in connection.execute(statement, parameters)]
        )
