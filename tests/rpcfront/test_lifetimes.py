"""What ends a call before its servicer does, and who is told of the end: the same over every protocol."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from google.protobuf.message import Message

from rpcfront import Limits
from tests.rpcfront.clients import STREAMING, UNARY, Transport, begin, forms_of, invoke
from tests.rpcfront.servicers import lives, service
from tests.rpcfront.servicers.service import service_of
from tests.rpcfront.serving import Faces, Served, serve
from tests.support.services import echo
from tests.support.wire.calls import Call, Ended

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICERS = (
    lives.Lasts,
    lives.Deaf,
    lives.Endless,
    lives.Steps,
    lives.Registers,
    lives.FailsBehind,
    lives.Cancels,
)
DEADLINE = 0.4
_ids = itertools.count()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def faces() -> AsyncIterator[Faces]:
    async with serve(SERVICERS) as faces:
        yield faces


def request(text: str = "") -> Message:
    """Has an id that no other call has."""
    return echo.note(id=str(next(_ids)), text=text)


def call_of(servicer: type, form: str, text: str = "", seconds: float | None = None) -> Call:
    return Call(service_of(servicer).methods_by_name[form], request(text), seconds=seconds)


async def begin_with_deadline(
    served: Served, transport: Transport, servicer: type, form: str
) -> tuple[Call, asyncio.Task[Ended]]:
    """Return a call with a deadline that its servicer has begun. On a busy machine a short one may pass before."""
    for seconds in (DEADLINE, 10 * DEADLINE):
        call = call_of(servicer, form, seconds=seconds)
        running = asyncio.create_task(invoke(transport, served.port, call))
        begun: asyncio.Task[None] = asyncio.create_task(
            served.servicer(servicer).journal.until(call.request.id, "began")
        )
        await asyncio.wait((running, begun), return_when=asyncio.FIRST_COMPLETED)
        if begun.done():
            break
    await begun
    return call, running


def pairs(unary: tuple[str, ...] = service.UNARY, streaming: tuple[str, ...] = service.STREAMING) -> list[object]:
    """Every transport with every form that it serves."""
    table = [*itertools.product(UNARY, unary), *itertools.product(STREAMING, streaming)]
    return [pytest.param(transport, form, id=f"{transport} {form}") for transport, form in table]


# What a servicer that lasts writes down when its call is ended from without.
ENDINGS = {
    "Async": ["cancelled"],
    "Plain": ["active: False"],
    "AsyncStream": ["finally"],
    "WrittenStream": ["finally"],
    "PlainStream": ["finally, active: False"],
}


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_a_call_past_its_deadline_is_ended_and_its_work_abandoned(faces: Faces, transport: Transport) -> None:
    served = faces.behind(transport)
    forms = forms_of(transport)
    begun = await asyncio.gather(*(begin_with_deadline(served, transport, lives.Lasts, form) for form in forms))
    for form, (call, running) in zip(forms, begun, strict=True):
        end = await running
        assert (end.status.code, len(end.messages)) == (4, form in service.STREAMING)
        # A native client leaves at the deadline of itself, and may be the first to end the call.
        told = [] if transport.protocol == "grpc" else ["ended, cancelled: False"]
        await served.servicer(lives.Lasts).journal.until(call.request.id, *told, *ENDINGS[form])


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_a_deadline_does_not_wait_for_a_thread(faces: Faces, transport: Transport) -> None:
    served = faces.behind(transport)
    calls = [call_of(lives.Deaf, form, seconds=DEADLINE) for form in forms_of(transport) if form.startswith("Plain")]
    ended = await asyncio.gather(*(invoke(transport, served.port, call) for call in calls))
    for call in calls:
        served.servicer(lives.Deaf).release(call.request.id)
    assert {end.status.code for end in ended} == {4}


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_an_answer_behind_the_deadline_is_none(
    faces: Faces, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    served = faces.behind(transport)
    deaf = served.servicer(lives.Deaf)

    async def answer_late(form: str) -> Ended:
        call, running = await begin_with_deadline(served, transport, lives.Deaf, form)
        await deaf.journal.until(call.request.id, "cancelled")
        deaf.release(call.request.id)
        await deaf.journal.until(call.request.id, "ended")
        return await running

    forms = [form for form in forms_of(transport) if not form.startswith("Plain")]
    ended = await asyncio.gather(*map(answer_late, forms))
    assert [(end.status.code, len(end.messages)) for end in ended] == [(4, form in service.STREAMING) for form in forms]
    assert not caplog.records


async def test_a_call_that_waits_for_a_thread_past_its_deadline_never_begins() -> None:
    async with serve([lives.Deaf], limits=Limits(threads=1)) as faces:
        for face, protocol in (("grpc", "grpc"), ("listener", "json")):
            transport = Transport(face, protocol)
            served = faces.behind(transport)
            deaf = served.servicer(lives.Deaf)
            first, second = call_of(lives.Deaf, "Plain"), call_of(lives.Deaf, "Plain", seconds=DEADLINE)
            running = asyncio.create_task(invoke(transport, served.port, first))
            await deaf.journal.until(first.request.id, "began")
            assert (await invoke(transport, served.port, second)).status.code == 4
            # A native client ends a call by itself. When a later one has ended, the server has ended the first, too.
            await invoke(transport, served.port, call_of(lives.Deaf, "Plain", seconds=DEADLINE))
            deaf.release(first.request.id)
            assert (await running).status.code == 0
            assert deaf.journal.entries(second.request.id) == []


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_a_call_whose_client_leaves_is_cancelled(
    faces: Faces, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    served = faces.behind(transport)
    journal = served.servicer(lives.Lasts).journal
    # A WSGI server does not tell that a client has left: what ends the call is its deadline, once it has begun.
    is_told = transport.face != "wsgi"

    async def leave(form: str) -> None:
        call = call_of(lives.Lasts, form, seconds=None if is_told else 4 * DEADLINE)
        async with begin(transport, served.port, call) as running:
            await journal.until(call.request.id, "began")
            if form in service.STREAMING:
                await running.arrived(1)
            running.leave()
            await journal.until(call.request.id, f"ended, cancelled: {is_told}", *ENDINGS[form])

    await asyncio.gather(*map(leave, forms_of(transport)))
    assert not caplog.records


@pytest.mark.parametrize(("transport", "form"), pairs(unary=()))
async def test_a_stream_that_nobody_takes_any_more_is_closed(
    faces: Faces, transport: Transport, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = faces.behind(transport)
    call = call_of(lives.Endless, form)
    async with begin(transport, served.port, call) as running:
        await running.arrived(3)
        running.leave()
        await served.servicer(lives.Endless).journal.until(call.request.id, "finally")
    assert not caplog.records


@pytest.mark.parametrize(("transport", "form"), pairs(unary=()))
async def test_the_messages_of_a_stream_arrive_one_by_one(faces: Faces, transport: Transport, form: str) -> None:
    served = faces.behind(transport)
    call = call_of(lives.Steps, form)
    async with begin(transport, served.port, call) as running:
        for count in (1, 2, 3):
            served.servicer(lives.Steps).step(call.request.id)
            assert await running.arrived(count) == [call.request] * count
        assert (await running.ended()).status.code == 0


REGISTERED = ["registered: True"] * 2
CALLED = ["callback", "callback", "done callback, of the same context: True"]


@pytest.mark.parametrize("transport", UNARY, ids=str)
@pytest.mark.parametrize(("ending", "code"), [("return", 0), ("abort", 10), ("set a code", 10), ("raise", 13)])
async def test_callbacks_run_once_when_the_call_has_ended_however_it_ended(
    faces: Faces, transport: Transport, ending: str, code: int
) -> None:
    served = faces.behind(transport)
    journal = served.servicer(lives.Registers).journal

    async def end(form: str) -> None:
        call = call_of(lives.Registers, form, ending)
        ended = await invoke(transport, served.port, call)
        await journal.until(call.request.id, *CALLED)
        assert ended.status.code == code
        assert journal.entries(call.request.id) == REGISTERED + CALLED

    await asyncio.gather(*map(end, forms_of(transport)))


@pytest.mark.parametrize("transport", UNARY, ids=str)
async def test_a_callback_that_fails_is_logged_and_nothing_more(
    faces: Faces, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    served = faces.behind(transport)
    call = call_of(lives.FailsBehind, "Async")
    assert (await invoke(transport, served.port, call)).status.code == 0
    await served.servicer(lives.FailsBehind).journal.until(call.request.id, "ended")
    assert [record.getMessage() for record in caplog.records] == ["a callback of a call failed"]


@pytest.mark.parametrize(("transport", "form"), pairs())
async def test_a_call_that_has_ended_takes_no_more_callbacks(faces: Faces, transport: Transport, form: str) -> None:
    served = faces.behind(transport)
    registers = served.servicer(lives.Registers)
    call = call_of(lives.Registers, form)
    await invoke(transport, served.port, call)
    await registers.journal.until(call.request.id, *CALLED)
    context = registers.contexts[call.request.id]
    assert context.add_callback(registers.contexts.clear) is False
    assert (context.is_active(), context.done(), context.cancelled()) == (False, True, False)
    assert context.cancel() is False
    assert registers.contexts


@pytest.mark.parametrize(("transport", "form"), pairs())
async def test_a_servicer_can_cancel_its_own_call(faces: Faces, transport: Transport, form: str) -> None:
    served = faces.behind(transport)
    call = call_of(lives.Cancels, form)
    ended = await invoke(transport, served.port, call)
    assert ended.status.code == 1
    assert ended.messages == [call.request] * (form in service.STREAMING)
    state = ["still running: True", "active: False, done: True, cancelled: True"]
    journal = served.servicer(lives.Cancels).journal
    await journal.until(call.request.id, *state, *(["cancelled"] if form == "Async" else []))
