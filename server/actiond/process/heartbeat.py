"""Whether event loops still turn: each counts in memory that its process shares with its supervisor.

A loop is silent while its count stays the same. Only time in which it could have run counts as silence: not that in
which the process or the whole machine was suspended, and not that in which the kernel let the loop's thread wait for a
processor. So a worker that is busy, stopped or starved is not taken for one that hangs.
"""

import asyncio
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BEAT_SECONDS = 1.0
"""Between two beats of a loop, and between two looks at it."""
MAX_SILENCE = 10.0
"""Seconds of silence after which a loop is taken to hang for ever."""

_STOPPED = frozenset("tT")  # by a signal or by a debugger, see proc(5)
_WORD = 8
_UNREMARKABLE = BEAT_SECONDS
"""Seconds of silence for which nobody asks the kernel."""


class Heartbeats:
    """The counts of all workers. Made before the first fork, and shared from then on."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._words = memoryview(mmap.mmap(-1, workers * _WORD)).cast("Q")

    def beat(self, worker: int) -> None:
        """Count, as the worker of that number, from 1."""
        self._words[worker - 1] += 1

    def count(self, worker: int) -> int:
        return self._words[worker - 1]


def beat_for_ever(loop: asyncio.AbstractEventLoop, beat: Callable[[], object]) -> None:
    """Call `beat` now, and then every BEAT_SECONDS as long as the loop turns."""
    beat()
    loop.call_later(BEAT_SECONDS, beat_for_ever, loop, beat)


@dataclass(frozen=True, slots=True)
class ThreadState:
    """What the kernel says of a thread."""

    is_stopped: bool
    waited: float
    """Seconds, since the thread began, in which it could have run but had no processor."""


def thread_state(process: int, thread: int) -> ThreadState:
    """Return the state of a thread. What the kernel does not say is not held against it."""
    directory = Path(f"/proc/{process}/task/{thread}")
    try:
        state = (directory / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        state = ""
    try:
        waited = int((directory / "schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):  # a kernel without these figures
        waited = 0
    return ThreadState(state in _STOPPED, waited / 1e9)


class Silence:
    """How long a loop has been silent. Whoever watches it looks about every BEAT_SECONDS."""

    def __init__(self, state: Callable[[], ThreadState]) -> None:
        """`state` returns that of the loop's thread."""
        self._state = state
        self._count = -1
        self._looked_at = 0.0
        self._waited: float | None = None
        """What the state said of the wait when the loop was looked at last, while it is silent."""
        self._seconds = 0.0

    def look(self, count: int, now: float) -> float:
        """Return the seconds of silence until now, given the loop's count. `now` is a monotonic time in seconds."""
        elapsed, self._looked_at = now - self._looked_at, now
        if count != self._count:
            self._count = count
            self._seconds = 0.0
            self._waited = None
            return 0.0
        # Of a longer time, the watcher itself was suspended for a part, and then the loop probably was too.
        elapsed = min(elapsed, 2 * BEAT_SECONDS)
        if self._seconds < _UNREMARKABLE:
            self._seconds += elapsed
            return self._seconds
        state = self._state()
        waited = 0.0 if self._waited is None else state.waited - self._waited
        self._waited = state.waited
        if state.is_stopped:
            self._seconds = 0.0
            return 0.0
        self._seconds += max(0.0, elapsed - waited)
        return self._seconds
