"""What is fuzzed: gateways of the fixtures' services, of the echo service, and of one whose proto has rules.

A servicer comes in three styles, so that a call may run on the event loop or on a thread, and a stream may be a
generator or be written through the context.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2

from rpcfront import CallNext, Cors, Gateway, Limits, ServicerContext, StatusError, make_status
from tests.fuzz.endings import AS_IT_CAME, ENDINGS, WAITS, ServicerError, answers, ending_of
from tests.support.services import echo
from tests.support.services.fixture_protos import fixture_pool

LIMIT = 16 * 1024
"""Bytes of a message: small, so that what is too large is cheap to make."""
ORIGIN = "https://page.example"


Behaviour = Callable[[Any, Any], Any]
"""A method of a servicer: it is given a message, or a stream of them, and the context."""


def _begin(request: Message, context: Any) -> Any:
    begin = ENDINGS.get(ending_of(request)[0], AS_IT_CAME).begin
    return None if begin is None else begin(context)


async def _begin_on_loop(request: Message, context: Any) -> None:
    begun = _begin(request, context)
    if begun is not None:
        await begun


def _end(request: Message, context: Any) -> None:
    asked, number = ending_of(request)
    ENDINGS.get(asked, AS_IT_CAME).act(context, number)


def _pause(request: Message) -> float:
    """Seconds before each message: a client that leaves is seen to only once a call has run for a while."""
    return WAITS.get(ending_of(request)[0], (0.0, 0.0))[0]


def _empty(method: MethodDescriptor) -> Message:
    """What a stream asks for that has no message. Of one that has any, the last asks."""
    return GetMessageClass(method.input_type)()


async def _once(message: Message) -> AsyncIterator[Message]:
    yield message


def _on_loop(method: MethodDescriptor) -> Behaviour:
    async def unary(request: Message, context: Any) -> Message:
        await _begin_on_loop(request, context)
        await asyncio.sleep(_pause(request))
        _end(request, context)
        message: Message = answers(method, request)[0]
        return message

    async def stream(request: Message, context: Any) -> AsyncIterator[Message]:
        await _begin_on_loop(request, context)
        for message in answers(method, request):
            await asyncio.sleep(_pause(request))
            yield message
        _end(request, context)

    async def collect(requests: AsyncIterator[Message], context: Any) -> Message:
        last = _empty(method)
        async for request in requests:
            last = request
        return await unary(last, context)

    if method.client_streaming:
        return collect
    return stream if method.server_streaming else unary


def _written(method: MethodDescriptor) -> Behaviour:
    async def write(request: Message, context: Any) -> None:
        await _begin_on_loop(request, context)
        for message in answers(method, request):
            await context.write(message)
        _end(request, context)

    async def collect(_requests: object, context: Any) -> Message:
        last = _empty(method)
        while (request := await context.read()) is not grpc.aio.EOF:
            last = request
        message: Message = await _on_loop(method)(_once(last), context)
        return message

    if method.client_streaming:
        return collect
    return write if method.server_streaming else _on_loop(method)


def _on_thread(method: MethodDescriptor) -> Behaviour:
    def unary(request: Message, context: Any) -> Message:
        _begin(request, context)
        time.sleep(_pause(request))
        _end(request, context)
        message: Message = answers(method, request)[0]
        return message

    def stream(request: Message, context: Any) -> Iterator[Message]:
        _begin(request, context)
        for message in answers(method, request):
            time.sleep(_pause(request))
            yield message
        _end(request, context)

    def collect(requests: Iterator[Message], context: Any) -> Message:
        last = _empty(method)
        for request in requests:
            last = request
        return unary(last, context)

    if method.client_streaming:
        return collect
    return stream if method.server_streaming else unary


STYLES = {"on the loop": _on_loop, "written": _written, "on threads": _on_thread}


@cache
def services() -> tuple[ServiceDescriptor, ...]:
    """The services."""
    messages = fixture_pool()
    fixtures = messages.FindServiceByName("t.v1.T"), messages.FindServiceByName("t.more.More")
    return *fixtures, echo.service(), action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]


@cache
def methods() -> dict[str, MethodDescriptor]:
    """All of the services' methods that a gateway serves, by their paths."""
    return {f"/{service.full_name}/{method.name}": method for service in services() for method in service.methods}


@cache
def free_methods() -> tuple[str, ...]:
    """The paths of those whose requests break no rule whatever stands in them."""
    return tuple(path for path, method in methods().items() if method.containing_service.name != "ActionService")


async def _authenticate(_method: MethodDescriptor, context: ServicerContext) -> str:
    match context.authorization():
        case ["no"]:
            raise StatusError(make_status(code_pb2.UNAUTHENTICATED, "who are you"))
        case ["fail"]:
            raise ServicerError("the store of tokens is away")
    return "me"


async def _passing(call_next: CallNext, request: Message, context: ServicerContext) -> Any:
    return await call_next(request, context)


async def _well() -> None:
    return


async def _unwell() -> None:
    raise ServicerError("the probe's own")


PROBES = {"/healthz": _well, "/readyz": _unwell}


def servicers(style: str) -> list[tuple[ServiceDescriptor, object]]:
    """The services, each with a servicer in one of the styles."""
    return [
        (service, SimpleNamespace(**{method.name: STYLES[style](method) for method in service.methods}))
        for service in services()
    ]


def gateway(style: str, *, read_seconds: float = 5.0) -> Gateway:
    """A gateway of all the services."""
    return Gateway(
        servicers(style),
        authenticate=_authenticate,
        probes=PROBES,
        cors=Cors(frozenset({ORIGIN})),
        limits=Limits(message_bytes=LIMIT, read_seconds=read_seconds, threads=2),
        # What a gateway may have, some have and some have not.
        strict_json=style == "written",
        interceptors=() if style == "on the loop" else (_passing,),
    )
