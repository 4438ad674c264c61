"""The access log: one line for each call, as text or as JSON, and never a word of what the call said.

Lines are gathered and written on a thread, every tenth of a second: whoever reads the log slowly, or not at all, holds
up no call. What does not fit is counted, and the count is logged.
"""

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from google.rpc import code_pb2

from server.gateway.observation import Call

Style = Callable[[float, Call, str], bytes]
"""Time (seconds since 1970), call and owner as a line."""

FLUSH_SECONDS = 0.1
BATCHES = 32
"""Waiting for the thread at the most; more are dropped."""

_CODES = {number: name for name, number in code_pb2.Code.items()}


class AccessLog:
    """Writes to a file descriptor. To be given to `Gateway(observe=…)`.

    style: `as_text` or `as_json`.
    owner: what is logged of the caller; never a secret.
    """

    def __init__(self, descriptor: int, style: Style, owner: Callable[[Any], str] = lambda _caller: "") -> None:
        self._descriptor = descriptor
        self._style = style
        self._owner = owner
        self._gathered: list[tuple[float, Call]] = []
        self._is_flushing = False
        self._dropped = 0
        self._batches: queue.Queue[list[tuple[float, Call]] | None] = queue.Queue(BATCHES)
        self._writer: threading.Thread | None = None

    def __call__(self, call: Call) -> None:
        """Takes a line. It is out within a tenth of a second."""
        self._gathered.append((time.time(), call))
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        batch, self._gathered = self._gathered, []
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_all, name="access-log", daemon=True)
            self._writer.start()
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            self._dropped += len(batch)

    def close(self, seconds: float = 1.0) -> None:
        """Writes what is left, for so long at the most."""
        self._flush()
        try:
            self._batches.put_nowait(None)
        except queue.Full:
            return
        if self._writer is not None:
            self._writer.join(seconds)

    def _write_all(self) -> None:
        while (batch := self._batches.get()) is not None:
            lines = self._lines(batch)
            try:
                while lines:
                    lines = lines[os.write(self._descriptor, lines) :]
            except OSError:
                """Nobody reads it any more."""

    def _lines(self, batch: Sequence[tuple[float, Call]]) -> bytes:
        lines = [self._style(moment, call, self._owner(call.caller) if call.caller else "") for moment, call in batch]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(b"access log: %d lines were dropped\n" % dropped)
        return b"".join(lines)


def as_text(moment: float, call: Call, owner: str) -> bytes:
    """`2026-11-23T16:02:21.666Z json package.Service/Method OK 1.234ms owner=1 request=2 peer=3`; `-` for none."""
    milliseconds = call.seconds * 1000
    line = (
        f"{_time(moment)} {call.protocol} {call.method or '-'} {_CODES[call.code]} {milliseconds:.3f}ms "
        f"owner={owner or '-'} request={call.request_id or '-'} peer={call.peer or '-'}\n"
    )
    return line.encode("ascii", "backslashreplace")


def as_json(moment: float, call: Call, owner: str) -> bytes:
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
