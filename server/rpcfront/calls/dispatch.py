"""The dispatcher: every call goes through it, whatever its protocol.

Authenticate, decode, validate, call the servicer, encode. `Dispatcher.failed` is the only place that turns an exception
into a google.rpc.Status.
"""

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeAlias

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from rpcfront.calls.context import CANCELLED, ServicerContext
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.calls.methods import Method
from rpcfront.calls.observers import CallEnd, CallStart, Observers
from rpcfront.calls.offload import OFFLOAD_BYTES, run_in_turn
from rpcfront.calls.requests import RequestStream
from rpcfront.calls.servicers import Servicers, close
from rpcfront.limits import Limits
from rpcfront.status import FieldViolation, StatusError, bad_request, make_status
from rpcfront.transcoding.fields import resolve

Authenticate = Callable[[MethodDescriptor, ServicerContext], Awaitable[object]]
"""Returns the caller, kept as `context.caller`, or raises. Runs before the body is read."""
Validate = Callable[[Message], Sequence[FieldViolation]]
"""Returns the rules that a request breaks."""
Translate = Callable[[Exception, MethodDescriptor | None], status_pb2.Status | None]
"""Returns the Status of an error that a servicer or a hook raised; None for an error whose cause clients must not see.

The method is the one that was called, None in a handler.
"""
Parsed: TypeAlias = tuple[Message, list[FieldViolation]]
"""A request, and a violation for each field that could not be read and that it therefore lacks."""

INTERNAL = make_status(code_pb2.INTERNAL, "internal error")
"""The status of every internal error. Clients learn no more; the log has the rest."""
# Becomes a Retry-After header over HTTP.
_SOON = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1))
TOO_MANY = make_status(code_pb2.RESOURCE_EXHAUSTED, "too many concurrent calls", _SOON)
SHUTTING_DOWN = make_status(code_pb2.UNAVAILABLE, "the server is shutting down", _SOON)

_log = logging.getLogger(__name__)


class Wire(Protocol):
    """How the requests of one call arrive, and how its responses are encoded. Each protocol has its own."""

    offloads_encoding: bool
    """Whether a large response is encoded off the event loop. Not worth it for protobuf, where serialising takes hardly
    longer than finding out how large the message is."""

    def whole(self) -> bytes | None:
        """Return the whole body of a call with one request, within limits; None if it has not arrived yet.

        Raises StatusError if the head shows already that the body cannot be read.
        """

    def read(self) -> Awaitable[bytes]:
        """Read the whole body, within limits, after `whole` has returned None."""

    def receive(self) -> Awaitable[bytes | None]:
        """Receive the next message of a stream of requests, within limits; None after the last."""

    def parse(self, body: bytes) -> Parsed:
        """Parse a body. Raises StatusError for a malformed one."""

    def room(self) -> Awaitable[None] | None:
        """Return what to await before the response is encoded, for a client that is slow; None for any other."""

    def encode(self, message: Message, /) -> bytes:
        """Return a response as bytes."""


# Not frozen: making it would take three times as long, and every call makes one.
@dataclass(slots=True, eq=False)
class Outcome:
    """How a call ended: with a body, or with a status that is not OK. A stream's messages have been sent before."""

    body: bytes = b""
    status: status_pb2.Status | None = None
    http_status: int | None = None
    """Overrides the HTTP status that goes with the code, see StatusError."""


class Sink(Protocol):
    """Where the messages of a stream go. Each protocol has its own."""

    async def start(self) -> None:
        """Send the head, with the initial metadata that the context has now. Does nothing the second time."""

    def room(self) -> Awaitable[None] | None:
        """Return what to await before the next message is made, for a client that is slow; None for any other."""

    async def send(self, message: bytes) -> None:
        """Send one message, after the head."""


class Places(Protocol):
    """Divides the places of concurrent calls among callers. Its methods run on the event loop."""

    def take(self, context: ServicerContext) -> bool:
        """Give a call a place, once its caller is known. A call that gets none ends with RESOURCE_EXHAUSTED."""

    def give_back(self, context: ServicerContext) -> None:
        """Take a place back: the call has ended."""

    def share(self, context: ServicerContext) -> Hashable:
        """Return whose share a call takes, such as its caller's tenant. They take turns at what cannot be divided."""


@dataclass(slots=True)
class Dispatcher:
    """Runs calls. Every hook is optional."""

    servicers: Servicers
    authenticate: Authenticate | None = None
    validate: Validate | None = None
    translate: Translate | None = None
    limits: Limits = field(default_factory=Limits)
    observers: Observers | None = None
    places: Places | None = None
    stopping: bool = False
    """Whether the grace period is over: calls that are cancelled from now on end with SHUTTING_DOWN."""
    _running: int = field(default=0, init=False)

    def unary(self, method: Method, context: ServicerContext, wire: Wire) -> Coroutine[Any, Any, Outcome]:
        """Run one call from its headers to its response's bytes. Raises nothing but CancelledError."""
        call = self._call(method, context, wire, None)
        return call if self.observers is None else _observed(call, method, context, self.observers)

    def stream(self, method: Method, context: ServicerContext, wire: Wire, sink: Sink) -> Coroutine[Any, Any, Outcome]:
        """Run one call whose responses are a stream, which goes to `sink`. Raises nothing but CancelledError."""
        call = self._stream(method, context, wire, sink)
        return call if self.observers is None else _observed(call, method, context, self.observers)

    def refused(self, code: int, context: ServicerContext) -> None:
        """Let the observers see a request over HTTP that reached no method."""
        if self.observers is not None:
            tokens = self.observers.started(CallStart("", context))
            end = CallEnd(context.protocol, "", code, 0.0, None, context.request_id, context.peer())
            self.observers.ended(tokens, end)

    async def _call(self, method: Method, context: ServicerContext, wire: Wire, sink: Sink | None) -> Outcome:
        # One coroutine and not a chain of them: each costs as much as one step of the work.
        if self._running >= self.limits.concurrent_calls:
            return Outcome(status=TOO_MANY)
        self._running += 1
        try:
            context.start(method.descriptor)
            if self.authenticate is not None:
                context.caller = await self.authenticate(method.descriptor, context)
            self._take_place(context)
            context.begin()
            if method.streams_requests:
                parse = partial(self._parsed, method, wire)
                request: Any = RequestStream(context, wire.receive, parse, self._user(context))
                context.read_message = request.read
            else:
                body = wire.whole()
                if body is None:
                    body = await wire.read()
                if len(body) < OFFLOAD_BYTES:
                    request = self._parsed(method, wire, body)
                else:
                    request = await run_in_turn(self._user(context), self._parsed, method, wire, body)
            if sink is not None:
                return await self._send(method, request, context, wire, sink)
            handler = self.servicers.handlers.get(method) or self.servicers.handler(method)
            response = await handler(request, context)
            if context.final_status is not None or context.may_have_failed:
                _check(context)
            message = response if type(response) is method.response_class else _typed(response, method)
            room = wire.room()
            if room is not None:
                await room
            if wire.offloads_encoding and type(message).ByteSize(message) >= OFFLOAD_BYTES:
                return Outcome(await run_in_turn(self._user(context), wire.encode, message))
            return Outcome(wire.encode(message))
        except BaseException as error:  # noqa: BLE001  # `failed` raises again what is not the call's failure
            return self.failed(error, method.path, context)
        finally:
            self._running -= 1
            if context.read_message is not None:
                context.read_message = _read_too_late
            context.finish()

    def _user(self, context: ServicerContext) -> Hashable:
        """Return who takes turns with others at the threads for large messages."""
        return None if self.places is None else self.places.share(context)

    def _take_place(self, context: ServicerContext) -> None:
        """Take a place for a call until it ends. Raise StatusError if it gets none."""
        places = self.places
        if places is None:
            return
        if not places.take(context):
            raise StatusError(TOO_MANY)
        context.add_callback(partial(places.give_back, context))

    async def _stream(self, method: Method, context: ServicerContext, wire: Wire, sink: Sink) -> Outcome:
        outcome = await self._call(method, context, wire, sink)
        if context.initial_is_sent:
            # It may still be on its way, or have been abandoned together with the servicer.
            with suppress(StatusError):
                await sink.start()
        return outcome

    async def _send(self, method: Method, request: Any, context: ServicerContext, wire: Wire, sink: Sink) -> Outcome:
        """Send the servicer's stream to `sink`."""

        async def write(message: object) -> None:
            # A code that the servicer has set applies at the end, a final status at once.
            if context.final_status is not None:
                raise StatusError(context.final_status)
            room = sink.room()
            if room is not None:
                await room
            await sink.send(wire.encode(_typed(message, method)))

        context.start_stream, context.write_message = sink.start, write
        responses = None
        try:
            responses = await self.servicers.stream(method, request, context)
            async for response in responses:
                await write(response)
        finally:
            if responses is not None:
                await close(responses)
            # They refer to the context, as it does to them.
            context.start_stream, context.write_message = None, _write_too_late
        _check(context)
        return Outcome()

    def _parsed(self, method: Method, wire: Wire, body: bytes) -> Message:
        """Parse and validate a body. Raises StatusError for one that is malformed or breaks a rule."""
        request, unreadable = wire.parse(body)
        broken = self.validate(request) if self.validate is not None else ()
        if unreadable or broken:
            raise StatusError(bad_request([*unreadable, *_beside(unreadable, broken, method.descriptor.input_type)]))
        return request

    def failed(self, error: BaseException, name: str, context: ServicerContext | None = None) -> Outcome:
        """Return the outcome of work that raised `error`, and log the error if it is a bug.

        `name` is the work's name in the log, `context` that of a call. Raises what is not a failure of the work again.
        """
        if isinstance(error, asyncio.CancelledError):
            return self._cancelled(error, context)
        if not isinstance(error, Exception | SystemExit):
            raise error
        final_status = None if context is None else context.final_status
        if isinstance(error, StatusError):
            return Outcome(status=final_status or error.status, http_status=None if final_status else error.http_status)
        # A servicer that calls sys.exit() has failed; the server goes on.
        status = None
        if self.translate is not None and isinstance(error, Exception):
            status = self._translated(self.translate, error, context)
        if status is None:
            status = None if context is None else context.failure()
            # With a status set, NotImplementedError is what the generated base class raises for a missing method.
            if status is None or not isinstance(error, NotImplementedError):
                _log.error("%s failed", name, exc_info=error)
        return Outcome(status=final_status or status or INTERNAL)

    @staticmethod
    def _translated(
        translate: Translate, error: Exception, context: ServicerContext | None
    ) -> status_pb2.Status | None:
        """Return the status that the program's own function has for an error; None, too, if that function fails."""
        try:
            status: object = translate(error, None if context is None else context.method)
        except Exception:  # noqa: BLE001  # whatever it is, the client gets a response, and the log both errors
            _log.exception("translate failed")
            return None
        if status is None or isinstance(status, status_pb2.Status):
            return status
        if inspect.iscoroutine(status):
            status.close()
        _log.error("translate returned %s, not a google.rpc.Status", type(status).__name__)
        return None

    def _cancelled(self, error: asyncio.CancelledError, context: ServicerContext | None) -> Outcome:
        if context is not None and context.is_interrupted:
            return Outcome(status=context.final_status)
        if self.stopping and (context is None or context.replies_after_cancel):
            return Outcome(status=SHUTTING_DOWN)
        if context is not None:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                # The servicer's own doing: something that it awaited was cancelled.
                return Outcome(status=context.final_status or CANCELLED)
            context.interrupt(CLIENT_LEFT)
        raise error


async def _write_too_late(_message: object) -> None:
    raise StatusError(CANCELLED)


async def _read_too_late() -> object:
    raise StatusError(CANCELLED)


async def _observed(
    call: Awaitable[Outcome], method: Method, context: ServicerContext, observers: Observers
) -> Outcome:
    started = time.perf_counter()
    name = method.path.removeprefix("/")
    tokens = observers.started(CallStart(name, context))
    code: int = code_pb2.CANCELLED
    try:
        outcome = await call
        code = code_pb2.OK if outcome.status is None else outcome.status.code
        return outcome
    finally:
        seconds = time.perf_counter() - started
        end = CallEnd(context.protocol, name, code, seconds, context.caller, context.request_id, context.peer())
        observers.ended(tokens, end)


def _typed(response: object, method: Method) -> Message:
    if not isinstance(response, method.response_class):
        raise TypeError(f"{method.path} returned {type(response).__name__}, not its response message")
    return response


def _check(context: ServicerContext) -> None:
    """Raise the status that the call ends with, unless it is OK."""
    status = context.failure()
    if status is not None:
        raise StatusError(status)


def _beside(
    unreadable: Sequence[FieldViolation], broken: Sequence[FieldViolation], descriptor: Descriptor
) -> Iterator[FieldViolation]:
    """Yield the broken rules that do not merely follow from fields that could not be read.

    Such a field is missing from the message, so its own rules, those of its oneof and those of the whole message would
    complain about something that the client did send.
    """
    named = {""} if unreadable else set()
    for violation in unreadable:
        named.add(violation.field)
        path = resolve(descriptor, violation.field)
        oneof = path[-1].containing_oneof if path else None
        if oneof is not None:
            named.add(".".join([*violation.field.split(".")[:-1], oneof.name]))
    return (violation for violation in broken if violation.field not in named)
