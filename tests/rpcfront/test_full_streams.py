"""A full gateway of one's own servicer: unary calls and streams, over every protocol that each face has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from rpcfront import Limits
from tests.rpcfront.clients import STREAMING, UNARY, Transport, begin, invoke
from tests.rpcfront.servicers.service import service_of
from tests.rpcfront.serving import Faces, Served, serve
from tests.support.services import echo
from tests.support.services.fixture_service import Gate
from tests.support.wire.calls import Call, Ended

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACES = 2
CROWD = 6
"""Calls of each protocol and kind of method."""
# cheroot's queue of new connections holds five, and what comes on top is reset: not a matter of the gateway's.
AT_ONCE = {"grpc": 100, "listener": 100, "asgi": 100, "wsgi": 5}
TEXTS = {"Async": ["a"], "AsyncStream": ["one", "a"]}
"""What each method answers."""
PAGES = {"Async": {"json", "plain-json", "connect-json", "connect-proto"}, "AsyncStream": {"json"}}
"""Protocols that tell a refusal by HTTP's status, and so have its Retry-After; the others answer 200, or are gRPC."""


class Held:
    """Ends when its gate is opened, as the request's code says; the first message of a stream goes out before."""

    def __init__(self) -> None:
        self.gate = Gate()

    async def Async(self, request: Any, context: Any) -> Any:
        await self.gate.hold()
        if request.code:
            await context.abort(request.code, "as asked")
        return request

    async def AsyncStream(self, request: Any, context: Any) -> Any:
        yield echo.note(text="one")
        yield await self.Async(request, context)


METHODS = {method.name: method for method in service_of(Held).methods}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def faces() -> AsyncIterator[Faces]:
    async with serve([Held], limits=Limits(concurrent_calls=PLACES)) as faces:
        yield faces


def _call(name: str, code: int = 0) -> Call:
    return Call(METHODS[name], echo.note(text="a", code=code))


def _names(transport: Transport) -> list[str]:
    """The methods that a protocol can call."""
    return ["Async", "AsyncStream"] if transport in STREAMING else ["Async"]


def _full() -> status_pb2.Status:
    status = status_pb2.Status(code=8, message="too many concurrent calls")
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1)))
    return status


def _assert_refused(transport: Transport, name: str, ended: Ended) -> None:
    assert (ended.status, ended.messages, ended.trailing) == (_full(), [], [])
    assert ended.initial == ([("retry-after", "1")] if transport.protocol in PAGES[name] else [])


@asynccontextmanager
async def _every_place_taken(served: Served, transport: Transport, code: int = 0) -> AsyncIterator[None]:
    """Inside the block as many calls run as there may be. All of them end with `code` behind it."""
    gate = served.servicer(Held).gate = Gate()
    async with AsyncExitStack() as stack:
        names = (_names(transport) * PLACES)[:PLACES]
        begun = [begin(transport, served.port, _call(name, code)) for name in names]
        holders = [await stack.enter_async_context(call) for call in begun]
        await gate.entered(PLACES)
        yield
        gate.open()
        for name, holder in zip(names, holders, strict=True):
            ended = await holder.ended()
            assert (ended.status.code, "a" in ended.texts) == (code, code == 0), name


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_calls_and_streams_that_run_take_the_places_and_give_them_back_however_they_end(
    faces: Faces, transport: Transport
) -> None:
    served = faces.behind(transport)
    for code in (0, 9, 0):
        async with _every_place_taken(served, transport, code):
            for name in _names(transport):
                _assert_refused(transport, name, await invoke(transport, served.port, _call(name)))


@pytest.mark.parametrize("face", list(AT_ONCE))
async def test_of_many_calls_at_once_each_is_answered_or_refused_and_no_place_is_lost(faces: Faces, face: str) -> None:
    transports = [transport for transport in UNARY if transport.face == face]
    served = faces.behind(transports[0])
    gate = served.servicer(Held).gate = Gate()
    connections = asyncio.Semaphore(AT_ONCE[face])
    someone_is_refused = asyncio.Event()
    answered: list[str] = []

    async def client(transport: Transport, name: str) -> None:
        async with connections:
            ended = await invoke(transport, served.port, _call(name))
        if ended.status.code == 0:
            assert ended.texts == TEXTS[name]
            answered.append(name)
        else:
            _assert_refused(transport, name, ended)
            someone_is_refused.set()

    async with asyncio.TaskGroup() as group:
        for transport in transports:
            for name in _names(transport) * CROWD:
                group.create_task(client(transport, name))
        await gate.entered(PLACES)
        await someone_is_refused.wait()
        gate.open()
    assert len(answered) >= PLACES
    async with _every_place_taken(served, transports[0]):
        """All of them could be taken once more."""
