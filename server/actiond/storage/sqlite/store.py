"""The SQLite store: point reads on the event loop's thread, long reads on other threads, writes in batches."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from actiond.actions.deliveries import Attempt, DeliveryState, DeliveryTotals
from actiond.actions.errors import StoreError, StoreUnavailableError
from actiond.actions.events import Event
from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.instance_keys import InstanceKey
from actiond.actions.ports import FanOut, ObserveBatch, Transaction
from actiond.actions.public_keys import TargetPublicKeys
from actiond.actions.queries import (
    DeliveryFilter,
    DeliveryQuery,
    DeliveryRecord,
    ExecutionQuery,
    Page,
    TargetQuery,
    TargetReport,
)
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Admission, Token
from actiond.actions.watching import ChangePage
from actiond.storage.sqlite import (
    deliveries,
    delivery_changes,
    events,
    executions,
    instance,
    instance_keys,
    long_reads,
    signing_keys,
    targets,
    tokens,
)
from actiond.storage.sqlite.connection import BUSY_TIMEOUT, DRIVER_ERRORS, connect, create_privately, store_error
from actiond.storage.sqlite.files import DatabaseFiles, refuse_remains
from actiond.storage.sqlite.reader import Reader
from actiond.storage.sqlite.rows import Row, json_list
from actiond.storage.sqlite.schema import migrations, prepare
from actiond.storage.sqlite.shared import Shared
from actiond.storage.sqlite.tick_cache import TickCache
from actiond.storage.sqlite.writer import Writer
from actiond.storage.steady_clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Connections:
    writer: sqlite3.Connection
    point_reads: sqlite3.Connection
    lists: sqlite3.Connection
    snapshots: sqlite3.Connection


class SqliteStore:
    """Stores everything in one SQLite file, with four connections.

    One is for the writer's thread, one for point reads on the event loop, and two are for the threads of long reads.
    After an execution has changed, calls wait for a snapshot. Snapshots are read on a separate thread, so that a call
    never waits for a client's list.
    """

    def __init__(
        self,
        connections: _Connections,
        files: DatabaseFiles,
        *,
        busy_timeout: float,
        observe_batch: ObserveBatch | None,
        clock: Clock = time.time_ns,
    ) -> None:
        """Take ownership of connections to a prepared file; see `open`."""
        self._connections = connections
        self._files = files
        shared = Shared(files)
        self._log = shared.log
        self._writer = Writer(connections.writer, shared, busy_timeout, observe_batch, clock)
        self._cursor = connections.point_reads.cursor()
        self._list_reader = Reader(connections.lists, "actiond-lists", shared)
        self._snapshot_reader = Reader(connections.snapshots, "actiond-snapshots", shared)
        self._probe: asyncio.Future[None] | None = None
        """A change that finds out whether the store can write again."""
        self._admissions = TickCache(partial(self._read_admission, tokens.ADMISSION))
        self._certificate_admissions = TickCache(partial(self._read_admission, tokens.CERTIFICATE_ADMISSION))
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        busy_timeout: float = BUSY_TIMEOUT,
        observe_batch: ObserveBatch | None = None,
        clock: Clock = time.time_ns,
    ) -> "SqliteStore":
        """Open the file; create it or migrate its schema if needed. Blocks: call it before serving.

        busy_timeout: seconds to wait for another process's lock.
        observe_batch: called on the writer's thread after each batch, with the number of changes in it and of those
            still waiting.
        clock: nanoseconds since the epoch, by which deliveries are due.

        Raise StoreError, with a one-line text, if the file cannot be opened.
        """
        # Absolute, or SQLite may take a path that begins with "file:" for a URI; and with links resolved, or SQLite
        # would create the file that a link points to with another mode.
        path = path.resolve()
        with ExitStack() as opened:

            def opening(busy_timeout: float) -> sqlite3.Connection:
                return opened.enter_context(closing(connect(path, busy_timeout)))

            try:
                refuse_remains(path)
                create_privately(path)
                # The writer waits with `retry`.
                writer = opening(busy_timeout=0)
                prepare(writer, path, migrations())
                connections = _Connections(writer, *(opening(busy_timeout) for _ in range(3)))
                files = DatabaseFiles(path)
                store = cls(connections, files, busy_timeout=busy_timeout, observe_batch=observe_batch, clock=clock)
            except (OSError, *DRIVER_ERRORS) as exc:
                raise StoreError(f"cannot open {path}: {exc}") from exc
            opened.pop_all()
            return store

    async def write(self, change: Callable[[Transaction], T]) -> T:
        return await self._writer.submit(change)

    @property
    def waiting(self) -> int:
        """Number of changes waiting to be written."""
        return self._writer.waiting

    async def admit(self, selector: bytes) -> Admission:
        """Return the admission data, read once per iteration of the event loop (see TickCache)."""
        return self._admissions(selector)

    async def admit_certificate(self, certificate: str) -> Admission:
        """Return the admission data, read as those of `admit` are."""
        return self._certificate_admissions(certificate)

    async def target(self, owner: str, target_id: str) -> Target | None:
        return self._one(targets.from_row, targets.BY_ID, targets.key(owner, target_id))

    async def find_targets(self, owner: str, query: TargetQuery) -> Page[Target]:
        return await self._list_reader.run(partial(long_reads.find_targets, owner=owner, query=query), owner)

    async def signing_keys(self, target_ids: Sequence[str]) -> Mapping[str, Sequence[SigningKey]]:
        ids = json_list(target_ids)
        return await self._list_reader.run(
            lambda connection: signing_keys.by_target(connection.execute(signing_keys.OF_TARGETS, (ids,)))
        )

    async def public_keys(self, owner: str, target_id: str) -> TargetPublicKeys:
        return await self._list_reader.run(partial(long_reads.public_keys, owner=owner, target_id=target_id), owner)

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Page[Execution]:
        return await self._list_reader.run(partial(long_reads.find_executions, owner=owner, query=query), owner)

    async def execution_snapshot(self, owner: str) -> ExecutionSnapshot:
        return await self._snapshot_reader.run(partial(long_reads.execution_snapshot, owner=owner), owner)

    async def execution_revision(self, owner: str) -> int:
        return self._one(lambda row: int(row[0]), executions.REVISION, (owner,)) or 0

    async def newest_key_prefixes(self, length: int) -> Mapping[bytes, int]:
        return dict(await self._all(tuple, signing_keys.NEWEST_PREFIXES, (length,)))

    async def tokens(self) -> Sequence[Token]:
        return await self._all(tokens.from_row, tokens.ALL)

    async def instance_keys(self) -> Sequence[InstanceKey]:
        """Return the keys, read on the event loop's thread: calls wait for them, and there are few."""
        try:
            return [instance_keys.from_row(row) for row in self._cursor.execute(instance_keys.ALL).fetchall()]
        except DRIVER_ERRORS as exc:
            raise self._log.note(store_error(exc)) from exc

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        return await self._all(events.from_row, events.OF_AGGREGATE, (aggregate_type, aggregate_id))

    async def last_event(self, aggregate_type: str, aggregate_id: str) -> Event | None:
        return self._one(events.from_row, events.LAST_OF_AGGREGATE, (aggregate_type, aggregate_id))

    def deliver(self, fan_out: FanOut, on_enqueued: Callable[[], object]) -> None:
        self._writer.deliver(fan_out, on_enqueued)

    async def find_deliveries(self, owner: str, query: DeliveryQuery) -> Sequence[DeliveryRecord]:
        read = partial(long_reads.find_deliveries, owner=owner, query=query, now_ms=self._writer.now_ms())
        return await self._list_reader.run(read, owner)

    async def count_deliveries(self, owner: str, wanted: DeliveryFilter) -> Mapping[tuple[DeliveryState, str], int]:
        return await self._list_reader.run(partial(long_reads.count_deliveries, owner=owner, wanted=wanted), owner)

    async def delivery(self, owner: str, delivery_id: int) -> DeliveryRecord | None:
        read = partial(long_reads.delivery, owner=owner, delivery_id=delivery_id, now_ms=self._writer.now_ms())
        return await self._list_reader.run(read, owner)

    async def attempts(self, owner: str, delivery_id: int) -> Sequence[Attempt]:
        return await self._list_reader.run(partial(long_reads.attempts, owner=owner, delivery_id=delivery_id), owner)

    async def target_report(self, owner: str, target_id: str) -> TargetReport:
        return await self._list_reader.run(partial(long_reads.target_report, owner=owner, target_id=target_id), owner)

    async def delivery_changes(self, owner: str, wanted: DeliveryFilter, after: int, limit: int) -> ChangePage:
        return await self._list_reader.run(
            partial(delivery_changes.page, owner=owner, wanted=wanted, after=after, limit=limit), owner
        )

    async def last_delivery_change(self, owner: str) -> int:
        return self._one(lambda row: int(row[0]), delivery_changes.LAST_OF_OWNER, (owner,)) or 0

    async def delivery_totals(self) -> DeliveryTotals:
        due_in_ms = await self.next_due_in_ms()
        counts = await self._all(tuple, deliveries.TOTALS)
        paused = self._one(lambda row: int(row[0]), deliveries.PAUSED_TARGETS)
        by_state = {DeliveryState(state): count for state, count in counts}
        return DeliveryTotals(by_state, max(0, -(due_in_ms or 0)), paused or 0)

    async def next_due_in_ms(self) -> int | None:
        due_ms = self._one(lambda row: cast("int | None", row[0]), deliveries.NEXT_DUE)
        return None if due_ms is None else due_ms - self._writer.now_ms()

    async def ping(self) -> None:
        self._one(lambda row: row, instance.DEFAULT_OWNER)
        self._files.check()
        if self._writer.failure is not None:
            # Perhaps nobody calls an instance that is not ready.
            if self._probe is None or self._probe.done():
                self._probe = self._writer.submit(_write_nothing_new)
                self._probe.add_done_callback(lambda probe: probe.cancelled() or probe.exception())
            raise store_error(self._writer.failure)

    async def close(self) -> None:
        """Close the store; closing it again does nothing.

        Closing the last connection to a file, of any process, checkpoints the WAL, which takes time. So the last one is
        closed in a thread. The connections are closed one by one: of two that close at the same time, neither would
        notice that it is the last.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._files.check()
        except StoreUnavailableError:
            # Closing would move a log into the database that may be another process's by now, and delete it. The
            # writer's thread keeps its connection until the process ends.
            return
        self._connections.point_reads.close()
        await self._writer.close()
        await self._list_reader.close()
        await self._snapshot_reader.close()
        await asyncio.to_thread(self._connections.writer.close)
        self._files.close()

    def _read_admission(self, statement: str, key: bytes | str) -> Admission:
        try:
            self._files.check_now_and_then()
        except StoreUnavailableError as error:
            self._log.note(error)
            raise
        found = self._one(tokens.admission, statement, (key,))
        return Admission(None, 0) if found is None else found

    def _one(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> T | None:
        """Read the row with a unique key. `fetchone` then ends the statement, so no read transaction stays open."""
        try:
            row = self._cursor.execute(statement, parameters).fetchone()
            return None if row is None else decode(row)
        except DRIVER_ERRORS as exc:
            raise self._log.note(store_error(exc)) from exc

    async def _all(self, decode: Callable[[Row], T], statement: str, parameters: Row = ()) -> Sequence[T]:
        return await self._list_reader.run(
            lambda connection: [decode(row) for row in connection.execute(statement, parameters)]
        )


def _write_nothing_new(transaction: Transaction) -> None:
    instance = transaction.instance
    instance.set_default_owner(instance.default_owner() or "")
