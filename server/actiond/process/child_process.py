"""Child processes that end with their parent: forked from a single-threaded process, each with a pipe to report on."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from actiond.telemetry import standard_streams

_log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Child:
    """A child process, and the reading end of the pipe on which it reports."""

    pid: int
    pipe: int


def spawn(body: Callable[[int], NoReturn]) -> Child:
    """Run `body`, with the pipe's writing end, in a child process. Call it with our signals blocked."""
    _flush()
    parent = os.getpid()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            _end_with(parent)
            body(writing)
        except BaseException:  # noqa: BLE001  # whatever it is, the child must not go on in the parent's code
            _log.exception("a child process failed")
        finally:
            exit_now(1)
    os.close(writing)
    return Child(pid, reading)


def exit_now(code: int) -> NoReturn:
    """End this process at once. The usual exit would wait for its threads, and a thread cannot be cancelled.

    A reader that does not read what is left of the log is not waited for either, or not for long.
    """
    standard_streams.close()
    os._exit(code)


def _end_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before that call
        os._exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.flush()
