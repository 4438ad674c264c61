"""The supervisor of several workers: start them, replace those that die or hang, pass on the signal to stop.

This process stays plain: one thread, no event loop, no database, no grpc. So a fork of it is a clean worker at any
time.
"""

import contextlib
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from actiond.process import child_process, console, service_manager, shutdown
from actiond.process.heartbeat import BEAT_SECONDS, MAX_SILENCE, Heartbeats, Silence, thread_state
from actiond.telemetry import standard_streams

_log = logging.getLogger(__name__)

MAX_START_ATTEMPTS = 3
"""Consecutive deaths of a worker before it serves, after which the start of the whole has failed."""
STEADY_AFTER = 10.0
"""Seconds of service after which the delay before a replacement is back at its minimum."""
MIN_DELAY, MAX_DELAY = 0.1, 10.0
"""Seconds before a replacement is started; each restart in a row doubles them."""


@dataclass(slots=True)
class _Slot:
    """One worker and the processes that run it, one after another."""

    number: int
    child: child_process.Child | None = None
    serving_since: float | None = None
    silence: Silence | None = None
    """Of the process's event loop, while it is watched."""
    due: float = 0.0
    """When the next process is started, while there is none."""
    restarts: int = 0
    """Consecutive ones, each of a process that had served for less than STEADY_AFTER."""
    failed_starts: int = 0
    """Consecutive ones, each of a process that never served."""

    def watch(self) -> Silence | None:
        """Return what watches the event loop of the process that serves now."""
        return None if self.child is None else Silence(partial(thread_state, self.child.pid, self.child.pid))


class Supervisor:
    """Runs workers until a signal stops them."""

    def __init__(
        self,
        heartbeats: Heartbeats,
        grace_period: float,
        body: Callable[[int, int], NoReturn],
        on_serving: Callable[[], object],
        *,
        passed_on: frozenset[signal.Signals] = frozenset(),
    ) -> None:
        """Take what a worker process runs, `body`, and what is called once all workers serve, `on_serving`.

        `body` is given the worker's number, which its replacement gets too, and a pipe, to which it writes a byte once
        it serves. From then on it beats. The signals of `passed_on` go to every worker, and mean nothing to the
        supervisor.
        """
        self._heartbeats = heartbeats
        self._passed_on = passed_on
        self._handled = (*shutdown.STOP, signal.SIGCHLD, *passed_on)
        self._slots = [_Slot(number) for number in range(1, heartbeats.workers + 1)]
        self._grace_period = grace_period
        self._body = body
        self._on_serving = on_serving
        self._has_served = False
        """Whether all workers have served at once. What ends them afterwards may pass, however often it does."""
        self._stop_signals = 0
        """How many signals to stop have arrived."""
        self._kill_at = float("inf")
        self._exit_code = 0

    def run(self) -> int:
        """Return the exit code, once every worker has ended."""
        with _wakeup(self._handled) as wakeup:
            while self._stop_signals == 0 or any(slot.child for slot in self._slots):
                self._start_due()
                self._wait(wakeup)
                self._handle_signals(wakeup)
                self._read_reports()
                self._reap()
                self._kill_hanging()
                self._kill_overdue()
        return self._exit_code

    def _start_due(self) -> None:
        for slot in self._slots:
            if slot.child is None and self._stop_signals == 0 and slot.due <= time.monotonic():
                shutdown.block()
                slot.serving_since = slot.silence = None
                slot.child = child_process.spawn(partial(self._run_worker, slot.number))
                shutdown.unblock()

    def _run_worker(self, number: int, pipe: int) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for handled in self._handled:
            signal.signal(handled, signal.SIG_DFL)
        for slot in self._slots:
            if slot.child is not None:
                os.close(slot.child.pipe)
        self._body(number, pipe)

    def _wait(self, wakeup: int) -> None:
        times = [slot.due for slot in self._slots if slot.child is None and self._stop_signals == 0]
        next_time = min([*times, self._kill_at])
        standard_streams.pump()
        timeout = min(BEAT_SECONDS, max(0.0, next_time - time.monotonic()))
        starting = [slot.child.pipe for slot in self._slots if slot.child and slot.serving_since is None]
        select.select([wakeup, *starting], [], [], timeout)

    def _handle_signals(self, wakeup: int) -> None:
        try:
            numbers = os.read(wakeup, 1024)
        except BlockingIOError:
            return
        for number in numbers:
            if number in shutdown.STOP:
                self._stop_workers()
            elif number in self._passed_on:
                self._signal_workers(signal.Signals(number))

    def _stop_workers(self) -> None:
        if self._stop_signals == 0:
            service_manager.notify(service_manager.STOPPING)
        self._stop_signals += 1
        grace_period = self._grace_period if self._stop_signals == 1 else 0.0
        self._kill_at = min(self._kill_at, time.monotonic() + grace_period + shutdown.END_MARGIN)
        self._signal_workers(shutdown.DRAIN if self._stop_signals == 1 else shutdown.END)

    def _signal_workers(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.child is not None:
                os.kill(slot.child.pid, number)

    def _read_reports(self) -> None:
        for slot in self._slots:
            if slot.child is None or slot.serving_since is not None or not _readable(slot.child.pipe):
                continue
            if os.read(slot.child.pipe, 1):  # else it is dying
                slot.serving_since = time.monotonic()
                slot.silence = slot.watch()
                slot.failed_starts = 0
                _log.debug("worker %d (process %d) serves", slot.number, slot.child.pid)
        if not self._has_served and self._stop_signals == 0 and all(slot.serving_since for slot in self._slots):
            self._has_served = True
            self._on_serving()

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.child is None:
                continue
            pid, status = os.waitpid(slot.child.pid, os.WNOHANG)
            if pid:
                os.close(slot.child.pipe)
                slot.child = None
                self._handle_end(slot, pid, os.waitstatus_to_exitcode(status))

    def _handle_end(self, slot: _Slot, pid: int, code: int) -> None:
        reason = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if self._stop_signals:
            if code:
                _log.error("worker %d (process %d) %s while stopping", slot.number, pid, reason)
            return
        now = time.monotonic()
        served = slot.serving_since is not None
        steady = slot.serving_since is not None and now - slot.serving_since >= STEADY_AFTER
        slot.serving_since = slot.silence = None
        slot.restarts = 1 if steady else slot.restarts + 1
        slot.failed_starts = 0 if served else slot.failed_starts + 1
        if slot.failed_starts >= MAX_START_ATTEMPTS and not self._has_served:
            console.error(f"a worker failed to start {slot.failed_starts} times in a row")
            self._exit_code = 1
            self._stop_workers()
            return
        delay = min(MIN_DELAY * 2 ** min(slot.restarts - 1, 20), MAX_DELAY)  # no float is 2 to the power of 1024
        slot.due = now + delay
        _log.warning("worker %d (process %d) %s; restarting it in %g s", slot.number, pid, reason, delay)

    def _kill_hanging(self) -> None:
        """Kill the workers whose event loop hangs. While stopping, `_kill_overdue` ends them with the others."""
        if self._stop_signals:
            return
        service_manager.notify(service_manager.ALIVE)
        now = time.monotonic()
        for slot in self._slots:
            if slot.child is None or slot.silence is None:
                continue
            if slot.silence.look(self._heartbeats.count(slot.number), now) >= MAX_SILENCE:
                slot.silence = None
                pid = slot.child.pid
                _log.error(
                    "worker %d (process %d) has not responded for %g s: killing it", slot.number, pid, MAX_SILENCE
                )
                os.kill(pid, signal.SIGKILL)

    def _kill_overdue(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._kill_at = float("inf")
            self._exit_code = 1
            _log.error("killing the workers that have not ended in time")
            self._signal_workers(signal.SIGKILL)


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


@contextlib.contextmanager
def _wakeup(handled: Iterable[signal.Signals]) -> Iterator[int]:
    """Yield a descriptor from which each handled signal that arrives can be read as a byte, its number."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in handled:
        signal.signal(number, lambda _number, _frame: None)
    shutdown.unblock()
    try:
        yield reading
    finally:
        shutdown.block()
        signal.set_wakeup_fd(-1)
        os.close(reading)
        os.close(writing)
