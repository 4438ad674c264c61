"""A gateway's handler for native gRPC, called as grpc.aio calls it."""

import asyncio
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import grpc

from tests.fuzz.cases.inputs import GrpcInput
from tests.fuzz.senders.answers import GrpcAnswer

Metadata = Iterable[tuple[str, str | bytes]]
UNKNOWN = GrpcAnswer((), grpc.StatusCode.UNIMPLEMENTED.value[0], "Method not found!")


class _Context:
    """The parts of grpc.aio.ServicerContext that say something to the client, and those that tell of the call."""

    def __init__(self, call: GrpcInput) -> None:
        self._call = call
        self._initial: Metadata | None = None
        self._trailing: Metadata = ()
        self._messages: list[bytes] = []
        self._code = 0
        self._details = ""
        self._requests = list(call.messages)
        self._callbacks: list[Callable[[Any], None]] = []
        self.is_over = False
        self.faults: list[str] = []

    def _alive(self, what: str) -> None:
        if self.is_over:
            # In grpcio some of this ends the process.
            self.faults.append(f"{what} after the end of the call")

    def invocation_metadata(self) -> Any:
        self._alive("invocation_metadata")
        return self._call.metadata

    def peer(self) -> str:
        self._alive("peer")
        return "ipv4:127.0.0.1:50000"

    def auth_context(self) -> dict[str, Any]:
        self._alive("auth_context")
        return {}

    def peer_identities(self) -> None:
        self._alive("peer_identities")

    def peer_identity_key(self) -> None:
        self._alive("peer_identity_key")

    def time_remaining(self) -> float | None:
        self._alive("time_remaining")
        return self._call.timeout

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    def cancelled(self) -> bool:
        return self.is_over

    def done(self) -> bool:
        return self.is_over

    async def read(self) -> Any:
        """The next message of the request; grpc.aio serves a unary call as a stream of them to whoever asks it to."""
        self._alive("read")
        await asyncio.sleep(0)
        return self._requests.pop(0) if self._requests else grpc.aio.EOF

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        self._alive("send_initial_metadata")
        if self._initial is not None:
            self.faults.append("sent initial metadata twice")
        self._initial = tuple(metadata)

    async def write(self, message: bytes) -> None:
        self._alive("write")
        await asyncio.sleep(0)
        self._initial = self._initial or ()
        self._messages.append(message)

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self._alive("set_trailing_metadata")
        self._trailing = tuple(metadata)

    def trailing_metadata(self) -> Metadata:
        return self._trailing

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code.value[0]

    def set_details(self, details: str) -> None:
        self._details = details

    def code(self) -> int:
        return self._code

    def details(self) -> str:
        return self._details

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> None:
        self._alive("abort")
        self._code, self._details = code.value[0], details
        self._trailing = tuple(trailing_metadata) or self._trailing
        raise grpc.aio.AbortError("Locally aborted.")

    def end(self) -> GrpcAnswer:
        self.is_over = True
        for callback in self._callbacks:
            callback(self)
        return GrpcAnswer(
            tuple(self._messages), self._code, self._details, tuple(self._initial or ()), tuple(self._trailing)
        )


async def _behave(handler: Any, context: _Context) -> None:
    if handler.stream_unary is not None:
        message = await handler.stream_unary(context, context)
        await context.write(message)
    else:
        await handler.stream_stream(context, context)


async def call(handler: grpc.GenericRpcHandler, request: GrpcInput) -> GrpcAnswer | None:
    """The end of the call; None if it was cancelled before. Raises AssertionError for a misuse of grpc.aio."""
    details: Any = SimpleNamespace(method=request.path, invocation_metadata=request.metadata)
    method_handler = handler.service(details)
    if method_handler is None:
        return UNKNOWN
    context = _Context(request)
    task = asyncio.ensure_future(_behave(method_handler, context))
    if request.leaves:
        await asyncio.sleep(0)
        context.is_over = not task.done()
        task.cancel()
    try:
        await task
    except grpc.aio.AbortError:
        """It has said how the call ends."""
    except asyncio.CancelledError:
        context.end()
        assert request.leaves, "a call was cancelled that nobody had cancelled"
        assert not context.faults, context.faults
        return None
    answer = context.end()
    assert not context.faults, context.faults
    return answer
