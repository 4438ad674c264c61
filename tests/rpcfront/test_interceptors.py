"""Interceptors run around every call, the same over every protocol."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2

from rpcfront import ServicerContext, StatusError, from_grpc_aio, make_status
from tests.rpcfront.clients import NATIVE, STREAMING, UNARY, Transport, begin, forms_of, invoke
from tests.rpcfront.servicers import endings, interceptors, lives, service
from tests.rpcfront.servicers.bare import BarePorts, bare_servers
from tests.rpcfront.servicers.service import service_of
from tests.rpcfront.serving import Faces, serve
from tests.support.clients.http import ask
from tests.support.services import echo
from tests.support.wire.calls import Call, Ended, Pairs

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICERS = (endings.Echoes, endings.Raises, lives.Endless)
GRPC_AIO = (interceptors.Doorkeeper, interceptors.Bouncer, interceptors.Shouter)


async def authenticate(_method: MethodDescriptor, context: ServicerContext) -> str:
    if ("x-caller", "nobody") in context.invocation_metadata():
        raise StatusError(make_status(code_pb2.UNAUTHENTICATED, "who are you"))
    return "me"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def faces() -> AsyncIterator[Faces]:
    chain = [
        interceptors.traces("a"),
        interceptors.traces("b"),
        interceptors.chosen,
        *(from_grpc_aio(kind()) for kind in GRPC_AIO),
    ]
    async with serve(SERVICERS, authenticate=authenticate, interceptors=chain) as faces:
        yield faces


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bare() -> AsyncIterator[BarePorts]:
    async with bare_servers(SERVICERS, [kind() for kind in GRPC_AIO]) as ports:
        yield ports


def call_of(servicer: type, form: str, text: str, metadata: Pairs | None = None) -> Call:
    return Call(service_of(servicer).methods_by_name[form], echo.note(text=text), metadata or [])


@dataclass(frozen=True)
class Expect:
    """How a call ends: its code, message and metadata, and its messages as pairs of id and text."""

    code: int = 0
    message: str = ""
    messages: tuple[tuple[str, str], ...] = ()
    initial: tuple[tuple[str, str | bytes], ...] = ()
    trailing: tuple[tuple[str, str | bytes], ...] = ()


def told(ended: Ended) -> Expect:
    messages = tuple((message.id, message.text) for message in ended.messages)
    return Expect(ended.status.code, ended.status.message, messages, tuple(ended.initial), tuple(ended.trailing))


TRACE = "a>b><b<a"
REPLACED = "<b<a"
INTERNAL = Expect(13, "internal error")
REFUSED = Expect(7, "not you", trailing=(("x-why", "because"),))

# What the request says: how a unary call ends, and a stream of three messages.
TABLE = {
    "nothing": (Expect(messages=((TRACE, "nothing"),)), Expect(messages=((TRACE, "nothing"),) * 3)),
    "replace the request": (
        Expect(messages=((REPLACED, "replaced"),)),
        Expect(messages=((REPLACED, "replaced"),) * 3),
    ),
    "replace the response": (
        Expect(messages=((REPLACED, "replaced"),)),
        Expect(messages=((REPLACED, "replaced"),) * 3),
    ),
    "skip": (Expect(messages=((REPLACED, "skipped"),)), Expect(messages=((REPLACED, "skipped"),))),
    "abort": (REFUSED, REFUSED),
    "abort behind": (Expect(7, "too late"), Expect(7, "too late", ((TRACE, "abort behind"),))),
    "raise": (INTERNAL, INTERNAL),
    "answer nothing": (INTERNAL, INTERNAL),
}


@pytest.mark.parametrize("transport", UNARY, ids=str)
@pytest.mark.parametrize("text", TABLE)
async def test_an_interceptor_decides_how_a_call_ends(
    faces: Faces, transport: Transport, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    forms = forms_of(transport)
    calls = (invoke(transport, faces.behind(transport).port, call_of(endings.Echoes, form, text)) for form in forms)
    ended = dict(zip(forms, map(told, await asyncio.gather(*calls)), strict=True))
    assert ended == {form: TABLE[text][form in service.STREAMING] for form in forms}
    assert len(caplog.records) == len(forms) * (INTERNAL in TABLE[text])


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_interceptor_may_catch_what_the_servicer_raises(faces: Faces, transport: Transport) -> None:
    for form in service.UNARY:
        ended = await invoke(transport, faces.behind(transport).port, call_of(endings.Raises, form, "catch"))
        assert told(ended) == Expect(messages=((REPLACED, "caught"),))


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_interceptor_knows_the_method_and_the_caller(faces: Faces, transport: Transport) -> None:
    for form in forms_of(transport):
        ended = await invoke(transport, faces.behind(transport).port, call_of(endings.Echoes, form, "tell"))
        assert told(ended).messages[0] == (REPLACED, f"servicers.v1.Echoes.{form}, called by me")


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_interceptor_sends_metadata(faces: Faces, transport: Transport) -> None:
    for form in forms_of(transport):
        ended = await invoke(transport, faces.behind(transport).port, call_of(endings.Echoes, form, "set metadata"))
        assert ended.initial == [("x-initial", "one")]
        # See Row.expected: a stream of JSON has no place for them.
        assert ended.trailing == ([] if transport.protocol == "json" and len(ended.messages) > 1 else TRAILING)


TRAILING = [("x-trailing", "two")]


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_a_call_that_is_not_authenticated_reaches_no_interceptor(faces: Faces, transport: Transport) -> None:
    for form in forms_of(transport):
        call = call_of(endings.Echoes, form, "raise", [("x-caller", "nobody")])
        assert told(await invoke(transport, faces.behind(transport).port, call)) == Expect(16, "who are you")


async def test_a_request_that_cannot_be_read_reaches_no_interceptor(
    faces: Faces, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"text":"raise","code":"none"}'
    reply = await ask(
        faces.faces["listener"].port, "POST", "/v1/Echoes/Async", body, {"content-type": "application/json"}
    )
    assert reply.status == 400
    assert not caplog.records


@pytest.mark.parametrize("transport", STREAMING, ids=str)
async def test_a_stream_inside_interceptors_is_closed_when_its_client_leaves(
    faces: Faces, transport: Transport
) -> None:
    served = faces.behind(transport)
    journal = served.servicer(lives.Endless).journal
    for form in service.STREAMING:
        call_id = f"{transport} {form} "
        method = service_of(lives.Endless).methods_by_name[form]
        async with begin(transport, served.port, Call(method, echo.note(id=call_id))) as running:
            await running.arrived(2)
            running.leave()
            await journal.until(f"{call_id}a>b>", "finally")


TURNED_AWAY = Expect(16, "closed", trailing=(("x-why", "because"),))
DOOR: Pairs = [("x-door", "closed")]


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_interceptor_of_grpc_aio_may_refuse_a_call(faces: Faces, transport: Transport) -> None:
    for form in forms_of(transport):
        call = call_of(endings.Echoes, form, "", DOOR)
        assert told(await invoke(transport, faces.behind(transport).port, call)) == TURNED_AWAY


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_interceptor_of_grpc_aio_may_hide_a_method(faces: Faces, transport: Transport) -> None:
    for form in forms_of(transport):
        call = call_of(endings.Echoes, form, "", [("x-hide", "yes")])
        ended = await invoke(transport, faces.behind(transport).port, call)
        assert told(ended) == Expect(12, "Method not found!")


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_interceptor_of_grpc_aio_may_wrap_the_handler(faces: Faces, transport: Transport) -> None:
    for form in forms_of(transport):
        call = call_of(endings.Echoes, form, "shout", [("x-voice", f"/servicers.v1.Echoes/{form}")])
        ended = await invoke(transport, faces.behind(transport).port, call)
        assert set(told(ended).messages) == {(REPLACED, "SHOUT")}


@pytest.mark.parametrize("form", ["Async", "AsyncStream"])
async def test_the_same_interceptors_do_the_same_in_grpcio_itself(bare: BarePorts, form: str) -> None:
    away = await invoke(NATIVE, bare.aio, call_of(endings.Echoes, form, "", DOOR))
    voice: Pairs = [("x-voice", f"/servicers.v1.Echoes/{form}")]
    shouted = await invoke(NATIVE, bare.aio, call_of(endings.Echoes, form, "shout", voice))
    hidden = await invoke(NATIVE, bare.aio, call_of(endings.Echoes, form, "", [("x-hide", "yes")]))
    assert told(away) == TURNED_AWAY
    assert set(told(shouted).messages) == {("", "SHOUT")}
    assert told(hidden) == Expect(12, "Method not found!")
