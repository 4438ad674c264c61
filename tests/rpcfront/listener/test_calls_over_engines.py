"""Calls in every protocol over HTTP/2, through a listener with ngh2 and through one with the stand-in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2

from rpcfront import ConnectionLimits, Gateway, Limits
from rpcfront.listener.engine import Engine
from rpcfront.listener.engine_ngh2 import Ngh2Engine
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.engine_h2 import H2Engine
from tests.rpcfront.listener.http2_calls import invoke
from tests.rpcfront.listener.kinds import note
from tests.rpcfront.listener.listening import listening
from tests.rpcfront.servicers.forms import Does
from tests.rpcfront.servicers.service import STREAMING, methods_of, service_of
from tests.support.clients.http2_client import connect, head
from tests.support.services import echo
from tests.support.wire.calls import Call
from tests.support.wire.protocols import STREAMING_WIRES, WIRES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("quiet")]

ENGINES: dict[str, Callable[[ConnectionLimits], Engine]] = {"ngh2": Ngh2Engine, "h2": H2Engine}


class Responds(Does):
    """Returns its request, with metadata."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.send_initial_metadata((("x-initial", "one"), ("x-initial-bin", b"\xff\0")))
        context.set_trailing_metadata((("x-trailing", "two"),))


class Fails(Does):
    """Ends with an error that has details."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        status = echo.rich_status()
        context.set_trailing_metadata((("x-trailing", "two"),))
        yield context.abort(grpc.StatusCode.FAILED_PRECONDITION, status.message)


class Large(Does):
    """Returns more than a window."""

    before = 3

    def answer(self, request: Any) -> Any:
        return echo.note(text="a" * 200_000)


SERVICERS: dict[str, Any] = {servicer.__name__: servicer for servicer in (Responds, Fails, Large)}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=ENGINES)
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    services = [(service_of(kind), kind()) for kind in SERVICERS.values()]
    gateway = Gateway(services=[*services, (kinds.service(), kinds.Iterators())], limits=Limits(message_bytes=500_000))
    async with listening(gateway, make_engine=ENGINES[request.param]) as server:
        yield server.port


METHODS = [method for kind in SERVICERS.values() for method in methods_of(kind)]


@pytest.mark.parametrize(
    ("wire", "method"),
    [
        pytest.param(wire, method, id=f"{method.containing_service.name}.{method.name} {wire}")
        for method in METHODS
        for wire in (STREAMING_WIRES if method.name in STREAMING else WIRES)
    ],
)
async def test_every_protocol_works_over_http2(port: int, wire: str, method: MethodDescriptor) -> None:
    async with connect(port) as client:
        ended = await invoke(client, Call(method, echo.note(text="text")), WIRES[wire])
    servicer = SERVICERS[method.containing_service.name]
    before = ["text"] * (servicer.before if method.name in STREAMING else 0)
    # A stream of JSON has no place for them.
    trailing = [] if servicer is Large or (wire == "json" and method.name in STREAMING) else [("x-trailing", "two")]
    assert ended.trailing == trailing
    if servicer is Fails:
        assert (ended.status.code, ended.status.message) == (code_pb2.FAILED_PRECONDITION, "not yet: 100% ü")
        assert ended.texts == before
    else:
        assert ended.status.code == code_pb2.OK
        assert ended.texts == [*before, "text" if servicer is Responds else "a" * 200_000]
    assert ended.initial == ([("x-initial", "one"), ("x-initial-bin", b"\xff\0")] if servicer is Responds else [])


async def test_many_calls_go_on_at_once_over_one_connection(port: int) -> None:
    method = methods_of(Large)[0]
    request = WIRES["connect-proto"].write(Call(method, echo.note(text="text")))
    async with connect(port) as client:
        streams = []
        for _ in range(50):
            streams.append(client.request(head("POST", request.path, *request.headers), end=False))
            client.data(streams[-1], request.body, end=True)
        await client.until(lambda: all(client.streams[stream].is_over for stream in streams))
        assert {len(client.streams[stream].body) for stream in streams} == {200_004}


Channel = grpc.aio.Channel


@pytest_asyncio.fixture(loop_scope="module")
async def channel(port: int) -> AsyncIterator[Channel]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield channel


def arguments() -> tuple[Any, Any]:
    return kinds.note_class().SerializeToString, kinds.note_class().FromString


async def test_grpcio_makes_calls_of_all_kinds(channel: Channel) -> None:
    one: Any = channel.unary_unary(kinds.path("One"), *arguments())
    assert (await one(note("a" * 300_000))).text == "a" * 300_000
    many: Any = channel.unary_stream(kinds.path("Many"), *arguments())
    assert [each.count async for each in many(note("a" * 50_000, 20))] == list(range(20))
    total: Any = channel.stream_unary(kinds.path("Sum"), *arguments())
    assert (await total(iter([note("a" * 50_000, number) for number in range(10)]))).count == 45
    talk: Any = channel.stream_stream(kinds.path("Talk"), *arguments())
    assert [each.text async for each in talk(iter([note("a"), note("b")]))] == ["A", "B"]


async def test_grpcio_talks_in_turns(channel: Channel) -> None:
    talk: Any = channel.stream_stream(kinds.path("Talk"), *arguments())()
    for number in range(20):
        await talk.write(note("a", number))
        assert (await talk.read()).count == number
    await talk.done_writing()
    assert await talk.read() is grpc.aio.EOF
    assert await talk.code() is grpc.StatusCode.OK


async def test_grpcio_makes_many_calls_at_once(channel: Channel) -> None:
    one: Any = channel.unary_unary(kinds.path("One"), *arguments())
    answers = await asyncio.gather(*(one(note(count=number)) for number in range(300)))
    assert [answer.count for answer in answers] == list(range(300))


async def test_grpcios_cancellation_ends_a_call_and_no_other(channel: Channel) -> None:
    talk: Any = channel.stream_stream(kinds.path("Talk"), *arguments())()
    await talk.write(note("a"))
    await talk.read()
    talk.cancel()
    one: Any = channel.unary_unary(kinds.path("One"), *arguments())
    assert (await one(note("a"))).text == "a"


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_drain_loses_no_call(engine: str) -> None:
    gateway = Gateway(services=[(kinds.service(), kinds.Iterators())])
    async with (
        listening(gateway, make_engine=ENGINES[engine]) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", [("grpc.use_local_subchannel_pool", 1)]) as channel,
    ):
        talk: Any = channel.stream_stream(kinds.path("Talk"), *arguments())()
        await talk.write(note("a"))
        assert (await talk.read()).text == "A"
        draining = asyncio.create_task(server.drain(10))
        await asyncio.sleep(0.2)
        await talk.write(note("b"))
        assert (await talk.read()).text == "B"
        await talk.done_writing()
        assert await talk.read() is grpc.aio.EOF
        assert await talk.code() is grpc.StatusCode.OK
        await asyncio.wait_for(draining, 5)
