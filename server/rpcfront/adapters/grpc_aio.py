"""The grpc.aio adapter: native gRPC as a generic handler for `grpc.aio.server`.

grpcio sees messages as bytes: it would end a call with INTERNAL if one did not parse, before any code here ran. And
it sees every method as one with a stream of requests, so that the single message can be read here, after
authentication: grpcio itself takes the first of several, and never ends a call that has none.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.deadlines import Deadlines
from rpcfront.calls.dispatch import INTERNAL, Dispatcher, Outcome, Parsed
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.calls.methods import Method
from rpcfront.calls.protobuf import MORE_MESSAGES, NO_MESSAGE, decode_protobuf, details_trailer, encode_protobuf
from rpcfront.calls.request_ids import REQUEST_ID, RequestIds
from rpcfront.limits import too_slow
from rpcfront.metadata import DETAILS_KEY, Metadata
from rpcfront.status import GRPC_CODES, StatusError

_INSECURE = [b"insecure"]
"""grpcio's name for a connection without TLS, whose peer has no identity."""

_log = logging.getLogger(__name__)


class GrpcHandler(grpc.GenericRpcHandler):
    """Serves the gateway's methods. Unknown ones are left to other handlers, and in the end to grpcio."""

    def __init__(
        self, dispatcher: Dispatcher, methods: dict[str, Method], request_ids: RequestIds, read_seconds: float
    ) -> None:
        reader = _Reader(request_ids, read_seconds)
        self._handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            path: _handler(dispatcher, method, reader) for path, method in methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        return self._handlers.get(handler_call_details.method)


class _Reader:
    """Reads a call's metadata, deadline and message."""

    def __init__(self, request_ids: RequestIds, seconds: float) -> None:
        self._request_ids = request_ids
        self._deadlines = Deadlines()
        self._seconds = seconds

    def context(self, grpc_context: Any) -> "_GrpcContext":
        """Return the context of a call."""
        # grpcio's context is read once: some of its methods crash the process when called after the call has ended.
        remaining = grpc_context.time_remaining()
        metadata: Metadata = tuple(grpc_context.invocation_metadata() or ())
        given = None
        for key, value in metadata:
            if key == REQUEST_ID and isinstance(value, str):
                given = value
                break
        security: Mapping[str, Sequence[bytes]] = grpc_context.auth_context()
        identities = None, None
        if security.get("transport_security_type") != _INSECURE:
            identities = grpc_context.peer_identities(), grpc_context.peer_identity_key()
        return _GrpcContext(
            self._request_ids.take(given),
            metadata,
            grpc_context.peer(),
            None if remaining is None else time.monotonic() + remaining,
            (*identities, security),
        )

    async def next_message(self, grpc_context: Any) -> bytes | None:
        """Return the next message of a stream of requests; None after the last."""
        message = await grpc_context.read()
        return None if message is grpc.aio.EOF else message

    async def message(self, grpc_context: Any, context: ServicerContext) -> bytes:
        """Return the call's message. Raises StatusError unless exactly one arrives in time."""
        task, deadlines = context.running_task(), self._deadlines
        deadlines.enter(task, self._seconds)
        try:
            message = await grpc_context.read()
            if message is grpc.aio.EOF:
                raise StatusError(NO_MESSAGE)
            if await grpc_context.read() is not grpc.aio.EOF:
                raise StatusError(MORE_MESSAGES)
        except asyncio.CancelledError:
            if deadlines.is_expired(task):
                raise too_slow(self._seconds) from None
            raise
        finally:
            deadlines.leave(task)
        data: bytes = message
        return data


@dataclass(slots=True, eq=False)
class _Wire:
    """The messages of one call."""

    reader: _Reader
    grpc_context: Any
    context: ServicerContext
    method: Method
    offloads_encoding = False
    encode = staticmethod(encode_protobuf)

    def room(self) -> None:
        """Return None: grpcio holds what its clients leave."""

    def whole(self) -> None:
        """Return None: grpcio does not tell whether a message has arrived."""

    def read(self) -> Awaitable[bytes]:
        return self.reader.message(self.grpc_context, self.context)

    def receive(self) -> Awaitable[bytes | None]:
        return self.reader.next_message(self.grpc_context)

    def parse(self, body: bytes) -> Parsed:
        return decode_protobuf(self.method, body)


def _handler(dispatcher: Dispatcher, method: Method, reader: _Reader) -> "grpc.RpcMethodHandler[bytes, bytes]":
    if method.streams_responses:
        return grpc.stream_stream_rpc_method_handler(_stream(dispatcher, method, reader))
    return grpc.stream_unary_rpc_method_handler(_unary(dispatcher, method, reader))


def _unary(dispatcher: Dispatcher, method: Method, reader: _Reader) -> Callable[[object, Any], Awaitable[bytes]]:
    async def call(_requests: object, grpc_context: Any) -> bytes:
        try:
            context = reader.context(grpc_context)
            wire = _Wire(reader, grpc_context, context, method)
            outcome = await dispatcher.unary(method, context, wire)
            if outcome.status is not None or context.has_metadata:
                if context.initial_metadata():
                    await grpc_context.send_initial_metadata(context.initial_metadata())
                await _end(grpc_context, outcome, context)
        except Exception as error:
            await _fail(grpc_context, method, error)
            raise
        return outcome.body

    return call


def _stream(dispatcher: Dispatcher, method: Method, reader: _Reader) -> Callable[[object, Any], Awaitable[None]]:
    async def call(_requests: object, grpc_context: Any) -> None:
        try:
            context = reader.context(grpc_context)
            sink = _Sink(grpc_context, context)
            wire = _Wire(reader, grpc_context, context, method)
            outcome = await dispatcher.stream(method, context, wire, sink)
            if context.initial_metadata():
                await sink.start()
            await _end(grpc_context, outcome, context)
        except Exception as error:
            await _fail(grpc_context, method, error)
            raise

    return call


async def _fail(grpc_context: Any, method: Method, error: Exception) -> None:
    """End a call that has failed unexpectedly: grpcio would show the client the text of the exception."""
    # grpcio's own errors are an abort, and a call that has ended meanwhile.
    if not isinstance(error, grpc.aio.BaseError):
        _log.error("%s failed", method.path, exc_info=error)
        await grpc_context.abort(GRPC_CODES[INTERNAL.code], INTERNAL.message)


class _GrpcContext(ServicerContext):
    """The context of a call over grpcio, which may know the peer's identity."""

    protocol = "grpc"

    def __init__(
        self,
        request_id: str,
        invocation: Metadata,
        peer: str,
        deadline: float | None,
        identities: tuple[Sequence[bytes] | None, str | None, Mapping[str, Sequence[bytes]]],
    ) -> None:
        self._invocation = invocation
        self._peer = peer
        self._deadline = deadline
        self.request_id = request_id
        self._identities = identities

    def peer_identities(self) -> Sequence[bytes] | None:
        return self._identities[0]

    def peer_identity_key(self) -> str | None:
        return self._identities[1]

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        return self._identities[2]


class _Sink:
    """Sends a stream to grpcio."""

    def __init__(self, grpc_context: Any, context: ServicerContext) -> None:
        self._grpc_context = grpc_context
        self._context = context
        self._has_started = False
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        # One at a time: grpcio accepts no message while the metadata is being sent.
        async with self._starting:
            if not self._has_started:
                self._context.initial_is_sent = self._has_started = True
                await self._grpc_context.send_initial_metadata(self._context.initial_metadata())

    def room(self) -> None:
        """Return None: `send` waits."""

    async def send(self, message: bytes) -> None:
        if not self._has_started or self._starting.locked():
            await self.start()
        try:
            await self._grpc_context.write(message)
        except grpc.aio.BaseError:
            # The call has ended, and its servicer goes on regardless.
            raise StatusError(CLIENT_LEFT) from None


async def _end(grpc_context: Any, outcome: Outcome, context: ServicerContext) -> None:
    """Pass the call's status and trailing metadata to grpcio."""
    status = outcome.status
    if status is None:
        if context.trailers():
            grpc_context.set_trailing_metadata(context.trailers())
        return
    # grpcio would lose trailing metadata that was set before an abort, so it is passed along.
    trailing: list[tuple[str, str | bytes]] = list(context.trailers())
    details = details_trailer(status)
    if details is not None:
        trailing.append((DETAILS_KEY, details))
    await grpc_context.abort(GRPC_CODES[status.code], status.message, tuple(trailing))
