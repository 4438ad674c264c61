"""Transcoding from one end to the other: the tables of routes, queries, bodies and streams, over every HTTP face."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.rpcfront.cases import bodies, paths, queries, raw_bodies, streams
from tests.rpcfront.cases.rows import Row, parametrize
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_service import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

Face = tuple[str, int]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def face(request: pytest.FixtureRequest) -> AsyncIterator[Face]:
    async with serving(request.param) as port:
        yield request.param, port


@parametrize(paths.TAKES_VARIABLES)
async def test_a_path_gives_its_variables(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.TAKES_MANY_SEGMENTS)
async def test_a_variable_takes_the_segments_of_its_template(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.IS_VERB_OR_NOT)
async def test_a_suffix_is_a_verb_where_a_route_has_it(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.TAKES_THE_MOST_SPECIFIC)
async def test_the_most_specific_route_is_taken(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.HAS_NO_ROUTE)
async def test_a_path_of_no_route_is_refused(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.TAKES_THE_METHOD)
async def test_a_route_takes_its_method(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.REFUSES_THE_METHOD)
async def test_another_method_is_refused_with_those_allowed(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(paths.OPTIONS)
async def test_options_answers_the_methods_of_a_path(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(queries.READ)
async def test_a_query_gives_fields(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(queries.REFUSED)
async def test_a_query_that_gives_no_field_is_refused_by_name(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.WHOLE_MESSAGE)
async def test_a_body_may_be_the_message(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.NOT_STRICT)
async def test_a_body_that_is_not_strict_json_is_refused(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.WRONG_FIELDS)
async def test_a_body_with_wrong_fields_is_refused_by_their_names(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.ONE_FIELD)
async def test_a_body_may_be_one_field(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.NONE_TAKEN)
async def test_a_body_is_refused_where_none_is_taken(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.TYPES)
async def test_a_body_is_json_in_utf8(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.PRINTED)
async def test_an_answer_is_compact_proto3_json(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(bodies.PRINTED_FIELDS)
async def test_an_answer_may_be_one_field(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(raw_bodies.OUT)
async def test_an_answer_may_be_bytes_of_any_type(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(raw_bodies.IN)
async def test_a_body_may_be_bytes_of_any_type(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(raw_bodies.IN_A_FIELD)
async def test_a_field_may_be_bytes_of_any_type(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(raw_bodies.IN_PIECES)
async def test_bytes_of_any_type_may_come_in_pieces(face: Face, row: Row) -> None:
    await row.check(*face)


@parametrize(streams.ROWS)
async def test_a_stream_is_lines_of_json(face: Face, row: Row) -> None:
    await row.check(*face)
