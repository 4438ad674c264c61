"""What is logged and counted of actiond's own failures."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

LOG_INTERVAL = 10.0
"""Seconds between two lines about failures of the same kind."""

_log = logging.getLogger("actiond.client")


@dataclass(frozen=True, slots=True)
class Counts:
    """What an interceptor has done so far."""

    asked: int
    """Times that actiond was asked."""
    refused: int
    """Calls that were ended with UNAVAILABLE since actiond failed."""
    passed: int
    """Messages that went on without their executions since actiond failed: with `fail_open` only."""


class Faults:
    """Counts what happens, and logs failures: one line for each kind, and then at most one every LOG_INTERVAL.

    Any thread may use it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[float, int]] = {}
        """By kind: when the last line was written, and how many were left out since. Kinds are few."""
        self._asked = self._refused = self._passed = 0

    @property
    def counts(self) -> Counts:
        with self._lock:
            return Counts(self._asked, self._refused, self._passed)

    def asked(self) -> None:
        with self._lock:
            self._asked += 1

    def refused(self, method: str, kind: str, reason: str, error: Exception | None = None) -> None:
        """Note that a call is ended since actiond, or what the service says of the call, failed.

        `kind` is a name of few, `reason` any text. The traceback of `error` follows the line.
        """
        with self._lock:
            self._refused += 1
        self._write(f"refused {kind}", "the call is refused", method, reason, error)

    def passed(self, method: str, kind: str, reason: str) -> None:
        """Note that a message goes on without its executions."""
        with self._lock:
            self._passed += 1
        self._write(f"passed {kind}", "the call goes on without its executions", method, reason)

    def unseen(self, method: str) -> None:
        """Note that a response execution is set for responses that are not executed."""
        effect = "a response execution is set, and does not run for streamed responses without streams=True"
        self._write(f"unseen {method}", effect, method, "")

    def watch_failed(self, kind: str, reason: str) -> None:
        self._write(f"watch {kind}", "executions cannot be watched, so actiond is asked for every call", "", reason)

    def _write(self, key: str, effect: str, method: str, reason: str, error: Exception | None = None) -> None:
        now = self._clock()
        with self._lock:
            last, left_out = self._lines.get(key, (-LOG_INTERVAL, 0))
            if now - last < LOG_INTERVAL:
                self._lines[key] = last, left_out + 1
                return
            if len(self._lines) >= 1_000:
                self._lines.clear()
            self._lines[key] = now, 0
        more = f" ({left_out} more since the last line)" if left_out else ""
        # Both texts come from elsewhere: as literals they are one line.
        about = f" {method!r}:" if method else ""
        why = f": {reason!r}" if reason else ""
        _log.warning("actions:%s %s%s%s", about, effect, why, more, exc_info=error)
