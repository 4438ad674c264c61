"""The signals and what each of them means to whom: how processes end, and how far a worker's shutdown has come."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping

DRAIN = signal.SIGTERM
"""From a supervisor to its workers: take no more calls, let those in flight finish. Repeating it changes nothing."""
END = signal.SIGUSR1
"""From a supervisor to its workers: the grace period is over."""
STOP = frozenset({signal.SIGTERM, signal.SIGINT})
"""From people and service managers. The second one, of either kind, ends the grace period."""
RELOAD = frozenset({signal.SIGHUP})
"""From people and service managers: load the certificates again, and ask what other
servers serve; see `takes_reload`."""
END_MARGIN = 5.0
"""Seconds to end once the grace period is over. A process that needs longer hangs, and is killed."""

_ALL = STOP | RELOAD | {DRAIN, END}


def takes_reload(*, can_reload: bool) -> bool:
    """Return whether a process handles RELOAD. If not, it ends, as everywhere: a terminal sends it when it is closed.

    can_reload: whether there is something to load again. But a service manager that reloads must not end the service
    where there is nothing.
    """
    return can_reload or sys.stdin is None or not sys.stdin.isatty()


def block() -> None:
    """Hold the signals back until `unblock`. No thread that is started meanwhile ever takes one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)


def unblock() -> None:
    """Let the signals arrive, those that were held back first."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL)


class Shutdown:
    """The state of a worker's shutdown. Everybody who asks whether the worker drains asks this."""

    def __init__(self) -> None:
        self.draining = asyncio.Event()
        self.grace_over = asyncio.Event()

    def advance(self) -> None:
        """Take the next step: begin to drain, then end the grace period."""
        (self.grace_over if self.draining.is_set() else self.draining).set()

    def handlers(self, *, supervised: bool) -> Mapping[signal.Signals, Callable[[], None]]:
        """Return what to do on which signal.

        Ctrl-C reaches every process of the terminal, and some service managers send SIGTERM to all. A supervised worker
        leaves the counting to its supervisor, or it would count such a signal twice.
        """
        if supervised:
            return {DRAIN: self.draining.set, END: self.grace_over.set, signal.SIGINT: lambda: None}
        return dict.fromkeys(STOP, self.advance)
