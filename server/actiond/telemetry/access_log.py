"""The access log: one line for each call, as text or as JSON, and never a word of what the call said."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from google.rpc import code_pb2

from actiond.telemetry.line_writer import LineWriter
from rpcfront import CallEnd, CallStart

Style = Callable[[float, CallEnd, str], bytes]
"""Time (seconds since 1970), call and owner as a line."""

_CODES = {number: name for name, number in code_pb2.Code.items()}


class AccessLog:
    """An observer that writes to a file descriptor, see LineWriter.

    style: `as_text` or `as_json`.
    owner: what is logged of the caller; never a secret.
    """

    def __init__(self, descriptor: int, style: Style, owner: Callable[[Any], str] = lambda _caller: "") -> None:
        self._writer = LineWriter(descriptor, "access log")
        self._style = style
        self._owner = owner

    def started(self, call: CallStart) -> None:
        """Write nothing: the line of a call is about its end."""

    def ended(self, _token: object, call: CallEnd) -> None:
        """Takes a line. It is out within a tenth of a second."""
        self._writer.put(partial(self._line, time.time(), call))

    def close(self, seconds: float = 1.0) -> None:
        """Writes what is left, for so long at the most."""
        self._writer.close(seconds)

    def _line(self, moment: float, call: CallEnd) -> bytes:
        return self._style(moment, call, self._owner(call.caller) if call.caller else "")


def as_text(moment: float, call: CallEnd, owner: str) -> bytes:
    """`2026-11-23T16:02:21.666Z json package.Service/Method OK 1.234ms owner=1 request=2 peer=3`; `-` for none."""
    milliseconds = call.seconds * 1000
    line = (
        f"{_time(moment)} {call.protocol} {call.method or '-'} {_CODES[call.code]} {milliseconds:.3f}ms "
        f"owner={owner or '-'} request={call.request_id or '-'} peer={call.peer or '-'}\n"
    )
    return line.encode("ascii", "backslashreplace")


def as_json(moment: float, call: CallEnd, owner: str) -> bytes:
    """The same as a JSON object, its time in RFC 3339, its duration in milliseconds."""
    return orjson.dumps(
        {
            "time": _time(moment),
            "protocol": call.protocol,
            "method": call.method,
            "code": _CODES[call.code],
            "milliseconds": round(call.seconds * 1000, 3),
            "owner": owner,
            "request_id": call.request_id,
            "peer": call.peer,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _time(moment: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}.{int(moment % 1 * 1000):03d}Z"
