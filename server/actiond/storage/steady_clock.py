"""The clock by which deliveries are due: the machine's, but for the time in which that has been set back."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns nanoseconds since the epoch."""


class SteadyClock:
    """Never goes back, and does not stand still either while the machine's clock catches up."""

    def __init__(self, clock: Clock = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._last = 0
        """The latest time that the clock has shown, and when that was."""
        self._seen_at = 0

    def ms(self) -> int:
        """Return milliseconds since the epoch."""
        now = self._clock()
        if now >= self._last:
            self._last, self._seen_at = now, self._monotonic()
            return now // 1_000_000
        return (self._last + self._monotonic() - self._seen_at) // 1_000_000
