"""Runs the executions around calls that other services describe."""

import asyncio
from collections.abc import AsyncIterator, Container, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from actiond.actions.errors import DeadlineExceededError
from actiond.actions.tokens import Caller
from actiond.api.json_message import JsonMessage
from actiond.api.known_methods import KnownMethod, KnownMethods
from actiond.api.message_payload import AnyMessage
from actiond.api.method_executions import MethodCall, MethodExecutions
from actiond.api.permissions import BYPASS
from actiond.api.v1.errors import CalledMethodUnknownError
from actiond.api.v1.payloads import Payloads
from actiond.client.headers import SHOWN_HEADERS
from actiond.executions.plans import MethodPlan
from actiond.executions.runner import RunningCall
from rpcfront import ServicerContext

MAX_SECONDS = 86_400.0
"""The longest timeout. A longer one is cut to this."""
_NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CalledMethod:
    """A call that was described, and what is set for its method."""

    call: MethodCall
    plan: MethodPlan
    known: KnownMethod | None
    """None if the types of its messages are not known."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a message."""

    payload: pb.Payload
    """The message as the targets leave it, in the form in which it was sent."""
    executed: bool = False
    """Whether an execution ran."""
    changed: bool = False


class CalledMethods:
    """Finds what is set for a method, reads its messages, and runs its executions."""

    def __init__(
        self, executions: MethodExecutions, known: KnownMethods, payloads: Payloads, names: Container[str] = ()
    ) -> None:
        """`names` are the methods, as `/package.Service/Method`, whose messages may be JSON of any type."""
        self._names = names
        self._executions = executions
        self._known = known
        self._payloads = payloads

    async def find(self, call: pb.MethodCall, context: ServicerContext) -> CalledMethod:
        """Return a call as executions take it, with the plan of its method, whether that is known or not."""
        caller: Caller = context.caller
        described = MethodCall(
            method=call.method,
            owner=caller.owner,
            user_id=call.user_id,
            org_id=call.org_id or caller.owner,
            headers={name: list(call.headers[name].values) for name in SHOWN_HEADERS if name in call.headers},
            running=running_call(context, call.timeout if call.HasField("timeout") else None),
            metadata=lambda: _pairs(call),
        )
        plan = await self._executions.plan(caller.owner, caller.execution_revision, call.method)
        return CalledMethod(described, plan, self._known.find(call.method))

    async def run_request(self, called: CalledMethod, request: pb.Payload) -> Ran:
        """Run the request execution. Raises like `request` and `Runner.run`."""
        candidates = called.plan.request
        if not candidates:
            return Ran(request)
        message = await self.request(called, request)
        execution = await self._executions.choose(candidates, called.call, message)
        if execution is None:
            return Ran(request)
        changed = await self._executions.run_request(execution, called.call, message)
        return await self._ran(called, request, message, changed)

    async def run_response(self, called: CalledMethod, request: pb.Payload, response: pb.Payload) -> Ran:
        """Run the response execution. Raises like `run_request`."""
        candidates = called.plan.response
        if not candidates:
            return Ran(response)
        before = await self.request(called, request)
        message = await self.response(called, response)
        execution = await self._executions.choose(candidates, called.call, message)
        if execution is None:
            return Ran(response)
        changed = await self._executions.run_response(execution, called.call, before, message)
        return await self._ran(called, response, message, changed)

    async def _ran(self, called: CalledMethod, sent: pb.Payload, message: AnyMessage, changed: AnyMessage) -> Ran:
        if changed is message:
            return Ran(sent, executed=True)
        return Ran(await self._payloads.write(changed, sent, called.call.owner), executed=True, changed=True)

    async def request(self, called: CalledMethod, payload: pb.Payload, trigger: str = "") -> AnyMessage:
        """Return the request. Raises CalledMethodUnknownError and MessageInvalidError.

        trigger: path of what holds the payload in the request that was sent, with a dot at its end.
        """
        if called.known is None:
            return await self._untyped(called, payload, trigger, "request")
        return await self._payloads.read(payload, called.known.request_class, f"{trigger}request", called.call.owner)

    async def response(self, called: CalledMethod, payload: pb.Payload, trigger: str = "") -> AnyMessage:
        """Return the response. The arguments and errors are those of `request`."""
        if called.known is None:
            return await self._untyped(called, payload, trigger, "response")
        return await self._payloads.read(payload, called.known.response_class, f"{trigger}response", called.call.owner)

    async def _untyped(self, called: CalledMethod, payload: pb.Payload, trigger: str, field: str) -> JsonMessage:
        if called.call.method not in self._names:
            raise CalledMethodUnknownError(trigger)
        return await self._payloads.read_untyped(payload, f"{trigger}{field}", called.call.owner)


def _pairs(call: pb.MethodCall) -> Iterable[tuple[str, str]]:
    return [(name, value) for name, values in call.headers.items() for value in values.values]


def running_call(context: ServicerContext, timeout: Duration | None) -> RunningCall:
    """Return the facts of a call that has so much time, and no more than the caller has."""
    caller: Caller = context.caller
    is_privileged = caller.token.holds(BYPASS)
    if timeout is None:
        return RunningCall(context.request_id, context.is_late, is_privileged)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds_of(timeout)
    return RunningCall(context.request_id, lambda: loop.time() >= end or context.is_late(), is_privileged)


@asynccontextmanager
async def within(limit: Duration | None) -> AsyncIterator[None]:
    """Cancel the block after so long, and raise DeadlineExceededError."""
    try:
        async with asyncio.timeout(None if limit is None else seconds_of(limit)):
            yield
    except TimeoutError:
        raise DeadlineExceededError from None


def seconds_of(timeout: Duration) -> float:
    """Return a valid duration in seconds, MAX_SECONDS at most."""
    return min(timeout.seconds + timeout.nanos / _NANOS, MAX_SECONDS)
