"""Standard error and standard output while this process serves: one writer for each, and nobody else writes to them.

What others write, be it a library's `print` or native code, is read from a pipe and logged, so that it is escaped and
bounded like every other line. Commands do not install this: they print, and wait for their reader.
"""

import faulthandler
import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from actiond.telemetry import logging as log_setup
from actiond.telemetry.line_writer import CLOSE_SECONDS, LineWriter

MAX_FOREIGN_LINE = 8192
"""Bytes of a line that a library or native code writes; a longer one becomes several."""

_foreign = logging.getLogger("stderr")


@dataclass(slots=True)
class StandardStreams:
    """The writers of this process."""

    stdout: LineWriter
    stderr: LineWriter
    encodings: tuple[str, str]
    """Of standard output and standard error."""
    terminal: TextIO | None
    """Standard output, for what has to be seen before the process goes on; None if it is closed."""
    others: threading.Thread | None = None
    """Logs what others write, once `start` was called."""


_installed: StandardStreams | None = None


def install(level: str) -> StandardStreams:
    """Log records of `level` and above to standard error, without ever waiting for its reader.

    No thread is started yet, see `start`. Descriptors 1 and 2 must be open.
    """
    global _installed  # standard streams are the process's
    encodings = (_encoding(sys.stdout), _encoding(sys.stderr))
    handler = log_setup.LineHandler(lambda line: stderr.put_bytes(line), encodings[1], time.monotonic)

    def dropped(name: str) -> Callable[[int], bytes]:
        return lambda count: handler.line(logging.WARNING, f"{count} lines were dropped: {name} was not read in time")

    stderr = LineWriter(2, dropped("standard error"))
    stdout = LineWriter(1, dropped("standard output"))
    log_setup.set_up(level, handler)
    os.register_at_fork(after_in_child=stdout.reset)
    os.register_at_fork(after_in_child=stderr.reset)
    _installed = StandardStreams(stdout, stderr, encodings, sys.stdout)
    return _installed


def installed() -> StandardStreams | None:
    """Return the writers; None in a process that has not installed them."""
    return _installed


def start() -> None:
    """Write on threads of our own from now on, and log what others write to the two streams.

    To be called once in a process that will fork no more.
    """
    if _installed is None:
        raise RuntimeError("the standard streams are not installed")
    reading, writing = os.pipe2(os.O_CLOEXEC)
    for descriptor, writer in ((1, _installed.stdout), (2, _installed.stderr)):
        writer.start(os.dup(descriptor))
        os.dup2(writing, descriptor)
    os.close(writing)
    if _installed.terminal is not None:
        _installed.terminal = os.fdopen(
            _installed.stdout.descriptor, "w", encoding=_installed.encodings[0], errors="backslashreplace"
        )
    # Native code may hold the GIL while it writes, without which the pipe's reader cannot go on.
    os.set_blocking(2, False)
    _installed.others = threading.Thread(target=_log_foreign_lines, args=(reading,), name="foreign-lines", daemon=True)
    _installed.others.start()
    # What is printed by Python goes the same way, whatever the streams were.
    sys.stdout = sys.stderr = io.TextIOWrapper(
        os.fdopen(2, "wb", buffering=0, closefd=False), "utf-8", "backslashreplace", write_through=True
    )
    if faulthandler.is_enabled():
        # A dying process reads no pipe.
        faulthandler.enable(_installed.stderr.descriptor)


def pump() -> None:
    """Write what can be written without waiting, in a process that has not started its threads."""
    if _installed is not None:
        _installed.stdout.pump()
        _installed.stderr.pump()


def close(seconds: float = CLOSE_SECONDS) -> None:
    """Write what is left, for at most `seconds`. The process must end then."""
    if _installed is None:
        return
    deadline = time.monotonic() + seconds
    if _installed.others is not None:
        # The pipe ends with its last writing end.
        os.dup2(_installed.stdout.descriptor, 1)
        os.dup2(_installed.stderr.descriptor, 2)
        _installed.others.join(seconds)
    for writer in (_installed.stdout, _installed.stderr):
        writer.close(max(0.0, deadline - time.monotonic()))


def _encoding(stream: object) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _log_foreign_lines(reading: int) -> None:
    """Log what arrives in the pipe, line by line."""
    unfinished = b""
    while data := os.read(reading, 65_536):
        *lines, unfinished = (unfinished + data).split(b"\n")
        if len(unfinished) > MAX_FOREIGN_LINE:
            lines.append(unfinished)
            unfinished = b""
        for line in lines:
            _log_foreign_line(line)
    if unfinished:
        _log_foreign_line(unfinished)


def _log_foreign_line(line: bytes) -> None:
    for begin in range(0, len(line), MAX_FOREIGN_LINE):
        _foreign.warning("%s", line[begin : begin + MAX_FOREIGN_LINE].decode(errors="backslashreplace"))
