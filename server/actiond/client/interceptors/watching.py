"""When a watch is tried again, and when nobody needs it any more."""

import random
import time
from collections.abc import Callable

from actiond.client.interceptors.rules import Rules

IDLE = 60.0
"""Seconds without a call after which the watch ends. The next call begins it again."""
STUCK = 5.0
"""Seconds of silence after which a watch is cut, and begun again."""
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0
_LONG_ENOUGH = 1.0
"""Seconds that a watch has lived if its end says nothing about the next one."""


class Pace:
    """Decides about one watch after another. It is used by one thread or task."""

    def __init__(self, rules: Rules, clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._clock = clock
        self._delay = _FIRST_DELAY
        self._began = self._last_used = clock()

    def began(self) -> None:
        self._began = self._clock()

    def is_idle(self) -> bool:
        """Return whether no call has looked for a rule for a while."""
        now = self._clock()
        if self._rules.was_used:
            self._rules.was_used = False
            self._last_used = now
        return now - self._last_used >= IDLE

    def delay(self) -> float:
        """Return the seconds until the next watch: twice as long each time that one fails, and at random."""
        if self._clock() - self._began >= _LONG_ENOUGH:
            self._delay = _FIRST_DELAY
        delay = self._delay
        self._delay = min(2 * delay, _LONGEST_DELAY)
        return delay * random.uniform(0.5, 1)  # noqa: S311  # no secret
