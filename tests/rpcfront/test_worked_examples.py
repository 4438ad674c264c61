"""The worked examples of transcoding, each as a request over every HTTP face."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rpcfront import Gateway, ServiceError
from tests.rpcfront.cases import worked
from tests.rpcfront.cases.rows import Row, parametrize
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import fixture_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

Face = tuple[str, int]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def face(request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    is_rsgi = request.param == "rsgi"
    services = fixture_service.services(multi_segment=not is_rsgi) + worked.services(multi_segment=not is_rsgi)
    async with HTTP_FACES[request.param](Gateway(services=services)) as port:
        yield request.param, port


@parametrize(worked.PATHS)
async def test_a_path_is_matched_as_the_example_says(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(worked.QUERIES)
async def test_a_query_is_read_as_the_example_says(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(worked.BODIES)
async def test_a_body_is_read_as_the_example_says(face: Face, row: Row) -> None:
    await row.check(*face)


@pytest.mark.parametrize("number", worked.REFUSED_BY_RSGI)
async def test_rsgi_refuses_a_set_with_a_variable_of_several_segments(number: int) -> None:
    gateway = Gateway(services=[worked.service_of_set(number)])
    with pytest.raises(ServiceError, match=rf"RSGI .* set{number}\.S\.R\d"):
        _ = gateway.rsgi
