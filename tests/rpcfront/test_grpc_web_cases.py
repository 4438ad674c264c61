"""The table of gRPC-Web, over every HTTP face."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from google.protobuf import json_format

from tests.rpcfront.cases import grpc_web
from tests.rpcfront.cases.grpc_web_call import Call, frame
from tests.rpcfront.cases.grpc_web_reply import BINARY, read
from tests.rpcfront.cases.http_client import exchange
from tests.rpcfront.cases.rows import parametrize
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_protos import message_class
from tests.support.services.fixture_service import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(request.param) as port:
        yield port


@parametrize(grpc_web.TYPES)
async def test_the_answer_has_the_type_that_accept_names_else_that_of_the_request(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.FRAMES)
async def test_a_request_is_one_message(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.COMPRESSED)
async def test_a_message_may_be_compressed_with_gzip(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.TEXTS)
async def test_text_is_base64_in_quads(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.STREAMS)
async def test_a_stream_is_a_frame_for_each_message(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.ERRORS)
async def test_an_outcome_is_told_in_the_trailers(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.METADATA)
async def test_metadata_are_headers_and_trailers(port: int, row: Call) -> None:
    await row.check(port)


@parametrize(grpc_web.TIMEOUTS)
async def test_the_head_of_a_call_is_read_or_refused(port: int, row: Call) -> None:
    await row.check(port)


async def test_a_servicer_sees_metadata_and_deadline(port: int) -> None:
    headers = [("content-type", BINARY), ("x-grpc-web", "1"), ("grpc-timeout", "10S"), ("x-a-bin", "/wA=,AQ")]
    reply = read(await exchange(port, "POST", "/t.v1.T/Md", headers, frame(b"")))
    seen = json_format.MessageToDict(message_class("google.protobuf.Struct").FromString(reply.messages[0]))
    assert seen["metadata"] == [["x-grpc-web", "1"], ["x-a-bin", "ff00"], ["x-a-bin", "01"]]
    assert 8 < seen["remaining"] <= 10


async def test_what_is_not_grpc_web_is_refused_on_its_paths(port: int) -> None:
    reply = await exchange(port, "POST", "/t.v1.T/Get", [("content-type", "image/jpeg")], frame(b""))
    assert (reply.status, json.loads(reply.body)["code"]) == (415, "unknown")
