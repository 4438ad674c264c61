"""The log of calls to targets: one line per call, without anything that was sent or received."""

import logging
import time
from collections.abc import Callable
from functools import partial

from actiond.actions.ports import TargetRequest
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.telemetry.records import Format, Record, milliseconds, timestamp

Put = Callable[[Callable[[], bytes]], object]
"""Takes a function that makes a line, and writes the line without delaying the caller."""


class TargetLog:
    """An observer of the client's.

    A call that succeeded is logged at INFO, any other at WARNING; lines below `level` are not written.
    """

    def __init__(self, put: Put, format_record: Format, level: int) -> None:
        self._put = put
        self._format = format_record
        self._level = level

    def started(self, _request: TargetRequest, _headers: dict[str, str]) -> None:
        """Write nothing: the line is written at the end."""

    def ended(self, _token: object, call: TargetCall) -> None:
        """Write a line."""
        if (logging.INFO if call.outcome is Outcome.OK else logging.WARNING) >= self._level:
            self._put(partial(self._line, time.time(), call))

    def _line(self, moment: float, call: TargetCall) -> bytes:
        return self._format(record_of(moment, call))


def record_of(moment: float, call: TargetCall) -> Record:
    """Return the fields of a line. `moment` is when the call ended, in seconds since the epoch."""
    is_ok = call.outcome is Outcome.OK
    return {
        "time": timestamp(moment),
        "target": call.target_id,
        "execution": call.execution,
        "outcome": "ok" if is_ok else "ignored" if call.is_ignored else "failed",
        "status": call.status,
        "duration_ms": milliseconds(call.seconds),
        "error": None if is_ok else call.outcome.value,
        "request_id": call.request_id,
    }
