"""The worked examples of transcoding, each as a request.

Those of paths are sent over every HTTP face, since each server hands over paths in its own way. Those of queries and
bodies are decided on text that every face has alike (test_transcoding_over_http.py shows that it has): one face tells.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rpcfront import Gateway
from tests.rpcfront.cases import worked
from tests.rpcfront.cases.rows import Row, parametrize
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import fixture_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

Face = tuple[str, int]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def face(request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    gateway = Gateway(services=worked.services())
    async with HTTP_FACES[request.param](gateway) as port:
        yield request.param, port


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def one_face() -> AsyncIterator[Face]:
    async with fixture_service.serving("asgi") as port:
        yield "asgi", port


@parametrize(worked.PATHS)
async def test_a_path_is_matched_as_the_example_says(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(worked.QUERIES)
async def test_a_query_is_read_as_the_example_says(one_face: Face, row: Row) -> None:
    await row.check(*one_face)


@parametrize(worked.BODIES)
async def test_a_body_is_read_as_the_example_says(one_face: Face, row: Row) -> None:
    await row.check(*one_face)
