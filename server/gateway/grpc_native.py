"""The native gRPC edge: a generic handler for `grpc.aio.server`.

Messages pass grpcio as bytes: it would answer INTERNAL to what does not parse before any code of ours ran.
"""

import time
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

from server.gateway.context import ServicerContext
from server.gateway.dispatch import Dispatcher
from server.gateway.metadata import DETAILS_KEY
from server.gateway.methods import Method
from server.gateway.protobuf import decode_protobuf, details_trailer, encode_protobuf
from server.gateway.status import GRPC_CODES, FieldViolation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class GrpcHandler(grpc.GenericRpcHandler):
    """Answers the gateway's methods. Unknown ones are left to other handlers, and in the end to grpcio."""

    def __init__(self, dispatcher: Dispatcher, methods: dict[str, Method]) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            path: grpc.unary_unary_rpc_method_handler(_behaviour(dispatcher, method))
            for path, method in methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        return self._handlers.get(handler_call_details.method)


def _behaviour(dispatcher: Dispatcher, method: Method) -> "Callable[[bytes, Any], Awaitable[bytes]]":
    async def call(data: bytes, grpc_context: Any) -> bytes:
        # grpc's context is read here, once: some of its methods end the process when called after the call has ended.
        remaining = grpc_context.time_remaining()
        context = ServicerContext(
            tuple(grpc_context.invocation_metadata() or ()),
            grpc_context.peer(),
            None if remaining is None else time.monotonic() + remaining,
        )

        async def decode() -> tuple[Message, list[FieldViolation]]:
            return decode_protobuf(method, data)

        outcome = await dispatcher.unary(method, context, decode, encode_protobuf)
        if context.initial_metadata():
            await grpc_context.send_initial_metadata(context.initial_metadata())
        if outcome.status is not None:
            await _abort(grpc_context, outcome.status, context)
        if context.trailing_metadata():
            grpc_context.set_trailing_metadata(context.trailing_metadata())
        return outcome.body

    return call


async def _abort(grpc_context: Any, status: status_pb2.Status, context: ServicerContext) -> None:
    # Trailing metadata that was set before an abort is lost, so it goes along.
    trailing: list[tuple[str, str | bytes]] = list(context.trailing_metadata())
    details = details_trailer(status)
    if details is not None:
        trailing.append((DETAILS_KEY, details))
    await grpc_context.abort(GRPC_CODES[status.code], status.message, tuple(trailing))
