"""What is told of each call: request ids, trace context, the access log."""

import re
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio

from rpcfront import Gateway
from tests.rpcfront.observing import Ends
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES, grpc_server
from tests.support.services import echo

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
SAY = "/echo.v1.Echo/Say"
GIVEN = "from-the-client_1"

calls = Ends()


class Failing(echo.AsyncEcho):
    """Fails as it is asked to."""

    async def Say(self, request: Any, context: Any) -> Any:
        if request.text == "raise":
            raise RuntimeError("a secret of the servicer")
        if request.code:
            await context.abort(request.code, "aborted")
        return request


async def authenticate(_method: Any, context: Any) -> object:
    return context.authorization()[0] if context.authorization() else None


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    services = [(echo.service(), Failing())]
    gateway = Gateway(services=services, authenticate=authenticate, observers=[calls])
    async with HTTP_FACES[request.param](gateway) as port:
        yield port


@pytest.fixture(autouse=True)
def _forget() -> None:
    calls.clear()


@pytest.mark.parametrize("path", ["/v1/notes", "/nowhere", SAY])
async def test_a_clients_request_id_is_returned(port: int, path: str) -> None:
    reply = await ask(port, "POST", path, b"{}", {**JSON, "x-request-id": GIVEN})
    assert reply.header("x-request-id") == GIVEN


@pytest.mark.parametrize("given", [{}, {"x-request-id": "two words"}, {"x-request-id": "x" * 129}])
async def test_without_a_request_id_one_is_made_for_each_request(port: int, given: dict[str, str]) -> None:
    replies = [await ask(port, "POST", "/v1/notes", b"{}", {**JSON, **given}) for _ in range(2)]
    ids = {reply.header("x-request-id") for reply in replies}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", str(made)) for made in ids)


@pytest.mark.parametrize("name", ["traceparent", "tracestate", "x-request-id"])
async def test_trace_context_is_metadata(port: int, name: str) -> None:
    seen: list[Any] = []

    async def look(call_next: Any, request: Any, context: Any) -> Any:
        seen.extend(value for key, value in context.invocation_metadata() if key == name)
        return await call_next(request, context)

    gateway = Gateway(services=[(echo.service(), echo.AsyncEcho())], interceptors=[look])
    value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with HTTP_FACES["asgi"](gateway) as traced:
        await ask(traced, "POST", "/v1/notes", b"{}", {**JSON, name: value})
    assert seen == [value]


async def test_a_call_is_told_of_once_it_has_ended(port: int) -> None:
    await ask(port, "POST", "/v1/notes", b"{}", {**JSON, "authorization": "me", "x-request-id": GIVEN})
    (call,) = calls
    assert (call.protocol, call.method, call.code, call.caller) == ("json", "echo.v1.Echo/Say", 0, "me")
    assert call.request_id == GIVEN
    assert 0 < call.seconds < 5
    assert call.peer.startswith("ipv4:127.0.0.1")


@pytest.mark.parametrize(
    ("path", "body", "headers", "expected"),
    [
        ("/v1/notes", b'{"code":5}', JSON, ("json", "echo.v1.Echo/Say", 5)),
        (SAY, b'{"text":"raise"}', JSON, ("connect", "echo.v1.Echo/Say", 13)),
        (SAY, b"", {"content-type": "application/grpc-web+proto"}, ("grpc-web", "echo.v1.Echo/Say", 12)),
        ("/echo.v1.Echo/Nope", b"", {"content-type": "application/grpc-web+proto"}, ("http", "", 12)),
        ("/nowhere", b"{}", JSON, ("http", "", 5)),
        (SAY, b"{}", {"content-type": "image/jpeg"}, ("http", "", 3)),
    ],
)
async def test_a_failure_is_told_with_its_code(
    port: int, path: str, body: bytes, headers: dict[str, str], expected: tuple[str, str, int]
) -> None:
    await ask(port, "POST", path, body, headers)
    assert [(call.protocol, call.method, call.code) for call in calls] == [expected]


async def test_a_call_over_native_grpc_is_told_of_too() -> None:
    gateway = Gateway(services=[(echo.service(), echo.AsyncEcho())], observers=[calls])
    async with grpc_server(gateway) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        say: Any = channel.unary_unary(SAY)
        await say(b"", metadata=(("x-request-id", GIVEN),))
    assert [(call.protocol, call.method, call.code, call.request_id) for call in calls] == [
        ("grpc", "echo.v1.Echo/Say", 0, GIVEN)
    ]
