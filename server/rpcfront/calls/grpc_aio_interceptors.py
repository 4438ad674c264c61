"""Adapts interceptors that were written for grpc.aio's server."""

import inspect
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import Message

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.protobuf import UNKNOWN_METHOD
from rpcfront.calls.servicers import CallNext, Interceptor
from rpcfront.metadata import Metadata
from rpcfront.status import StatusError


class _CallDetails(NamedTuple):
    """The fields of `grpc.HandlerCallDetails`."""

    method: str
    invocation_metadata: Metadata


def from_grpc_aio(interceptor: grpc.aio.ServerInterceptor) -> Interceptor:
    """Return an interceptor for `Gateway(interceptors=…)` that runs `interceptor.intercept_service`.

    The continuation returns a method handler without (de)serialisers, since interceptors see parsed messages here. The
    handler that the interceptor returns is called once, with a parsed message.
    """

    async def intercept(call_next: CallNext, request: Message, context: ServicerContext) -> Any:
        method = context.method
        if method is None:
            raise RuntimeError("an interceptor runs inside a call")
        is_streaming = bool(method.server_streaming)

        async def continuation(_details: object) -> "grpc.RpcMethodHandler[Any, Any]":
            if is_streaming:
                return grpc.unary_stream_rpc_method_handler(_streamed(call_next))
            return grpc.unary_unary_rpc_method_handler(call_next)

        service, _, name = method.full_name.rpartition(".")
        details = _CallDetails(f"/{service}/{name}", context.invocation_metadata())
        handler: Any = await interceptor.intercept_service(continuation, details)  # type: ignore[arg-type]  # see above
        if handler is None:
            raise StatusError(UNKNOWN_METHOD)
        # Interceptors that refuse a call mostly return a unary handler, whatever the method, and grpc.aio allows it.
        if not is_streaming or handler.unary_stream is None:
            response = await handler.unary_unary(request, context)
            return _once(response) if is_streaming else response
        responses = handler.unary_stream(request, context)
        return await responses if inspect.isawaitable(responses) else responses

    return intercept


async def _once(response: Any) -> AsyncIterator[Any]:
    yield response


def _streamed(call_next: CallNext) -> Any:
    async def responses(request: Message, context: ServicerContext) -> Any:
        async for response in await call_next(request, context):
            yield response

    return responses
