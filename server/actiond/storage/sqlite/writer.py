"""Gathers writes: one thread takes all the changes that wait, runs them in one transaction and commits once.

Idle, a change goes at once; under load the batch grows by itself. A commit costs a sync of the disk, some 250 µs, a
change about 15 µs: so it is the batch that makes writing fast.
"""

import asyncio
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from actiond.actions.errors import StoreError
from actiond.actions.ports import Transaction
from actiond.storage.sqlite import targets
from actiond.storage.sqlite.connection import BUSY_TIMEOUT, begin, roll_back, store_error
from actiond.storage.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

BATCH_LIMIT = 512
"""Bounds how long the first change of a batch waits for the last, and how long other processes wait for the lock."""

_log = logging.getLogger(__name__)

# Told of each batch: the number of changes in it, and of those that wait. It runs on the writer's thread.
ObserveBatch = Callable[[int, int], None]

# A change may answer anything; `submit` is what ties its type to its future's.
Change = Callable[[Transaction], Any]
Job = tuple[Change, "asyncio.Future[Any]"]
Outcome = tuple[Any, BaseException | None]


class Writer:
    """The thread. The connection is its alone until `close` has returned.

    Changes run without a savepoint, which saves a fifth of the time: almost all that fail have written nothing by then
    (a name is taken). When one did write and then failed, the batch is rolled back and runs again with a savepoint
    around each.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        busy_timeout: float = BUSY_TIMEOUT,
        observe_batch: ObserveBatch | None = None,
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._busy_timeout = busy_timeout
        self._observe_batch = observe_batch
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        """None comes last, and ends the thread."""
        self._growth: Counter[str] = Counter()
        """How many targets more there are after this batch, by owner: a statement of its own would cost each change."""
        self._closed = False
        # A daemon: a program that never came to close() must still be able to exit.
        self._thread = threading.Thread(target=self._serve, name="actiond-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many changes wait, as far as another thread can tell."""
        return self._queue.qsize()

    def submit(self, change: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """What `change` will have returned once it is committed. Cancelling it takes back a change not yet begun."""
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((change, future))
        return future

    async def close(self) -> None:
        """Finishes what was submitted, then ends the thread. The connection is its owner's again."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        # It may hold a statement, and a connection is not closed before its statements are.
        self._cursor.close()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs, outcomes = self._transact(first)
            # The loop may have been closed by a program that gave up waiting: then nobody is left to be told.
            with suppress(RuntimeError):
                first[1].get_loop().call_soon_threadsafe(_deliver, jobs, outcomes)
            self._tell(len(jobs))
            # What a change holds on to must not live until the next one comes.
            del first, jobs, outcomes

    def _tell(self, changes: int) -> None:
        if self._observe_batch is None:
            return
        try:
            self._observe_batch(changes, self.waiting)
        except Exception:  # noqa: BLE001, the thread must outlive whatever happens
            _log.exception("a batch of changes could not be counted")

    def _transact(self, first: Job) -> tuple[Sequence[Job], Sequence[Outcome]]:
        """Never raises: the thread must outlive whatever happens."""
        jobs = [first]
        try:
            try:
                begin(self._connection, self._busy_timeout)
            finally:
                # Those that came while the lock was waited for share its fate.
                self._gather(jobs)
            jobs = [job for job in jobs if not job[1].cancelled()]
            outcomes = self._run(jobs)
            self._cursor.executemany(targets.ADD_TO_COUNT, self._growth.items())
            self._connection.execute("COMMIT")
        except BaseException as exc:  # noqa: BLE001, it comes out at every caller
            roll_back(self._connection)
            outcomes = [(None, store_error(exc)) for _ in jobs]
        return jobs, outcomes

    def _gather(self, jobs: list[Job]) -> None:
        """Takes what waits. Only this thread takes, so what is there stays there."""
        while len(jobs) < BATCH_LIMIT and not self._queue.empty():
            job = self._queue.get()
            if job is None:
                # It must be the last; and close() has put it, so nothing follows.
                self._queue.put(None)
                return
            jobs.append(job)

    def _run(self, jobs: Sequence[Job]) -> Sequence[Outcome]:
        self._growth.clear()
        try:
            return [self._run_bare(change) for change, _ in jobs]
        except _LeftTracesError:
            roll_back(self._connection)
            self._growth.clear()
            begin(self._connection, self._busy_timeout)
            return [self._run_guarded(change) for change, _ in jobs]

    def _run_bare(self, change: Change) -> Outcome:
        written = self._connection.total_changes
        outcome = self._attempt(change)
        if outcome[1] is not None and self._connection.total_changes != written:
            raise _LeftTracesError
        return outcome

    def _run_guarded(self, change: Change) -> Outcome:
        self._cursor.execute("SAVEPOINT change")
        outcome = self._attempt(change)
        if outcome[1] is not None:
            self._cursor.execute("ROLLBACK TO change")
        self._cursor.execute("RELEASE change")
        return outcome

    def _attempt(self, change: Change) -> Outcome:
        transaction = SqliteTransaction(self._cursor)
        outcome: Outcome
        try:
            outcome = change(transaction), None
            if transaction.failure is None:
                transaction.check()
        except StopIteration as exc:
            outcome = None, RuntimeError(f"the change raised {exc!r}")  # which no future takes (PEP 479)
        except BaseException as exc:  # noqa: BLE001, it comes out at the caller
            outcome = None, exc
        failure = transaction.failure
        transaction.end()
        if failure is None:
            if outcome[1] is None:
                for owner, more in transaction.targets.growth.items():
                    self._growth[owner] += more
            return outcome
        if not self._connection.in_transaction:
            # SQLite gave up the whole transaction, as for a full disk. What follows would each be committed alone.
            raise failure
        return None, outcome[1] or store_error(failure)


class _LeftTracesError(Exception):
    """A change failed after it had written, and nothing but a rollback of the batch takes that away."""


def _deliver(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Runs on the loop, once for the whole batch."""
    for (_, future), (answer, error) in zip(jobs, outcomes, strict=True):
        if future.done():
            continue  # its caller was cancelled
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)
