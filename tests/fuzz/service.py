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

from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2

from rpcfront import CallNext, Cors, Gateway, Limits, ServicerContext, StatusError, make_status
from tests.fuzz.endings import AS_IT_CAME, ENDINGS, WAITS, ServicerError, answers, ending_of
from tests.support.services import echo
from tests.support.services.fixture_service import pool

LIMIT = 16 * 1024
"""Bytes of a message: small, so that what is too large is cheap to make."""
ORIGIN = "https://page.example"


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


def _on_loop(method: MethodDescriptor) -> Callable[[Message, Any], Any]:
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

    return stream if method.server_streaming else unary


def _written(method: MethodDescriptor) -> Callable[[Message, Any], Any]:
    async def write(request: Message, context: Any) -> None:
        await _begin_on_loop(request, context)
        for message in answers(method, request):
            await context.write(message)
        _end(request, context)

    return write if method.server_streaming else _on_loop(method)


def _on_thread(method: MethodDescriptor) -> Callable[[Message, Any], Any]:
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

    return stream if method.server_streaming else unary


STYLES = {"on the loop": _on_loop, "written": _written, "on threads": _on_thread}


@cache
def services(*, multi_segment: bool = True) -> tuple[ServiceDescriptor, ...]:
    """The services; without `multi_segment`, none has a route that RSGI would refuse."""
    messages = pool(multi_segment=multi_segment)
    fixtures = messages.FindServiceByName("t.v1.T"), messages.FindServiceByName("t.more.More")
    return *fixtures, echo.service(), action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]


@cache
def methods() -> dict[str, MethodDescriptor]:
    """All of the services' methods that a gateway serves, by their paths."""
    return {
        f"/{service.full_name}/{method.name}": method
        for service in services()
        for method in service.methods
        if not method.client_streaming
    }


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


def servicers(style: str, *, multi_segment: bool = True) -> list[tuple[ServiceDescriptor, object]]:
    """The services, each with a servicer in one of the styles."""
    return [
        (service, SimpleNamespace(**{method.name: STYLES[style](method) for method in service.methods}))
        for service in services(multi_segment=multi_segment)
    ]


def gateway(style: str, *, multi_segment: bool = True, read_seconds: float = 5.0) -> Gateway:
    """A gateway of all the services."""
    return Gateway(
        servicers(style, multi_segment=multi_segment),
        authenticate=_authenticate,
        probes=PROBES,
        cors=Cors(frozenset({ORIGIN})),
        limits=Limits(message_bytes=LIMIT, read_seconds=read_seconds, threads=2, stream_bytes=LIMIT),
        # What a gateway may have, some have and some have not.
        strict_json=style == "written",
        interceptors=() if style == "on the loop" else (_passing,),
    )
