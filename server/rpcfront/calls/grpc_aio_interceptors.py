"""Adapts interceptors that were written for grpc.aio's server."""

import inspect
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc

from rpcfront.arguments import check_callable
from rpcfront.calls.context import ServicerContext
from rpcfront.calls.protobuf import UNKNOWN_METHOD
from rpcfront.calls.servicers import CallNext, Interceptor
from rpcfront.metadata import Metadata
from rpcfront.status import StatusError


class _CallDetails(NamedTuple):
    """The fields of `grpc.HandlerCallDetails`."""

    method: str
    invocation_metadata: Metadata


# By whether requests and responses are streams: what makes a handler, and the handler's attribute that is called.
_KINDS: dict[tuple[bool, bool], tuple[Any, str]] = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}


def from_grpc_aio(interceptor: grpc.aio.ServerInterceptor) -> Interceptor:
    """Return an interceptor for `Gateway(interceptors=…)` that runs `interceptor.intercept_service`.

    The continuation returns a method handler without (de)serialisers, since interceptors see parsed messages here. The
    handler that the interceptor returns is called once, with a parsed message or an async iterator of them.
    """
    check_callable("intercept_service", getattr(interceptor, "intercept_service", None))
    if isinstance(interceptor, type):
        raise TypeError(f"{interceptor.__name__} is a class; give an instance of it")

    async def intercept(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
        method = context.method
        if method is None:
            raise RuntimeError("an interceptor runs inside a call")
        is_streaming = bool(method.server_streaming)
        make_handler, attribute = _KINDS[bool(method.client_streaming), is_streaming]

        async def continuation(_details: object) -> "grpc.RpcMethodHandler[Any, Any]":
            made: grpc.RpcMethodHandler[Any, Any] = make_handler(_streamed(call_next) if is_streaming else call_next)
            return made

        service, _, name = method.full_name.rpartition(".")
        details = _CallDetails(f"/{service}/{name}", context.invocation_metadata())
        handler: Any = await interceptor.intercept_service(continuation, details)  # type: ignore[arg-type]  # see above
        if handler is None:
            raise StatusError(UNKNOWN_METHOD)
        # Interceptors that refuse a call mostly return a unary handler, whatever the method, and grpc.aio allows it.
        behaviour = getattr(handler, attribute)
        if behaviour is None:
            response = await handler.unary_unary(request, context)
            return _once(response) if is_streaming else response
        result = behaviour(request, context)
        return await result if inspect.isawaitable(result) else result

    return intercept


async def _once(response: Any) -> AsyncIterator[Any]:
    yield response


def _streamed(call_next: CallNext) -> Any:
    async def responses(request: Any, context: ServicerContext) -> Any:
        async for response in await call_next(request, context):
            yield response

    return responses
