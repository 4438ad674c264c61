"""The log of calls to targets: one line per call, without any data that was sent or received."""

import logging
import time
from functools import partial

from actiond.actions.ports import TargetRequest
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.telemetry.records import RECORD_BYTES, Format, Put, Record, milliseconds, timestamp


class TargetLog:
    """Observes the target client and writes a line per call.

    A successful call is logged at INFO, any other at WARNING; lines below `level` are not written.
    """

    def __init__(self, put: Put, format_record: Format, level: int) -> None:
        self._put = put
        self._format = format_record
        self._level = level

    def started(self, _request: TargetRequest, _headers: dict[str, str]) -> None:
        """Do nothing: the line is written when the call ends."""

    def ended(self, _token: object, call: TargetCall) -> None:
        """Write a line."""
        if (logging.INFO if call.outcome is Outcome.OK else logging.WARNING) >= self._level:
            size = RECORD_BYTES + len(call.execution) + len(call.request_id)
            self._put(partial(self._line, time.time(), call), size)

    def _line(self, moment: float, call: TargetCall) -> bytes:
        return self._format(record_of(moment, call))


def record_of(moment: float, call: TargetCall) -> Record:
    """Return the fields of a line. `moment` is the time of the call's end, in seconds since the epoch."""
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
