"""Observers see a call from before its first step to after its last, and can harm none."""

from collections.abc import AsyncIterator
from contextvars import ContextVar, Token
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.rpc import code_pb2

from rpcfront import CallEnd, CallStart, Gateway, Limits, status_error
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES, grpc_server
from tests.support.services import echo

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
SAY = "/echo.v1.Echo/Say"

span: ContextVar[str] = ContextVar("span", default="none")
seen: list[Any] = []


class Tracer:
    """Makes a context variable of a header, and keeps what it sees."""

    def started(self, call: CallStart) -> Token[str]:
        seen.append((call.protocol, call.method, call.request_id, call.peer.partition(":")[0]))
        return span.set(dict(call.metadata).get("x-span", "new"))  # type: ignore[arg-type]  # it is no -bin value

    def ended(self, token: Token[str], call: CallEnd) -> None:
        seen.append((call.method, call.code, span.get()))
        span.reset(token)
        assert span.get() == "none"


class Servicer(echo.AsyncEcho):
    """Answers the span that it runs in: on the loop, and on a thread."""

    async def Say(self, request: Any, context: Any) -> Any:
        return echo.note(text=span.get())

    def Replace(self, request: Any, context: Any) -> Any:
        return echo.note(text=span.get())


async def authenticate(_method: Any, context: Any) -> object:
    seen.append(span.get())
    if context.authorization():
        raise status_error(code_pb2.UNAUTHENTICATED, "no")
    return None


def make(**arguments: Any) -> Gateway:
    return Gateway(services=[(echo.service(), Servicer())], observers=[Tracer()], **arguments)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with HTTP_FACES[request.param](make(authenticate=authenticate)) as port:
        yield port


@pytest.fixture(autouse=True)
def _forget() -> None:
    seen.clear()


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/notes"), ("PUT", "/v1/notes/a")])
async def test_what_an_observer_sets_is_set_in_the_whole_call(port: int, method: str, path: str) -> None:
    reply = await ask(port, method, path, b"{}", {**JSON, "x-span": "mine", "x-request-id": "an-id"})
    assert reply.body == b'{"text":"mine"}'
    begin, in_authentication, end = seen
    assert begin[0] == "json"
    assert begin[2:] == ("an-id", "ipv4")
    assert in_authentication == "mine"
    assert end == (begin[1], 0, "mine")


async def test_what_an_observer_sets_is_set_over_native_grpc() -> None:
    async with grpc_server(make()) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        say: Any = channel.unary_unary(SAY)
        assert b"mine" in await say(b"", metadata=(("x-span", "mine"),))
    assert seen[0][:2] == ("grpc", "echo.v1.Echo/Say")


async def test_a_call_that_is_not_authenticated_is_seen_from_its_beginning(port: int) -> None:
    await ask(port, "POST", "/v1/notes", b"{}", {**JSON, "authorization": "x"})
    assert [len(item) for item in seen] == [4, 3, 3]
    assert seen[-1] == ("echo.v1.Echo/Say", code_pb2.UNAUTHENTICATED, "new")


async def test_a_call_over_the_limit_is_seen_from_its_beginning() -> None:
    async with HTTP_FACES["asgi"](make(limits=Limits(concurrent_calls=0))) as port:
        assert (await ask(port, "POST", "/v1/notes", b"{}", JSON)).status == 429
    assert [item[:2] for item in seen] == [
        ("json", "echo.v1.Echo/Say"),
        ("echo.v1.Echo/Say", code_pb2.RESOURCE_EXHAUSTED),
    ]


async def test_a_request_that_reaches_no_method_is_seen_too(port: int) -> None:
    await ask(port, "POST", "/nowhere", b"{}", {**JSON, "x-span": "mine", "x-request-id": "an-id"})
    assert seen == [("http", "", "an-id", "ipv4"), ("", code_pb2.NOT_FOUND, "mine")]


async def test_malformed_metadata_is_seen_as_none(port: int) -> None:
    headers = {**JSON, "x-span": "mine", "x-bin": "*"}
    assert (await ask(port, "POST", "/v1/notes", b"{}", headers)).status == 400
    assert seen[-1] == ("echo.v1.Echo/Say", code_pb2.INVALID_ARGUMENT, "new")


class Numbered:
    """Keeps the order in which it is asked."""

    def __init__(self, number: int) -> None:
        self._number = number

    def started(self, call: CallStart) -> int:
        seen.append(self._number)
        return -self._number

    def ended(self, token: int, call: CallEnd) -> None:
        seen.append(token)


async def test_the_first_observer_is_the_outermost() -> None:
    gateway = Gateway(services=[(echo.service(), Servicer())], observers=[Numbered(1), Numbered(2)])
    async with HTTP_FACES["asgi"](gateway) as port:
        await ask(port, "POST", "/v1/notes", b"{}", JSON)
    assert seen == [1, 2, -2, -1]


class Broken:
    """Fails when a call begins, or when it ends."""

    def __init__(self, when: str) -> None:
        self._when = when

    def started(self, call: CallStart) -> None:
        if self._when == "started":
            raise RuntimeError("a secret of the observer")

    def ended(self, token: object, call: CallEnd) -> None:
        assert self._when != "started", "it has not begun"
        raise RuntimeError("a secret of the observer")


@pytest.mark.parametrize("when", ["started", "ended"])
async def test_an_observer_that_fails_harms_no_call_and_is_logged_once(
    when: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(services=[(echo.service(), Servicer())], observers=[Broken(when), Numbered(1)])
    async with HTTP_FACES["asgi"](gateway) as port:
        for path in ("/v1/notes", "/nowhere", "/v1/notes"):
            reply = await ask(port, "POST", path, b"{}", JSON)
            assert reply.status == (404 if path == "/nowhere" else 200)
            assert b"secret" not in reply.body
    assert seen == [1, -1] * 3
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "an observer failed; further errors of this kind are not logged"
    ]
