"""A program's own errors become statuses by the method that was called."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from rpcfront import Gateway, HttpRequest, HttpResponse, make_status
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES, grpc_server
from tests.support.services import echo

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}


class MissingError(Exception):
    """An error of the program."""


class Servicer(echo.AsyncEcho):
    async def Say(self, request: Any, context: Any) -> Any:
        raise MissingError

    def Replace(self, request: Any, context: Any) -> Any:
        raise MissingError


async def missing(_request: HttpRequest) -> HttpResponse:
    raise MissingError


def translate(error: Exception, method: MethodDescriptor | None) -> status_pb2.Status | None:
    assert isinstance(error, MissingError)
    return make_status(code_pb2.NOT_FOUND, "a handler" if method is None else method.full_name)


def make() -> Gateway:
    return Gateway(services=[(echo.service(), Servicer())], translate=translate, handlers={"/missing": missing})


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with HTTP_FACES[request.param](make()) as port:
        yield port


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("POST", "/v1/notes", "echo.v1.Echo.Say"),
        ("PUT", "/v1/notes/a", "echo.v1.Echo.Replace"),
        ("GET", "/missing", "a handler"),
    ],
)
async def test_an_error_is_translated_by_the_method_that_was_called(
    port: int, method: str, path: str, text: str
) -> None:
    reply = await ask(port, method, path, b"{}" if method != "GET" else None, JSON)
    assert (reply.status, reply.body) == (404, f'{{"code":5,"message":"{text}","details":[]}}'.encode())


async def test_an_error_is_translated_over_connect(port: int) -> None:
    reply = await ask(port, "POST", "/echo.v1.Echo/Say", b"{}", JSON)
    assert (reply.status, reply.body) == (404, b'{"code":"not_found","message":"echo.v1.Echo.Say"}')


async def test_an_error_is_translated_over_native_grpc() -> None:
    async with grpc_server(make()) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        say: Any = channel.unary_unary("/echo.v1.Echo/Say")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await say(b"")
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.NOT_FOUND, "echo.v1.Echo.Say")


async def _later(_error: Exception, _method: MethodDescriptor | None) -> status_pb2.Status:
    raise AssertionError("nobody awaits it")


def _fails(_error: Exception, _method: MethodDescriptor | None) -> status_pb2.Status:
    raise LookupError("translate itself")


@pytest.mark.parametrize(
    ("faulty", "text"),
    [
        (_fails, "translate failed"),
        (_later, "translate returned coroutine, not a google.rpc.Status"),
        (lambda *_: "x", "translate returned str, not a google.rpc.Status"),
    ],
    ids=["raises", "is a coroutine", "returns a text"],
)
async def test_a_translation_that_fails_leaves_the_error_internal_and_logged(
    faulty: Any, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = await Gateway(services=[(echo.service(), Servicer())], translate=faulty).listen()
    reply = await ask(server.port, "POST", "/v1/notes", b"{}", JSON)
    assert (reply.status, reply.body) == (500, b'{"code":13,"message":"internal error","details":[]}')
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        say: Any = channel.unary_unary("/echo.v1.Echo/Say")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await say(b"")
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    await server.drain(0)
    assert [record.getMessage() for record in caplog.records] == [text, "/echo.v1.Echo/Say failed"] * 2
    assert all(record.exc_info for record in caplog.records[1::2])


@pytest.mark.parametrize("face", list(HTTP_FACES))
async def test_a_code_that_does_not_exist_is_unknown_over_connect(face: str) -> None:
    gateway = Gateway(services=[(echo.service(), Servicer())], translate=lambda *_: make_status(42, "no code"))
    async with HTTP_FACES[face](gateway) as port:
        reply = await ask(port, "POST", "/echo.v1.Echo/Say", b"{}", JSON)
    assert (reply.status, reply.body) == (500, b'{"code":"unknown","message":"no code"}')
