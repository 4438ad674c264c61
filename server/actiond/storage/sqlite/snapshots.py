"""The read transactions of long reads, which a checkpoint that empties the write-ahead log has to wait for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Snapshots:
    """Counts the snapshots that threads hold, and holds new ones back for a moment.

    Where one snapshot follows the other without a pause, no checkpoint ever finds the log unused, and it grows until
    the disk is full.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = 0
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a snapshot, once that is allowed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._held += 1
        try:
            yield
        finally:
            with self._changed:
                self._held -= 1
                self._changed.notify_all()

    @contextmanager
    def none(self, seconds: float) -> Iterator[None]:
        """Let no new snapshot begin, and wait up to `seconds` for those that are held."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: not self._held, seconds)
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = False
                self._changed.notify_all()
