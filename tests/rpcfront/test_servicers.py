"""A servicer written for grpcio behaves the same over every protocol."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.rpcfront.clients import NATIVE, UNARY, Transport, forms_of, invoke
from tests.rpcfront.servicers import endings, facts, service
from tests.rpcfront.servicers.bare import BarePorts, bare_servers
from tests.rpcfront.servicers.service import service_of
from tests.rpcfront.servicers.table import ROWS, SERVICERS, Row
from tests.rpcfront.serving import Faces, serve
from tests.support.services import echo
from tests.support.wire.calls import Call, Ended

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def faces() -> AsyncIterator[Faces]:
    async with serve([*SERVICERS, facts.TellsThePeer]) as faces:
        yield faces


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bare() -> AsyncIterator[BarePorts]:
    async with bare_servers(SERVICERS) as ports:
        yield ports


def call_of(row: Row, form: str) -> Call:
    method = service_of(row.servicer).methods_by_name[form]
    return Call(method, echo.note(text=row.text, code=row.code), list(row.metadata))


def expected_of(row: Row, form: str, transport: Transport) -> Ended:
    """How a call must end."""
    ends = row.expected(form, transport)
    messages = [echo.note(text=text, code=row.code) for text in ends.texts]
    return Ended(ends.status, messages, list(ends.initial), list(ends.trailing))


def row_id(row: Row) -> str:
    return f"{ROWS.index(row)} {row.servicer.__name__}"


TABLE = [
    pytest.param(transport, row, id=f"{transport}-{row_id(row)}")
    for transport in UNARY
    for row in ROWS
    if row.forms_over(forms_of(transport))
]


TRIES = 10


def loses_initial_metadata(row: Row, transport: Transport) -> bool:
    """Whether the client may tell nothing of initial metadata: grpc.aio's does so if a status comes right behind it."""
    return transport.protocol == "grpc" and bool(row.ends.initial) and row.ends.status.code != 0


@pytest.mark.parametrize(("transport", "row"), TABLE)
async def test_a_servicer_ends_its_calls_as_its_row_says(
    faces: Faces, transport: Transport, row: Row, caplog: pytest.LogCaptureFixture
) -> None:
    forms = row.forms_over(forms_of(transport))
    port = faces.behind(transport).port
    expected = {form: expected_of(row, form, transport) for form in forms}
    for _ in range(TRIES if loses_initial_metadata(row, transport) else 1):
        caplog.clear()
        ended = await asyncio.gather(*(invoke(transport, port, call_of(row, form)) for form in forms))
        if dict(zip(forms, ended, strict=True)) == expected:
            break
    assert dict(zip(forms, ended, strict=True)) == expected
    assert endings.SECRET not in repr(ended)
    logged = [(record.levelname, record.exc_info is not None) for record in caplog.records]
    assert logged == [("ERROR", True)] * len(forms) * row.logs


@pytest.mark.parametrize("row", [row for row in ROWS if not row.differs], ids=row_id)
async def test_grpcio_itself_ends_the_calls_so_too(bare: BarePorts, row: Row) -> None:
    forms = row.forms_over(forms_of(NATIVE))
    ended = await asyncio.gather(*(invoke(NATIVE, bare.of(form), call_of(row, form)) for form in forms))
    assert dict(zip(forms, ended, strict=True)) == {form: expected_of(row, form, NATIVE) for form in forms}


@pytest.mark.parametrize("transport", UNARY, ids=str)
@pytest.mark.parametrize("form", service.UNARY)
async def test_every_code_is_told(faces: Faces, transport: Transport, form: str) -> None:
    method = service_of(endings.Aborts).methods_by_name[form]
    told = []
    for code in range(1, 17):
        ended = await invoke(transport, faces.behind(transport).port, Call(method, echo.note(code=code)))
        told.append(ended.status.code)
    assert told == list(range(1, 17))


@pytest.mark.parametrize("transport", UNARY, ids=str)
@pytest.mark.parametrize("form", service.UNARY)
async def test_the_peer_is_written_as_grpcio_writes_it(faces: Faces, transport: Transport, form: str) -> None:
    method = service_of(facts.TellsThePeer).methods_by_name[form]
    ended = await invoke(transport, faces.behind(transport).port, Call(method, echo.note()))
    assert re.fullmatch(r"ipv4:127\.0\.0\.1:[1-9][0-9]*", ended.texts[0])


@pytest.mark.parametrize("transport", UNARY, ids=str)
@pytest.mark.parametrize("form", service.UNARY)
async def test_a_deadline_is_seen_by_the_servicer(faces: Faces, transport: Transport, form: str) -> None:
    call = Call(service_of(facts.TellsTheTime).methods_by_name[form], echo.note(), seconds=100)
    ended = await invoke(transport, faces.behind(transport).port, call)
    # grpcio's client rounds long timeouts up.
    assert 90 <= float(ended.texts[0]) <= 110
