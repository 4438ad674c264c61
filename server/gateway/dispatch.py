"""The one way through which every call goes, whatever its protocol.

Authenticate, decode, validate, call the servicer, encode. What turns an exception into a google.rpc.Status stands
in `Dispatcher._failed` alone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from server.gateway.context import ServicerContext
from server.gateway.limits import Limits
from server.gateway.methods import Method
from server.gateway.status import FieldViolation, StatusError, bad_request, make_status
from server.gateway.transcoding.fields import resolve

Authenticate = Callable[[MethodDescriptor, ServicerContext], Awaitable[object]]
"""Answers who calls, for `context.caller`, or raises; runs before the body is read."""
Validate = Callable[[Message], Sequence[FieldViolation]]
"""Answers the rules that a request breaks."""
Translate = Callable[[Exception], status_pb2.Status | None]
"""The Status of a servicer's own error, None for what no caller shall be told."""
Decode = Callable[[], Awaitable[tuple[Message, list[FieldViolation]]]]
"""Reads a call's body. Fields that could not be read are named beside the message, which lacks them."""
Encode = Callable[[Message], bytes]

INTERNAL = make_status(code_pb2.INTERNAL, "internal error")
"""What a caller is told of a fault of ours; the log has the rest."""
TOO_MANY = make_status(code_pb2.RESOURCE_EXHAUSTED, "too many concurrent calls")
SHUTTING_DOWN = make_status(code_pb2.UNAVAILABLE, "the server is shutting down")
DEADLINE_EXCEEDED = make_status(code_pb2.DEADLINE_EXCEEDED, "deadline exceeded")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: with a body, or with a status that is not OK."""

    body: bytes = b""
    status: status_pb2.Status | None = None
    http_status: int | None = None
    """Overrules the HTTP status that goes with the code, see StatusError."""


@dataclass(slots=True)
class Dispatcher:
    """Runs calls. Every hook is optional."""

    authenticate: Authenticate | None = None
    validate: Validate | None = None
    translate: Translate | None = None
    limits: Limits = field(default_factory=Limits)
    stopping: bool = False
    """Set when the grace is over: calls cancelled from now on are told so."""
    _running: int = field(default=0, init=False)
    _pool: Executor | None = field(default=None, init=False)

    async def unary(self, method: Method, context: ServicerContext, decode: Decode, encode: Encode) -> Outcome:
        """One call from its headers to its answer's bytes. Raises nothing but CancelledError."""
        if self._running >= self.limits.concurrent_calls:
            return Outcome(status=TOO_MANY)
        self._running += 1
        try:
            if self.authenticate is not None:
                context.caller = await self.authenticate(method.descriptor, context)
            context.begin()
            if context.deadline is None:
                return Outcome(await self._run(method, context, decode, encode))
            return Outcome(await _until(context.deadline, partial(self._run, method, context, decode, encode)))
        except BaseException as error:  # noqa: BLE001  # what is no call's failure is raised again
            return self._failed(error, method.path, may_answer=context.outlives_cancellation)
        finally:
            self._running -= 1

    async def guard(self, work: Awaitable[bytes], name: str) -> Outcome:
        """The same for work that is no call of a method."""
        try:
            return Outcome(await work)
        except BaseException as error:  # noqa: BLE001  # what is no call's failure is raised again
            return self._failed(error, name, may_answer=True)

    async def _run(self, method: Method, context: ServicerContext, decode: Decode, encode: Encode) -> bytes:
        request, unreadable = await decode()
        broken = self.validate(request) if self.validate is not None else ()
        if unreadable or broken:
            raise StatusError(bad_request([*unreadable, *_beside(unreadable, broken, method.descriptor.input_type)]))
        if method.is_coroutine:
            response = await method.behaviour(request, context)
        else:
            response = await self._on_thread(method, request, context)
        if not context.is_ok():
            raise StatusError(context.status())
        if not isinstance(response, method.response_class):
            raise TypeError(f"{method.path} answered {type(response).__name__}, not its response message")
        return encode(response)

    async def _on_thread(self, method: Method, request: Message, context: ServicerContext) -> object:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="servicer")
        return await asyncio.get_running_loop().run_in_executor(self._pool, method.behaviour, request, context)

    def _failed(self, error: BaseException, name: str, *, may_answer: bool) -> Outcome:
        """How a call ended that raised `error`, in the log too if it was a fault of ours."""
        if isinstance(error, StatusError):
            return Outcome(status=error.status, http_status=error.http_status)
        if isinstance(error, asyncio.CancelledError) and self.stopping and may_answer:
            return Outcome(status=SHUTTING_DOWN)
        if not isinstance(error, Exception):
            raise error
        status = self.translate(error) if self.translate is not None else None
        if status is None:
            _log.error("%s failed", name, exc_info=error)
            status = INTERNAL
        return Outcome(status=status)


def _beside(
    unreadable: Sequence[FieldViolation], broken: Sequence[FieldViolation], descriptor: Descriptor
) -> Iterator[FieldViolation]:
    """The broken rules that are news beside the fields that could not be read.

    Such a field is missing from the message, so a rule of its own, of its oneof or of the message as a whole would
    speak of what the caller never sent.
    """
    named = {""} if unreadable else set()
    for violation in unreadable:
        named.add(violation.field)
        path = resolve(descriptor, violation.field)
        oneof = path[-1].containing_oneof if path else None
        if oneof is not None:
            named.add(".".join([*violation.field.split(".")[:-1], oneof.name]))
    return (violation for violation in broken if violation.field not in named)


async def _until(deadline: float, work: Callable[[], Awaitable[bytes]]) -> bytes:
    """Does `work`, abandoned at `deadline` (of time.monotonic)."""
    remaining = deadline - time.monotonic()
    if remaining > 0:
        try:
            async with asyncio.timeout(remaining) as scope:
                return await work()
        except TimeoutError:
            # A servicer may have let a TimeoutError of its own escape.
            if not scope.expired():
                raise
    raise StatusError(DEADLINE_EXCEEDED)
