"""Writes in batches: one thread takes all waiting changes, runs them in one transaction and commits once.

When idle, a change is written at once; under load, batches grow by themselves. A commit costs a disk sync, some 250 µs,
and a change about 15 µs, so batching is what makes writing fast.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from actiond.actions.errors import StoreError
from actiond.actions.ports import FanOut, ObserveBatch, Transaction
from actiond.storage.sqlite import deliveries, targets
from actiond.storage.sqlite.batch import Batch
from actiond.storage.sqlite.connection import BUSY_TIMEOUT, begin, empty_log, roll_back, store_error
from actiond.storage.sqlite.reader import MAX_SECONDS
from actiond.storage.sqlite.shared import Shared
from actiond.storage.sqlite.transaction import SqliteTransaction
from actiond.storage.steady_clock import Clock, SteadyClock

T = TypeVar("T")

MAX_WAL_BYTES = 64 * 1024 * 1024
"""Size of the write-ahead log at which it is emptied."""
MAX_EMPTYING_SECONDS = 0.25
"""How long changes wait for other processes so that the log can be emptied."""
MAX_ENQUEUED = 5_000
"""Deliveries after which a batch ends: one event may add a thousand."""
MAX_BATCH_SIZE = 512
"""Limits how long the first change of a batch waits for the last, and how long other processes wait for the lock."""

_log = logging.getLogger(__name__)

# A change may return anything; `submit` ties the type of its result to that of its future.
Change = Callable[[Transaction], Any]
Job = tuple[Change, "asyncio.Future[Any]"]
Outcome = tuple[Any, BaseException | None]


class Writer:
    """Runs changes on its own thread, which alone uses the connection until `close` has returned.

    Changes first run without a savepoint, which saves a fifth of the time: most changes that fail have not written
    anything yet, such as when a name is taken. If a change fails after it has written, the batch is rolled back and run
    again with a savepoint around each change.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        shared: Shared,
        busy_timeout: float = BUSY_TIMEOUT,
        observe_batch: ObserveBatch | None = None,
        clock: Clock = time.time_ns,
    ) -> None:
        self._clock = SteadyClock(clock)
        self._batch = Batch(self._clock)
        self._on_due: Callable[[], object] | None = None
        self._connection = connection
        self._files = shared.files
        self._snapshots = shared.snapshots
        self.failure: StoreError | None = None
        """Why nothing of the last batch was kept, if that was for a reason of the store's own."""
        self._log = shared.log
        self._checkpoint_at = MAX_WAL_BYTES
        """Size of the write-ahead log at which it is emptied."""
        self._cursor = connection.cursor()
        self._busy_timeout = busy_timeout
        self._observe_batch = observe_batch
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        """Changes to run. None is the last item, and ends the thread."""
        self._left: list[Job] = []
        """Changes that a batch has left to the next one."""
        self._closed = False
        # A daemon: a program that never called close() must still be able to exit.
        self._thread = threading.Thread(target=self._serve, name="actiond-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of waiting changes, as seen from another thread."""
        return self._queue.qsize()

    def deliver(self, fan_out: FanOut, on_due: Callable[[], object]) -> None:
        """See `Store.deliver`. `on_due` is called on the event loop of the changes."""
        self._batch.fan_out = fan_out
        self._on_due = on_due

    def now_ms(self) -> int:
        """Return the time by which deliveries are due."""
        return max(self._batch.now_ms, self._clock.ms())

    def submit(self, change: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """Return a future for the result of `change` after the commit. Cancelling it withdraws an unstarted change."""
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((change, future))
        return future

    async def close(self) -> None:
        """Finish the submitted changes and end the thread. Then its owner may use the connection again."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        # It may hold an open statement, which would keep the connection open.
        self._cursor.close()

    def _serve(self) -> None:
        while (first := self._left.pop(0) if self._left else self._queue.get()) is not None:
            jobs, outcomes = self._transact(first)
            # Read before the callers go on: what they then submit, and a close, are not of this batch.
            waiting = self.waiting
            # A program that gave up waiting may have closed the loop. Then no caller is left to notify.
            with suppress(RuntimeError):
                first[1].get_loop().call_soon_threadsafe(
                    _resolve, jobs, outcomes, self._on_due if self._batch.has_due else None
                )
            self._notify_observer(len(jobs), waiting)
            # Do not keep the changes, and what they refer to, alive until the next one arrives.
            del first, jobs, outcomes

    def _notify_observer(self, changes: int, waiting: int) -> None:
        if self._observe_batch is None:
            return
        try:
            self._observe_batch(changes, waiting)
        except Exception:  # noqa: BLE001, the thread must survive any error
            _log.exception("the observer of written batches failed")

    def _transact(self, first: Job) -> tuple[Sequence[Job], Sequence[Outcome]]:
        """Run a batch in a transaction. Never raises, because the thread must survive any error."""
        jobs = [first, *self._left]
        self._left = []
        try:
            try:
                self._files.check()
                begin(self._connection, self._busy_timeout)
            finally:
                # Include the changes that arrived during the wait for the lock; if it failed, they fail too.
                self._gather(jobs)
            jobs = [job for job in jobs if not job[1].cancelled()]
            outcomes = self._run(jobs)
            self._left = jobs[len(outcomes) :]
            jobs = jobs[: len(outcomes)]
            self._store_counts()
            self._connection.execute("COMMIT")
            # Again: it may have been removed meanwhile, and an answer means that the disk has the change.
            wal_bytes = self._files.check()
            self.failure = None
        except BaseException as exc:  # noqa: BLE001, every caller gets it
            roll_back(self._connection)
            self._batch.roll_back()
            self.failure = self._log.note(store_error(exc))
            return jobs, [(None, store_error(exc)) for _ in jobs]
        if wal_bytes > self._checkpoint_at:
            self._empty_log(wal_bytes)
        return jobs, outcomes

    def _empty_log(self, size: int) -> None:
        """Move the write-ahead log into the database, while no long read begins, and truncate it."""
        with self._snapshots.none(MAX_SECONDS):
            try:
                is_empty = empty_log(self._connection, MAX_EMPTYING_SECONDS)
            except sqlite3.Error as error:
                is_empty = False
                _log.warning("the write-ahead log could not be emptied: %s", error)
        if is_empty:
            self._checkpoint_at = MAX_WAL_BYTES
            return
        # It is tried again when the log has grown as much once more.
        self._checkpoint_at = size + MAX_WAL_BYTES
        if size > 2 * MAX_WAL_BYTES:
            _log.warning("the write-ahead log has %d MiB: another process has been reading for long", size >> 20)

    def _gather(self, jobs: list[Job]) -> None:
        """Add the waiting changes to the batch. Only this thread takes from the queue, so `get` never blocks."""
        while len(jobs) < MAX_BATCH_SIZE and not self._queue.empty():
            job = self._queue.get()
            if job is None:
                # Put back, to end the thread after this batch. It stays the last item, as close() allows none after it.
                self._queue.put(None)
                return
            jobs.append(job)

    def _store_counts(self) -> None:
        """Store the counts, once for the batch: a statement per change would be slow."""
        if self._batch.targets:
            self._cursor.executemany(targets.ADD_TO_COUNT, self._batch.targets.items())
        if self._batch.deliveries:
            self._cursor.executemany(deliveries.ADD_TO_COUNT, deliveries.counts_to_rows(self._batch.deliveries))

    def _run(self, jobs: Sequence[Job]) -> Sequence[Outcome]:
        self._batch.begin()
        try:
            return self._run_each(jobs, self._run_without_savepoint)
        except _PartialWriteError:
            roll_back(self._connection)
            self._batch.roll_back()
            begin(self._connection, self._busy_timeout)
            return self._run_each(jobs, self._run_with_savepoint)

    def _run_each(self, jobs: Sequence[Job], run: Callable[[Change], Outcome]) -> Sequence[Outcome]:
        """Return the outcomes of the changes, fewer of them if the batch has grown large."""
        outcomes: list[Outcome] = []
        for change, _ in jobs:
            outcomes.append(run(change))
            if self._batch.enqueued >= MAX_ENQUEUED:
                break
        return outcomes

    def _run_without_savepoint(self, change: Change) -> Outcome:
        written = self._connection.total_changes
        outcome = self._attempt(change)
        if outcome[1] is not None and self._connection.total_changes != written:
            raise _PartialWriteError
        return outcome

    def _run_with_savepoint(self, change: Change) -> Outcome:
        self._cursor.execute("SAVEPOINT change")
        outcome = self._attempt(change)
        if outcome[1] is not None:
            self._cursor.execute("ROLLBACK TO change")
        self._cursor.execute("RELEASE change")
        return outcome

    def _attempt(self, change: Change) -> Outcome:
        transaction = SqliteTransaction(self._cursor, self._batch)
        outcome: Outcome
        try:
            outcome = change(transaction), None
            if transaction.failure is None:
                transaction.check()
        except StopIteration as exc:
            outcome = None, RuntimeError(f"the change raised {exc!r}")  # a future refuses StopIteration (PEP 479)
        except BaseException as exc:  # noqa: BLE001, the caller gets it
            outcome = None, exc
        failure = transaction.failure
        transaction.end()
        if failure is None:
            if outcome[1] is None:
                transaction.keep()
            else:
                transaction.undo()
            return outcome
        transaction.undo()
        if not self._connection.in_transaction:
            # SQLite has rolled back the whole transaction, as for a full disk. Each later change would be committed
            # on its own.
            raise failure
        return None, outcome[1] or store_error(failure)


class _PartialWriteError(Exception):
    """A change failed after it had written, which only a rollback of the whole batch can undo."""


def _resolve(jobs: Sequence[Job], outcomes: Sequence[Outcome], on_due: Callable[[], object] | None) -> None:
    """Set the results of a batch's futures, in one callback on the event loop."""
    if on_due is not None:
        on_due()
    for (_, future), (result, error) in zip(jobs, outcomes, strict=True):
        if future.done():
            continue  # its caller was cancelled
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
