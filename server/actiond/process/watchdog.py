"""Ends a process whose event loop hangs. A process without a supervisor has it on a thread of its own.

A hanging server keeps its port, so its clients wait; one that has ended is started anew by its service manager, and is
seen by everybody else. The thread cannot run while native code keeps the GIL; a service manager that expects
keep-alives (see service_manager.py) notices that too.
"""

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from actiond.process.heartbeat import BEAT_SECONDS, MAX_SILENCE, Silence, thread_state

_log = logging.getLogger(__name__)


def watch_this_thread(count: Callable[[], int], end: Callable[[], NoReturn]) -> None:
    """Watch the loop of the calling thread, whose beats `count` returns. If it hangs, log where, and call `end`."""
    native, ident = threading.get_native_id(), threading.get_ident()
    silence = Silence(partial(thread_state, os.getpid(), native))
    threading.Thread(target=_watch, args=(silence, count, ident, end), name="watchdog", daemon=True).start()


def _watch(silence: Silence, count: Callable[[], int], ident: int, end: Callable[[], NoReturn]) -> None:
    while silence.look(count(), time.monotonic()) < MAX_SILENCE:
        time.sleep(BEAT_SECONDS)
    frame = sys._current_frames().get(ident)  # the documented way to see another thread's stack
    stack = "".join(traceback.format_stack(frame))
    _log.critical("the event loop has not responded for %g s: ending the process; it is at\n%s", MAX_SILENCE, stack)
    end()
