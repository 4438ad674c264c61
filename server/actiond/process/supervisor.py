"""Several workers: starts them, replaces those that die, and passes on the word to stop.

This process stays plain: one thread, no event loop, no database, no grpc. So a fork of it is a clean worker at any
time.
"""

import contextlib
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from actiond.process import child_process, console, shutdown

_log = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""A worker that dies so often in a row before it serves will not serve the next time either."""
STEADY_AFTER = 10.0
"""A worker that served for so many seconds is replaced without much of a wait."""
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
_HEARD = (*shutdown.STOP, signal.SIGCHLD)


@dataclass(slots=True)
class _Slot:
    """The place of one worker; processes come and go in it."""

    number: int
    child: child_process.Child | None = None
    serving_since: float | None = None
    due: float = 0.0
    """When the next one is started, while there is none."""
    deaths: int = 0
    """In a row, each before it had served for STEADY_AFTER."""
    failed_starts: int = 0
    """In a row, each before it served at all."""


class Supervisor:
    """`run` returns when every worker has ended."""

    def __init__(
        self, workers: int, grace: float, body: Callable[[int, int], NoReturn], announce: Callable[[], None]
    ) -> None:
        """`announce` is called once all workers serve.

        `body` is the life of a worker. It is given its number, which whoever replaces it gets too, and a pipe, to which
        it writes a byte once it serves.
        """
        self._slots = [_Slot(number) for number in range(1, workers + 1)]
        self._grace = grace
        self._body = body
        self._announce = announce
        self._announced = False
        self._words = 0
        """How often we were told to stop."""
        self._kill_at = float("inf")
        self._exit_code = 0

    def run(self) -> int:
        """Answers the exit code."""
        with _wakeup() as heard:
            while self._words == 0 or any(slot.child for slot in self._slots):
                self._start_due()
                self._wait(heard)
                self._take_signals(heard)
                self._take_reports()
                self._bury()
                self._kill_overdue()
        return self._exit_code

    def _start_due(self) -> None:
        for slot in self._slots:
            if slot.child is None and self._words == 0 and slot.due <= time.monotonic():
                shutdown.block()
                slot.serving_since = None
                slot.child = child_process.fork(partial(self._run_worker, slot.number))
                shutdown.unblock()

    def _run_worker(self, number: int, pipe: int) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for heard in _HEARD:
            signal.signal(heard, signal.SIG_DFL)
        for slot in self._slots:
            if slot.child is not None:
                os.close(slot.child.pipe)
        self._body(number, pipe)

    def _wait(self, heard: int) -> None:
        times = [slot.due for slot in self._slots if slot.child is None and self._words == 0]
        next_time = min([*times, self._kill_at])
        timeout = None if next_time == float("inf") else max(0.0, next_time - time.monotonic())
        starting = [slot.child.pipe for slot in self._slots if slot.child and slot.serving_since is None]
        select.select([heard, *starting], [], [], timeout)

    def _take_signals(self, heard: int) -> None:
        try:
            numbers = os.read(heard, 1024)
        except BlockingIOError:
            return
        for number in numbers:
            if number in shutdown.STOP:
                self._stop_workers()

    def _stop_workers(self) -> None:
        self._words += 1
        grace = self._grace if self._words == 1 else 0.0
        self._kill_at = min(self._kill_at, time.monotonic() + grace + shutdown.END_MARGIN)
        self._tell(shutdown.DRAIN if self._words == 1 else shutdown.END)

    def _tell(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.child is not None:
                os.kill(slot.child.pid, number)

    def _take_reports(self) -> None:
        for slot in self._slots:
            if slot.child is None or slot.serving_since is not None or not _readable(slot.child.pipe):
                continue
            if os.read(slot.child.pipe, 1):  # else it is dying
                slot.serving_since = time.monotonic()
                slot.failed_starts = 0
                _log.debug("worker %d (process %d) serves", slot.number, slot.child.pid)
        if not self._announced and self._words == 0 and all(slot.serving_since for slot in self._slots):
            self._announced = True
            self._announce()

    def _bury(self) -> None:
        for slot in self._slots:
            if slot.child is None:
                continue
            pid, status = os.waitpid(slot.child.pid, os.WNOHANG)
            if pid:
                os.close(slot.child.pipe)
                slot.child = None
                self._ended(slot, pid, os.waitstatus_to_exitcode(status))

    def _ended(self, slot: _Slot, pid: int, code: int) -> None:
        reason = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if self._words:
            if code:
                _log.error("worker %d (process %d) %s while stopping", slot.number, pid, reason)
            return
        now = time.monotonic()
        served = slot.serving_since is not None
        steady = slot.serving_since is not None and now - slot.serving_since >= STEADY_AFTER
        slot.serving_since = None
        slot.deaths = 1 if steady else slot.deaths + 1
        slot.failed_starts = 0 if served else slot.failed_starts + 1
        if slot.failed_starts >= START_ATTEMPTS and not (self._announced and self._any_serves()):
            console.fail(f"a worker failed to start {slot.failed_starts} times in a row")
            self._exit_code = 1
            self._stop_workers()
            return
        wait = min(FIRST_WAIT * 2 ** (slot.deaths - 1), LONGEST_WAIT)
        slot.due = now + wait
        _log.warning("worker %d (process %d) %s; the next starts in %g s", slot.number, pid, reason, wait)

    def _any_serves(self) -> bool:
        return any(slot.child and slot.serving_since for slot in self._slots)

    def _kill_overdue(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._kill_at = float("inf")
            self._exit_code = 1
            _log.error("killing the workers that have not ended")
            self._tell(signal.SIGKILL)


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


@contextlib.contextmanager
def _wakeup() -> Iterator[int]:
    """A descriptor from which each signal that arrives can be read as a byte, its number."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in _HEARD:
        signal.signal(number, lambda _number, _frame: None)
    shutdown.unblock()
    try:
        yield reading
    finally:
        shutdown.block()
        signal.set_wakeup_fd(-1)
        os.close(reading)
        os.close(writing)
