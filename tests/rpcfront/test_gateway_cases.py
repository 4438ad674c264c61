"""The tables of what every call has, metadata, deadlines and errors, and that of Connect, over every HTTP face."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.rpcfront.cases import connect, errors, metadata
from tests.rpcfront.cases.rows import Row, parametrize
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_service import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

Face = tuple[str, int]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def face(request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    async with serving(request.param) as port:
        yield request.param, port


@parametrize(metadata.IN)
async def test_headers_are_metadata(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(metadata.OUT)
async def test_metadata_are_headers(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(metadata.TIMEOUTS)
async def test_a_call_has_the_deadline_that_grpc_timeout_gives(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(errors.CODES)
async def test_an_error_has_the_http_status_of_its_code(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(errors.NO_CODES)
async def test_what_is_no_code_is_a_fault(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(errors.DETAILS)
async def test_an_error_is_told_whole(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(connect.TAKEN)
async def test_connect_takes_json_and_protobuf(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(connect.FAILED)
async def test_connect_tells_errors_in_the_form_its_client_reads(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(connect.REFUSED)
async def test_connect_refuses_what_is_not_its_own(face: Face, row: Row) -> None:
    await row.check(*face)
