"""The states of a call, and what ends it before its servicer does: its deadline, a disconnect, `cancel()`, `abort()`.

    state        recorded by          active  leaves by
    NEW          method is None       yes     start() -> RUNNING; over the limit of calls it stays NEW
    RUNNING      final_status None    yes     abort(), interrupt() or decide() -> DECIDED; finish() -> ENDED
    DECIDED      final_status set     no      _cancel() -> INTERRUPTED; finish() -> ENDED
    INTERRUPTED  is_interrupted       no      finish() -> ENDED
    ENDED        _ended               no

- The first final status wins. It overrides whatever the servicer returns, raises or sets later.
- `abort()` decides and raises; the servicer itself unwinds the call. `interrupt()` decides, and has the task cancelled
  in the event loop's next iteration, from whichever thread it is called. A plain `def` servicer goes on in its thread,
  where `is_active()` is False from then on.
- `start`, `_cancel` and `finish` run on the event loop, in this order. A call that ends before `_cancel` runs is not
  cancelled.
- Cancelling the task only serves to interrupt the call: `finish` takes the cancellation back, so that what awaits the
  call sees a status and no CancelledError.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from rpcfront.calls.deadlines import current_task
from rpcfront.status import make_status

DEADLINE_EXCEEDED = make_status(code_pb2.DEADLINE_EXCEEDED, "deadline exceeded")
CLIENT_LEFT = make_status(code_pb2.CANCELLED, "the client has left")

_log = logging.getLogger(__name__)


class Lifetime:
    """A call's state, from the moment the dispatcher takes the call until it knows how the call ended."""

    # Defaults are on the class: a context is made for every call, and most calls never change them.
    final_status: status_pb2.Status | None = None
    """The status that the call ends with, whatever its servicer does from now on; None until it is decided."""
    is_interrupted = False
    """Whether the task has been cancelled to end the call."""
    _deadline: float | None = None
    """By time.monotonic(); None without a deadline."""
    _ended = False
    _callbacks: list[Callable[[], object]] | None = None
    method: MethodDescriptor | None = None
    """The method that was called."""
    task: asyncio.Task[Any] | None = None
    """The task that runs the call."""
    _timer: asyncio.TimerHandle | None = None

    # The dispatcher's side.

    def start(self, method: MethodDescriptor) -> None:
        """Bind the call to its method and to the current task, which runs it."""
        self.method = method
        if self.task is None:
            self.task = current_task()

    def running_task(self) -> "asyncio.Task[Any]":
        """Return the task that runs the call."""
        return current_task() if self.task is None else self.task

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop on which the call runs; None before it does."""
        return None if self.task is None or self.method is None else self.task.get_loop()

    def start_timer(self) -> None:
        """End the call at its deadline. A timer of the loop is the cheapest way: nothing to enter or to leave."""
        remaining = self.time_remaining()
        if remaining is not None and self.loop is not None:
            self._timer = self.loop.call_later(remaining, self.interrupt, DEADLINE_EXCEEDED)

    def decide(self, status: status_pb2.Status) -> None:
        """Make `status` the one that the call ends with, unless that is decided already."""
        if self.final_status is None:
            self.final_status = status

    def interrupt(self, status: status_pb2.Status) -> None:
        """End the call with `status`, unless it has ended. May be called from any thread."""
        if self._ended:
            return
        self.decide(status)
        if self.loop is not None:
            # Not at once: a task cancelled while it runs would fail at an await after the call's end.
            self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self.task is not None and not self._ended and not self.is_interrupted:
            self.is_interrupted = True
            self.task.cancel()

    def finish(self) -> None:
        """End the call and run its callbacks. A cancellation that `interrupt` asked for is taken back."""
        if self._timer is not None:
            self._timer.cancel()
        if self.is_interrupted and self.task is not None:
            self.task.uncancel()
        self._ended = True
        while self._callbacks:
            callback = self._callbacks.pop(0)
            try:
                callback()
            except Exception:  # noqa: BLE001  # a servicer's callback may raise anything
                _log.exception("a callback of a call failed")

    # The servicer's side.

    def is_late(self) -> bool:
        """Return whether the deadline has passed."""
        return self._deadline is not None and self._deadline <= time.monotonic()

    def time_remaining(self) -> float | None:
        """Return the seconds until the call's deadline, never below 0; None without a deadline."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def is_active(self) -> bool:
        """Return whether the call is still running (grpc's name for it)."""
        return not self._ended and self.final_status is None

    def done(self) -> bool:
        """Return whether the call has ended (grpc.aio's name for it)."""
        return not self.is_active()

    def cancelled(self) -> bool:
        """Return whether the call ended because it was cancelled: by its client or by `cancel()`."""
        return self.final_status is not None and self.final_status.code == code_pb2.CANCELLED

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Call `callback()` on the event loop, where it must not block, once the call has ended.

        Returns False, and does not call it, if the call has ended already.
        """
        if self._ended:
            return False
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append(callback)
        if self._ended:
            # It ended meanwhile, as seen from a thread. Whichever thread takes the callback out of the list decides.
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return True
            return False
        return True

    def remove_callback(self, callback: Callable[[], object]) -> None:
        """Take a callback back. Does nothing if it has been called."""
        with suppress(ValueError):
            (self._callbacks or []).remove(callback)
