"""Pages of the program's own beside the services, over each HTTP face."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from google.rpc import code_pb2

from rpcfront import Cors, Gateway, HttpRequest, HttpResponse, ServiceError, status_error
from tests.rpcfront.observing import Ends
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import echo

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN = "https://console.example"

calls = Ends()


async def figures(request: HttpRequest) -> HttpResponse:
    headers = [("content-type", "text/plain"), ("x-asked", request.header("x-ask") or "")]
    return HttpResponse(200, headers, b"one 1\n")


async def closed(request: HttpRequest) -> HttpResponse:
    raise status_error(code_pb2.UNAUTHENTICATED, f"not for {request.peer.partition(':')[0]}")


async def broken(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret of the page")


async def below(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("content-type", "text/plain")], request.path.encode())


async def nothing(_request: HttpRequest) -> Any:
    """Return no response."""


PAGES = {
    "/nothing": nothing,
    "/no.such.Service/*": below,
    "/figures": figures,
    "/closed": closed,
    "/broken": broken,
    "/files/*": below,
    "/files/figures": figures,
    "/files/deep/*": figures,
}


async def nobody(_method: Any, _context: Any) -> object:
    raise status_error(code_pb2.PERMISSION_DENIED, "pages are no calls")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    services = [(echo.service(), echo.AsyncEcho())]
    cors = Cors(frozenset({ORIGIN}))
    gateway = Gateway(services=services, authenticate=nobody, handlers=PAGES, cors=cors, observers=[calls])
    async with HTTP_FACES[request.param](gateway) as port:
        yield port


@pytest.fixture(autouse=True)
def _forget() -> None:
    calls.clear()


async def test_a_page_answers_get(port: int) -> None:
    reply = await ask(port, "GET", "/figures", headers={"x-ask": "me"})
    assert (reply.status, reply.header("content-type"), reply.header("x-asked")) == (200, "text/plain", "me")
    assert reply.body == b"one 1\n"
    assert not calls


async def test_a_page_answers_head_without_a_body(port: int) -> None:
    reply = await ask(port, "HEAD", "/figures")
    assert (reply.status, reply.header("content-type"), reply.body) == (200, "text/plain", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_another_method_is_told_the_right_ones(port: int, method: str) -> None:
    reply = await ask(port, method, "/figures", b"")
    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS")


async def test_options_tells_the_methods(port: int) -> None:
    reply = await ask(port, "OPTIONS", "/figures")
    assert (reply.status, reply.header("allow")) == (204, "GET, HEAD, OPTIONS")


async def test_a_page_has_the_headers_of_every_answer(port: int) -> None:
    reply = await ask(port, "GET", "/figures", headers={"x-request-id": "mine", "origin": ORIGIN})
    assert reply.header("x-request-id") == "mine"
    assert reply.header("access-control-allow-origin") == ORIGIN


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/figures", {}, 200),
        ("GET", "/closed", {}, 401),
        ("GET", "/nowhere", {}, 404),
        ("PUT", "/figures", {}, 405),
        ("GET", "/v1/notes/1", {}, 403),
        ("POST", "/echo.v1.Echo/Say", JSON, 403),
        ("POST", "/echo.v1.Echo/Say", {"content-type": "application/grpc-web+proto"}, 200),
        ("POST", "/echo.v1.Echo/Say", {"content-type": "text/plain"}, 415),
    ],
)
async def test_no_response_may_be_taken_for_another_type(
    port: int, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    reply = await ask(port, method, path, b"{}" if method == "POST" else None, headers)
    assert (reply.status, reply.header("x-content-type-options")) == (status, "nosniff")


async def test_a_page_that_refuses_is_answered_with_its_status(port: int) -> None:
    reply = await ask(port, "GET", "/closed")
    assert (reply.status, reply.header("www-authenticate")) == (401, "Bearer")
    assert reply.body == b'{"code":16,"message":"not for ipv4","details":[]}'


async def test_a_page_that_fails_says_nothing_of_why(port: int, caplog: pytest.LogCaptureFixture) -> None:
    reply = await ask(port, "GET", "/broken")
    assert (reply.status, reply.body) == (500, b'{"code":13,"message":"internal error","details":[]}')
    assert "/broken failed" in caplog.text


async def test_a_handler_without_a_response_gets_an_internal_error(port: int, caplog: pytest.LogCaptureFixture) -> None:
    reply = await ask(port, "GET", "/nothing")
    assert (reply.status, reply.body) == (500, b'{"code":13,"message":"internal error","details":[]}')
    assert "the handler of /nothing returned NoneType, not an HttpResponse" in caplog.text


async def test_a_handler_below_a_path_leaves_unknown_rpcs_to_their_protocol(port: int) -> None:
    headers = {"content-type": "application/grpc-web+proto"}
    reply = await ask(port, "POST", "/no.such.Service/Call", b"\0\0\0\0\0", headers=headers)
    assert (reply.status, reply.header("content-type")) == (200, "application/grpc-web+proto")
    assert f"grpc-status:{code_pb2.UNIMPLEMENTED}" in reply.body.decode("latin-1").replace(" ", "")
    assert (await ask(port, "GET", "/no.such.Service/Call")).body == b"/no.such.Service/Call"


@pytest.mark.parametrize("path", ["/files/", "/files/a", "/files/a/b.txt"])
async def test_a_handler_below_a_path_serves_all_that_is_there(port: int, path: str) -> None:
    reply = await ask(port, "GET", path)
    assert (reply.status, reply.body) == (200, path.encode())
    assert (await ask(port, "POST", path, b"")).header("allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/files", "/filesystem", "/"])
async def test_a_handler_below_a_path_serves_nothing_else(port: int, path: str) -> None:
    assert (await ask(port, "GET", path)).status == 404


@pytest.mark.parametrize("path", ["/files/figures", "/files/deep/a"])
async def test_of_several_handlers_the_most_specific_serves_a_path(port: int, path: str) -> None:
    assert (await ask(port, "GET", path)).body == b"one 1\n"


async def test_a_handler_below_a_path_that_hides_a_route_is_refused_by_name() -> None:
    with pytest.raises(ServiceError, match=r"echo\.v1\.Echo\.Say .*collides with what is served on /v1/\*"):
        Gateway(services=[(echo.service(), echo.AsyncEcho())], handlers={"/v1/*": below})


@pytest.mark.parametrize("path", ["/echo.v1.Echo/Say", "/v1/notes", "/alive"])
async def test_a_page_on_a_path_that_is_taken_is_refused_by_name(path: str) -> None:
    async def alive() -> None:
        """All is well."""

    with pytest.raises(ServiceError, match=f"{path}.* collides with what is served"):
        Gateway(services=[(echo.service(), echo.AsyncEcho())], probes={"/alive": alive}, handlers={path: figures})


@pytest.mark.parametrize("path", ["", "*", "files/*", "/files*", "/files/**", "/*/files"])
async def test_a_path_that_no_request_can_have_is_refused_by_name(path: str) -> None:
    with pytest.raises(ServiceError, match=f"not {re.escape(repr(path))}"):
        Gateway(services=[(echo.service(), echo.AsyncEcho())], handlers={path: figures})
