"""Small interceptors: the gateway's own kind, one of which each call chooses by its text, and some of grpc.aio's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from rpcfront import CallNext, Interceptor, ServicerContext
from tests.rpcfront.servicers.endings import SECRET
from tests.support.services.echo import note


def traces(name: str) -> Interceptor:
    """Leaves its name in the id of the request, and of every response."""

    async def trace(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
        request.id += f"{name}>"
        answer = await call_next(request, context)
        if isinstance(answer, Message):
            return _signed(answer, name)
        return (_signed(message, name) async for message in answer)

    return trace


def _signed(message: Any, name: str) -> Any:
    return note(id=f"{message.id}<{name}", text=message.text)


async def _pass_on(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    return await call_next(request)


async def _replace_the_request(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    return await call_next(note(text="replaced"), context)


async def _replace_the_response(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    answer = await call_next(request, context)
    if isinstance(answer, Message):
        return note(text="replaced")
    return (note(text="replaced") async for _ in answer)


async def _skip(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    if context.method is not None and context.method.server_streaming:
        return _skipped()
    return note(text="skipped")


async def _skipped() -> AsyncIterator[Any]:
    yield note(text="skipped")


async def _abort(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you", (("x-why", "because"),))


async def _raise(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    raise RuntimeError(SECRET)


async def _abort_behind(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    answer = await call_next(request, context)
    if isinstance(answer, Message):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "too late")
    return _aborted(answer, context)


async def _aborted(answer: AsyncIterator[Any], context: ServicerContext) -> AsyncIterator[Any]:
    yield await anext(answer)
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "too late")


async def _answer_nothing(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    await call_next(request, context)


async def _catch(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    try:
        return await call_next(note(), context)
    except RuntimeError:
        return note(text="caught")


async def _set_metadata(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    await context.send_initial_metadata((("x-initial", "one"),))
    answer = await call_next(request, context)
    context.set_trailing_metadata((("x-trailing", "two"),))
    return answer


async def _tell(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    method = context.method
    assert method is not None
    return await call_next(note(text=f"{method.full_name}, called by {context.caller}"), context)


BY_TEXT: dict[str, Interceptor] = {
    "abort": _abort,
    "abort behind": _abort_behind,
    "answer nothing": _answer_nothing,
    "catch": _catch,
    "raise": _raise,
    "replace the request": _replace_the_request,
    "replace the response": _replace_the_response,
    "set metadata": _set_metadata,
    "skip": _skip,
    "tell": _tell,
}


async def chosen(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    """Does what the text of the request says, or nothing."""
    behaviour: Interceptor = BY_TEXT.get(request.text, _pass_on)
    return await behaviour(call_next, request, context)


class Doorkeeper(grpc.aio.ServerInterceptor):
    """Turns a call away by its metadata, with a handler of one answer, whatever the method: so it is mostly written."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        metadata = dict(handler_call_details.invocation_metadata)
        if metadata.get("x-door") == "closed":
            return grpc.unary_unary_rpc_method_handler(self._turn_away)
        return await continuation(handler_call_details)

    async def _turn_away(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "closed", (("x-why", "because"),))


class Shouter(grpc.aio.ServerInterceptor):
    """Wraps the method's handler: answers in capitals, if the metadata asks for that."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        if dict(handler_call_details.invocation_metadata).get("x-voice") != handler_call_details.method:
            return handler
        make, behaviour = (
            (grpc.unary_stream_rpc_method_handler, _shouted_stream(handler.unary_stream))
            if handler.response_streaming
            else (grpc.unary_unary_rpc_method_handler, _shouted(handler.unary_unary))
        )
        return make(behaviour, handler.request_deserializer, handler.response_serializer)


def _shouted(behaviour: Callable[..., Awaitable[Any]]) -> Any:
    async def shout(request: Any, context: Any) -> Any:
        answer = await behaviour(request, context)
        return note(text=answer.text.upper())

    return shout


def _shouted_stream(behaviour: Callable[..., AsyncIterator[Any]]) -> Any:
    async def shout(request: Any, context: Any) -> AsyncIterator[Any]:
        async for answer in behaviour(request, context):
            yield note(text=answer.text.upper())

    return shout


class Bouncer(grpc.aio.ServerInterceptor):
    """Says that it knows no such method."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        hidden = dict(handler_call_details.invocation_metadata).get("x-hide")
        return None if hidden else await continuation(handler_call_details)
