"""How long a call lives, and what ends it before its servicer does: the deadline, the client's leaving, `cancel()`.

Whatever ends a call early is a status, kept here as the final status, and the first one counts. The task that runs the
call is cancelled; a plain `def` servicer goes on in its thread, where `is_active()` tells it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from rpcfront.calls.deadlines import current_task
from rpcfront.status import make_status

DEADLINE_EXCEEDED = make_status(code_pb2.DEADLINE_EXCEEDED, "deadline exceeded")
CLIENT_LEFT = make_status(code_pb2.CANCELLED, "the client has left")

_log = logging.getLogger(__name__)


class Lifetime:
    """From the moment when the dispatcher takes a call to the one when it knows how the call ended."""

    # Defaults stand on the class: most calls never change them, and a context is made for every call.
    final_status: status_pb2.Status | None = None
    """The status that the call ends with, whatever its servicer does from now on."""
    is_interrupted = False
    """Whether the task has been cancelled to end the call."""
    _deadline: float | None = None
    """By time.monotonic."""
    _ended = False
    _callbacks: list[Callable[[], object]] | None = None
    method: MethodDescriptor | None = None
    """The method that is called."""
    loop: asyncio.AbstractEventLoop | None = None
    """That of the task which runs the call."""
    _task: asyncio.Task[Any] | None = None
    _timer: asyncio.TimerHandle | None = None

    # The dispatcher's side.

    def start(self, method: MethodDescriptor) -> None:
        """Binds the call to its method and to the task that runs it, the current one."""
        self.method = method
        if self._task is None:
            self._task = current_task()
        self.loop = self._task.get_loop()

    def running_task(self) -> "asyncio.Task[Any]":
        """The task, once the call has been bound to it."""
        return current_task() if self._task is None else self._task

    def start_timer(self) -> None:
        """Ends the call at its deadline. A timer of the loop is the cheapest form: nothing to enter or to leave."""
        remaining = self.time_remaining()
        if remaining is not None and self.loop is not None:
            self._timer = self.loop.call_later(remaining, self.interrupt, DEADLINE_EXCEEDED)

    def interrupt(self, status: status_pb2.Status) -> None:
        """Ends the call with `status`, unless it has ended. From any thread."""
        if self._ended:
            return
        if self.final_status is None:
            self.final_status = status
        if self.loop is not None:
            # Never at once: cancelled while it runs, the task would fail at some await behind the call's end.
            self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None and not self._ended and not self.is_interrupted:
            self.is_interrupted = True
            self._task.cancel()

    def finish(self) -> None:
        """The call has ended: what waits for that is told. The task's cancellation was ours to ask for, and is over."""
        if self._timer is not None:
            self._timer.cancel()
        if self.is_interrupted and self._task is not None:
            self._task.uncancel()
        self._ended = True
        while self._callbacks:
            callback = self._callbacks.pop(0)
            try:
                callback()
            except Exception:  # noqa: BLE001  # a servicer's callback may raise anything
                _log.exception("a callback of a call failed")

    # The servicer's side.

    def is_late(self) -> bool:
        """Whether the deadline is past."""
        return self._deadline is not None and self._deadline <= time.monotonic()

    def time_remaining(self) -> float | None:
        """Seconds until the call's deadline, never below 0; None without a deadline."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def is_active(self) -> bool:
        """Whether the call is still running, as grpc names it."""
        return not self._ended and self.final_status is None

    def done(self) -> bool:
        """Whether the call has ended, as grpc.aio names it."""
        return not self.is_active()

    def cancelled(self) -> bool:
        """Whether the call ended because it was cancelled: by its client or by `cancel()`."""
        return self.final_status is not None and self.final_status.code == code_pb2.CANCELLED

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Calls `callback()` on the event loop, where it must not block, once the call has ended.

        Answers False, and will not call it, when the call has ended already.
        """
        if self._ended:
            return False
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append(callback)
        if self._ended:
            # It ended meanwhile, seen from a thread: whoever takes the callback out of the list decides.
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return True
            return False
        return True
