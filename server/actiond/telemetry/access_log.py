"""The access log: one line per call, without any data that was sent or received."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from google.rpc import code_pb2

from actiond.telemetry.records import RECORD_BYTES, Format, Put, Record, milliseconds, timestamp
from rpcfront import CallEnd, CallStart

_CODES = {number: name for name, number in code_pb2.Code.items()}


class AccessLog:
    """Observes the gateway and writes a line per call."""

    def __init__(self, put: Put, format_record: Format, owner: Callable[[Any], str]) -> None:
        """`owner` returns the resource owner of a caller."""
        self._put = put
        self._format = format_record
        self._owner = owner

    def started(self, call: CallStart) -> None:
        """Do nothing: the line is written when the call ends."""

    def ended(self, _token: object, call: CallEnd) -> None:
        """Write a line."""
        size = RECORD_BYTES + len(call.method) + len(call.request_id) + len(call.peer)
        self._put(partial(self._line, time.time(), call), size)

    def _line(self, moment: float, call: CallEnd) -> bytes:
        return self._format(record_of(moment, call, self._owner(call.caller) if call.caller else ""))


def record_of(moment: float, call: CallEnd, owner: str) -> Record:
    """Return the fields of a line. `moment` is the time of the call's end, in seconds since the epoch."""
    return {
        "time": timestamp(moment),
        "protocol": call.protocol,
        "method": call.method or None,
        "code": _CODES[call.code],
        "duration_ms": milliseconds(call.seconds),
        "owner": owner or None,
        "request_id": call.request_id or None,
        "peer": call.peer or None,
    }
