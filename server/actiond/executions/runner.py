"""Runs executions: calls their targets one after another, whatever triggered them."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from actiond.actions.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    ExecutionForwardedError,
    TargetFailedError,
    TargetKeyMissingError,
)
from actiond.actions.ports import TargetCaller, TargetRequest
from actiond.actions.targets import Target
from actiond.executions.forwarded_errors import forwarded_error
from actiond.executions.payloads import Payload
from actiond.executions.plans import PlannedExecution

P = TypeVar("P", bound=Payload)
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningCall:
    """The facts that an execution needs about the call that it runs for."""

    request_id: str
    is_late: Callable[[], bool]
    """Whether the call's deadline has passed. The caller of `run` then cancels the execution."""
    is_privileged: bool = False
    """Whether the caller may bypass executions."""


class Runner:
    """Runs executions, independently of how a target is called and what a payload consists of."""

    def __init__(self, caller: TargetCaller, budget_seconds: float, clock: Callable[[], float]) -> None:
        """Give each execution `budget_seconds`, as measured by `clock`."""
        self._caller = caller
        self._budget = budget_seconds
        self._clock = clock

    async def run(self, execution: PlannedExecution, payload: P, call: RunningCall) -> P:
        """Call the targets in order and return the payload as their responses changed it.

        A target has no more time than the budget leaves. Once that is used up, a target whose response would be waited
        for counts as failed, and is not called.

        Raises ExecutionFailedError if a target that interrupts on errors fails, TargetKeyMissingError if it has no
        public key that it needs, ExecutionForwardedError if it says how the call ends, and DeadlineExceededError if the
        call's deadline passes before all targets were called.
        """
        end = self._clock() + self._budget
        for planned in execution.calls:
            if call.is_late():
                raise DeadlineExceededError
            target = planned.target
            body = await payload.body()
            request = TargetRequest(target, planned.keys, body, execution.key, call.request_id, call.is_privileged)
            if not target.type.waits:
                self._caller.start(request)
                continue
            try:
                used = await self._call(request, end - self._clock(), partial(_use, target, payload))
            except TargetFailedError as failure:
                if target.interrupt_on_error:
                    raise (TargetKeyMissingError if failure.lacks_public_key else ExecutionFailedError) from None
                continue
            if isinstance(used, ExecutionForwardedError):
                raise used
            payload = used
        return payload

    async def _call(self, request: TargetRequest, seconds: float, use: Callable[[bytes], Awaitable[T]]) -> T:
        """Call a target within a time. Raises TargetFailedError."""
        target, left_ns = request.target, int(seconds * 1_000_000_000)
        if left_ns <= 0:
            _log.warning(
                "execution %s has used up its time: target %s is not called (%s)",
                request.execution,
                target.id,
                request.request_id,
            )
            raise TargetFailedError
        if left_ns < target.timeout_ns:
            request = replace(request, target=replace(target, timeout_ns=left_ns))
        return await self._caller.call(request, use)


async def _use(target: Target, payload: P, body: bytes) -> P | ExecutionForwardedError:
    """Return what a target's response makes of the payload, or the error that it forwards."""
    if target.interrupt_on_error and (error := forwarded_error(body)) is not None:
        return error
    return await payload.merged(body) if target.type.uses_answer else payload
