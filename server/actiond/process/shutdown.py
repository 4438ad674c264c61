"""The signals that end a process of ours, and what each of them means to whom."""

import asyncio
import signal
from collections.abc import Callable, Mapping

DRAIN = signal.SIGTERM
"""From a supervisor to its workers: take no more calls, finish what runs. Saying it again changes nothing."""
END = signal.SIGUSR1
"""From a supervisor to its workers: the grace is over."""
STOP = frozenset({signal.SIGTERM, signal.SIGINT})
"""From people and service managers. The second one, of either kind, ends the grace."""
END_MARGIN = 5.0
"""Seconds to wind up once the grace is over. A process that needs longer hangs, and is killed."""

_ALL = STOP | {DRAIN, END}


def block() -> None:
    """From here on they wait until `unblock`, and no thread that is started meanwhile ever takes one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)


def unblock() -> None:
    """What waited arrives now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL)


class Shutdown:
    """How far the end of a worker has come."""

    def __init__(self) -> None:
        self.draining = asyncio.Event()
        self.grace_over = asyncio.Event()

    def advance(self) -> None:
        """The first word begins the drain, the second ends its grace."""
        (self.grace_over if self.draining.is_set() else self.draining).set()

    def handlers(self, *, supervised: bool) -> Mapping[signal.Signals, Callable[[], None]]:
        """What to do on which signal.

        Ctrl-C reaches every process of the terminal, and some service managers send SIGTERM to all. A supervised worker
        leaves the counting to its supervisor, or it would count such a signal twice.
        """
        if supervised:
            return {DRAIN: self.draining.set, END: self.grace_over.set, signal.SIGINT: lambda: None}
        return dict.fromkeys(STOP, self.advance)
