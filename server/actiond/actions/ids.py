"""Ids: decimal strings, roughly ordered by time.

An id alone is not unique for ever: worker numbers come round, and clocks are set back. So whoever adds an entity asks
the store, in the same transaction, whether its id has ever been given, and tries the next one if it has.
"""

from collections.abc import Callable

EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z in milliseconds: 41 bits from here last until 2093."""
WORKER_BITS = 10
COUNTER_BITS = 12
TIME_SHIFT = WORKER_BITS + COUNTER_BITS
"""The time of an id is in the bits above these."""
MAX_WORKERS = 1 << WORKER_BITS
MAX_ATTEMPTS = 1000
"""Ids that are tried for one entity. A few are enough, unless a clock has been set back by far."""


class IdGenerator:
    """Generates ids of 41 bits of milliseconds, 10 of worker number and 12 of a counter: at most 19 digits.

    The store increments the worker number at each start. So ids of different processes differ for 1,024 starts, even if
    one follows the other while the clock jumps back.
    """

    def __init__(self, worker: int, clock: Callable[[], int]) -> None:
        self._worker = (worker % MAX_WORKERS) << COUNTER_BITS
        self._clock = clock
        self._last = 0

    def __call__(self) -> str:
        now = (self._clock() // 1_000_000 - EPOCH_MS) << COUNTER_BITS
        # A counter that overflows borrows from the next millisecond; a clock that jumps back is not followed.
        self._last = max(now, self._last + 1)
        time, counter = self._last >> COUNTER_BITS, self._last & ((1 << COUNTER_BITS) - 1)
        return str(time << TIME_SHIFT | self._worker | counter)


def created_ms(number: int) -> int:
    """Return when an id was made, in milliseconds since the epoch."""
    return (number >> TIME_SHIFT) + EPOCH_MS


def first_id(at_ms: int) -> int:
    """Return the smallest id that is made at this moment. Those that were made before are smaller."""
    return max(0, at_ms - EPOCH_MS) << TIME_SHIFT
