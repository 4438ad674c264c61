"""Connections of HTTP/1.1 up to their end: pipelining, bodies that nobody read, limits of time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rpcfront import ConnectionLimits, Gateway, Limits
from rpcfront.listener.http1 import BODY_SLICE, Http1Connection
from rpcfront.protocols.http import HttpRequest, HttpResponse
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.listening import listening
from tests.rpcfront.listener.served import REFUSED_TOKEN, gateway
from tests.support.clients.http1_client import Http1Client, chunked, connect, request
from tests.support.services import echo
from tests.support.wire.grpc_web import frame

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("quiet")]

LIMITS = ConnectionLimits(head_seconds=0.6, idle_seconds=1.0)
JSON = ("content-type", "application/json")
REFUSED = ("authorization", REFUSED_TOKEN)
EXPECT = ("expect", "100-continue")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port() -> AsyncIterator[int]:
    async with listening(gateway(), LIMITS) as server:
        yield server.port


# Expectations.


class EarlyTalk(kinds.Iterators):
    """Writes before it reads."""

    async def Talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        yield kinds.note()
        async for each in requests:
            yield each


async def test_a_client_is_told_to_go_on_once_its_body_is_wanted(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, EXPECT, ("content-length", "2")))
        interim = await client.head()
        assert (interim.status, interim.fields) == (100, [])
        client.send(b"{}")
        assert (await client.response()).status == 200
        assert await client.goes_on()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("POST", "/v1/notes", JSON, EXPECT, REFUSED, ("content-length", "2")), 401),
        (request("POST", "/nowhere", JSON, EXPECT, ("content-length", "2")), 404),
        (request("DELETE", "/v1/notes", JSON, EXPECT, ("content-length", "2")), 405),
        (request("POST", "/v1/notes", JSON, EXPECT, ("content-length", "1000000")), 413),
        (request("POST", "/v1/notes", JSON, EXPECT, ("transfer-encoding", "gzip, chunked")), 501),
    ],
    ids=["401", "404", "405", "413", "501"],
)
async def test_a_client_whose_body_is_not_wanted_is_not_told_to_go_on(port: int, sent: bytes, status: int) -> None:
    async with connect(port) as client:
        client.send(sent)
        response = await client.response()
        # Whether the body is sent nevertheless, nobody knows. So no request can follow.
        assert (response.status, response.closes) == (status, True)
        assert await client.has_ended()


async def test_a_client_is_not_told_to_go_on_within_a_response() -> None:
    """The stream's first message comes before it reads anything."""
    fields = [("content-type", "application/connect+proto"), EXPECT, ("transfer-encoding", "chunked")]
    async with (
        listening(Gateway(services=[(kinds.service(), EarlyTalk())])) as server,
        connect(server.port) as client,
    ):
        client.send(request("POST", kinds.path("Talk"), *fields))
        head = await client.head()
        assert head.status == 200
        client.send(chunked(frame(b"")))
        body = b"".join([chunk async for chunk in client.chunks()])
        assert body.startswith(frame(b"") * 2)


@pytest.mark.parametrize("length", ["2", "02", "0" * 30 + "2"])
async def test_a_length_may_have_zeros_before_it(port: int, length: str) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, EXPECT, ("content-length", length)))
        assert (await client.head()).status == 100
        client.send(b"{}")
        assert (await client.response()).status == 200
        assert await client.goes_on()


async def test_a_client_that_did_not_wait_is_not_told_to_go_on(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, EXPECT, body=b"{}"))
        assert (await client.response()).status == 200
        assert await client.goes_on()


async def test_an_expectation_without_a_body_needs_no_interim_response(port: int) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/healthz", EXPECT))
        assert (await client.response()).status == 200
        assert await client.goes_on()


async def test_an_expectation_is_read_in_any_letters(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, ("Expect", "100-CONTINUE"), ("content-length", "2")))
        assert (await client.head()).status == 100


@pytest.mark.parametrize("expected", ["200-ok", "100-continue, 200-ok", "much"])
async def test_another_expectation_fails(port: int, expected: str) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, ("expect", expected), ("content-length", "2")))
        response = await client.response()
        assert (response.status, response.page()["code"]) == (417, 3)


async def test_another_expectation_beside_a_known_one_fails(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, EXPECT, ("expect", "much"), ("content-length", "2")))
        assert (await client.response()).status == 417


async def test_http10_has_no_expectations(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, EXPECT, ("content-length", "2"), version="HTTP/1.0"))
        await asyncio.sleep(0.05)
        client.send(b"{}")
        assert (await client.response()).status == 200


# Upgrades, which are ignored.

H2C = (("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"))
WEBSOCKET = (
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
UPGRADES = pytest.mark.parametrize("upgrade", [H2C, WEBSOCKET], ids=["h2c", "websocket"])


@UPGRADES
async def test_a_request_to_upgrade_is_answered_as_if_it_had_not_asked(
    port: int, upgrade: tuple[tuple[str, str], ...]
) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/healthz", *upgrade))
        response = await client.response()
        assert (response.status, response.field("upgrade")) == (200, None)
        assert await client.goes_on()


@UPGRADES
@pytest.mark.parametrize("is_cut", [False, True])
async def test_requests_behind_one_to_upgrade_are_answered(
    port: int, upgrade: tuple[tuple[str, str], ...], is_cut: bool
) -> None:
    note = b'{"text":"GET / HTTP/1.1"}'
    sent = [
        request("GET", "/healthz", *upgrade),
        request("POST", "/v1/notes", JSON, *upgrade, body=note),
        request("POST", "/v1/notes", JSON, *upgrade, ("transfer-encoding", "chunked")) + chunked(note[:9], note[9:]),
        request("POST", "/v1/notes", JSON, *upgrade, body=b""),
        request("GET", "/nowhere", *upgrade),
        request("GET", "/v1/notes/last"),
    ]
    async with connect(port) as client:
        data = b"".join(sent)
        for start in range(0, len(data), 5 if is_cut else len(data)):
            client.send(data[start : start + 5 if is_cut else None])
            await client.drain()
        responses = [await client.response() for _ in sent]
        assert [response.status for response in responses] == [200, 200, 200, 200, 404, 200]
        assert [response.body for response in responses[1:4]] == [note, note, b"{}"]
        assert responses[-1].body == b'{"id":"last"}'


async def test_a_broken_body_of_a_request_to_upgrade_is_refused(port: int) -> None:
    async with connect(port) as client:
        client.send(
            request("POST", "/v1/notes", JSON, *H2C, ("transfer-encoding", "chunked")) + b"x\r\n{}\r\n0\r\n\r\n"
        )
        assert (await client.response()).status == 400
        assert await client.has_ended()


async def test_an_upgrade_and_an_expectation_go_together(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, *H2C, EXPECT, ("content-length", "2")))
        assert (await client.head()).status == 100
        client.send(b"{}")
        assert (await client.response()).status == 200
        assert await client.goes_on()


# Responses without a body.


@pytest.mark.parametrize("path", ["/healthz", "/v1/notes/1", "/slow"])
async def test_head_gets_the_head_of_get(port: int, path: str) -> None:
    async with connect(port) as client:
        client.get(path)
        whole = await client.response()
        client.send(request("HEAD", path))
        head = await client.response("HEAD")
        assert (head.status, head.body) == (whole.status, b"")
        assert head.field("content-length") == str(len(whole.body))
        assert await client.goes_on()


async def test_head_of_nothing_gets_the_head_of_an_error(port: int) -> None:
    async with connect(port) as client:
        client.send(request("HEAD", "/nowhere"))
        assert (await client.response("HEAD")).status == 404
        assert await client.goes_on()


@pytest.mark.parametrize(("path", "status"), [("/empty", 204), ("/same", 304)])
async def test_204_and_304_have_neither_body_nor_length(port: int, path: str, status: int) -> None:
    async with connect(port) as client:
        client.get(path)
        response = await client.response()
        assert (response.status, response.field("content-length")) == (status, None)
        assert await client.goes_on()


async def test_every_response_has_a_date(port: int) -> None:
    async with connect(port) as client:
        for path in ("/healthz", "/nowhere"):
            client.get(path)
            assert (await client.response()).field("date")
        client.send(b"nonsense\r\n\r\n")
        assert (await client.response()).field("date")


# Pipelining.


async def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    async with connect(port) as client:
        client.send(b"".join(request("GET", f"/v1/notes/{number}") for number in range(50)))
        assert [(await client.response()).body for _ in range(50)] == [b'{"id":"%d"}' % number for number in range(50)]


async def test_a_slow_request_holds_up_those_behind_it(port: int) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/slow") + request("GET", "/v1/notes/1") + request("GET", "/slow"))
        assert [(await client.response()).body for _ in range(3)] == [b"slow", b'{"id":"1"}', b"slow"]


async def test_bodies_are_pipelined_too(port: int) -> None:
    large = b'{"text":"%s"}' % (b"a" * 50_000)
    async with connect(port) as client:
        for body in (large, b"{}", large):
            client.send(request("POST", "/v1/notes", JSON, body=body))
            client.send(request("POST", "/v1/notes", JSON, ("transfer-encoding", "chunked")) + chunked(body))
        assert [(await client.response()).body for _ in range(6)] == [large, large, b"{}", b"{}", large, large]


async def test_an_error_behind_other_requests_is_answered_last(port: int) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/slow") + request("GET", "/v1/notes/1") + b"GET / HTTP/1.1\r\n\r\n")
        assert [(await client.response()).status for _ in range(3)] == [200, 200, 400]
        assert await client.has_ended()


async def test_nothing_is_answered_behind_a_request_that_closes(port: int) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/healthz", ("connection", "close")) + request("GET", "/healthz"))
        assert (await client.response()).closes
        assert await client.has_ended()


async def test_a_tunnel_is_not_opened_behind_other_requests(port: int) -> None:
    async with connect(port) as client:
        client.send(
            request("GET", "/healthz") + b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n" + request("GET", "/healthz")
        )
        assert [(await client.response()).status for _ in range(2)] == [200, 501]
        assert await client.has_ended()


# Connections that are kept, or not.


@pytest.mark.parametrize(
    ("version", "connection", "is_kept"),
    [
        ("HTTP/1.1", None, True),
        ("HTTP/1.1", "keep-alive", True),
        ("HTTP/1.1", "close", False),
        ("HTTP/1.1", "Close", False),
        ("HTTP/1.1", "te, close", False),
        ("HTTP/1.0", None, False),
        ("HTTP/1.0", "keep-alive", True),
        ("HTTP/1.0", "Keep-Alive", True),
        ("HTTP/1.0", "close", False),
        ("HTTP/1.0", "close, keep-alive", False),
    ],
)
async def test_a_connection_is_kept_as_the_client_wants_it(
    port: int, version: str, connection: str | None, is_kept: bool
) -> None:
    fields = [] if connection is None else [("connection", connection)]
    async with connect(port) as client:
        client.send(request("GET", "/healthz", *fields, version=version))
        response = await client.response()
        assert response.closes != is_kept
        if version == "HTTP/1.0" and is_kept:
            assert response.field("connection") == "keep-alive"
        assert await (client.goes_on() if is_kept else client.has_ended())


async def test_a_request_of_http10_to_upgrade_does_not_keep_its_connection(port: int) -> None:
    async with connect(port) as client:
        fields = [("connection", "upgrade"), ("upgrade", "websocket")]
        client.send(request("GET", "/healthz", *fields, version="HTTP/1.0"))
        assert (await client.response()).closes
        assert await client.has_ended()


async def test_a_stream_over_http10_ends_with_the_connection() -> None:
    async with (
        listening(Gateway(services=[(kinds.service(), kinds.Iterators())])) as server,
        connect(server.port) as client,
    ):
        client.send(request("GET", "/v1/many?count=3&text=a", ("connection", "keep-alive"), version="HTTP/1.0"))
        response = await client.response()
        assert (response.closes, response.field("transfer-encoding")) == (True, None)
        assert response.body == b'{"text":"a"}\n{"text":"a","count":1}\n{"text":"a","count":2}\n'


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
async def test_head_of_a_stream_gets_the_head_alone(version: str) -> None:
    async with (
        listening(Gateway(services=[(kinds.service(), kinds.Iterators())])) as server,
        connect(server.port) as client,
    ):
        client.send(request("HEAD", "/v1/many?count=3", ("connection", "keep-alive"), version=version))
        response = await client.response("HEAD")
        assert (response.status, response.field("content-type")) == (200, "application/x-ndjson")
        if response.closes:
            assert await client.has_ended()
        else:
            client.get("/nowhere")
            assert (await client.response()).status == 404


# Clients that close their sending half, or leave.


async def test_a_client_that_has_closed_its_half_gets_its_response(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, body=b'{"text":"a"}'))
        client.end()
        assert (await client.response()).body == b'{"text":"a"}'
        assert await client.has_ended()


async def test_a_client_that_has_closed_its_half_gets_all_its_responses(port: int) -> None:
    async with connect(port) as client:
        client.send(b"".join(request("GET", f"/v1/notes/{number}") for number in range(20)))
        client.end()
        assert [(await client.response()).status for _ in range(20)] == [200] * 20
        assert await client.has_ended()


@pytest.mark.parametrize(
    "sent",
    [
        request("POST", "/v1/notes", JSON, ("content-length", "100")) + b'{"text',
        request("POST", "/v1/notes", JSON, ("transfer-encoding", "chunked")) + b'5\r\n{"te',
        request("POST", "/v1/notes", JSON, ("transfer-encoding", "chunked")) + b'6\r\n{"text\r\n',
    ],
    ids=["length", "within a chunk", "between chunks"],
)
async def test_a_body_that_ends_too_early_is_cut_short(port: int, sent: bytes) -> None:
    async with connect(port) as client:
        client.send(sent)
        client.end()
        response = await client.response()
        assert response.status == 499
        assert response.page()["message"] == "the request's body was cut short"
        assert await client.has_ended()


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nhost: local"])
async def test_a_client_that_ends_within_a_head_is_let_go(port: int, sent: bytes) -> None:
    async with connect(port) as client:
        client.send(sent)
        client.end()
        # It may be told that this was no request, or nothing.
        await asyncio.wait_for(client.reader.read(), 0.4)


# Bodies that nobody read.


async def _send_on(client: Http1Client, pieces: int) -> None:
    try:
        for _ in range(pieces):
            client.send(bytes(64 * 1024))
            await client.drain()
    except ConnectionError:
        return


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("POST", "/nowhere", JSON, ("content-length", "50000000")), 404),
        (request("POST", "/v1/notes", JSON, REFUSED, ("content-length", "50000000")), 401),
        (request("POST", "/v1/notes", JSON, ("content-length", "50000000")), 413),
        (request("POST", "/v1/notes", JSON, ("transfer-encoding", "chunked")) + b"ffffff\r\n", 413),
    ],
    ids=["404", "401", "413", "413 in chunks"],
)
async def test_an_early_answer_reaches_a_client_that_still_sends(port: int, sent: bytes, status: int) -> None:
    async with connect(port) as client:
        client.send(sent)
        sending = asyncio.create_task(_send_on(client, 100))
        response = await client.response()
        assert (response.status, response.closes) == (status, True)
        assert response.page()
        await sending
        assert await client.has_ended()


async def test_a_client_that_reads_only_after_it_has_sent_a_while_sees_the_early_answer(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/nowhere", JSON, ("content-length", "50000000")))
        for _ in range(20):
            client.send(bytes(16 * 1024))
            await client.drain()
            await asyncio.sleep(0.005)
        assert (await client.response()).status == 404


async def test_the_little_that_is_missing_of_an_unread_body_is_ignored(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/nowhere", JSON, ("content-length", "1000")) + bytes(500))
        response = await client.response()
        assert (response.status, response.closes) == (404, False)
        client.send(bytes(500) + request("GET", "/v1/notes/1"))
        assert (await client.response()).body == b'{"id":"1"}'


async def test_a_missing_rest_that_does_not_come_ends_the_connection(port: int) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/nowhere", JSON, ("content-length", "1000")) + bytes(500))
        assert (await client.response()).status == 404
        assert await client.has_ended(3)


async def test_a_body_of_a_get_is_read_and_ignored(port: int) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/healthz", body=b"GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n"))
        assert (await client.response()).status == 200
        assert await client.goes_on()


@pytest.mark.parametrize("path", ["/slow", "/v1/notes"])
async def test_a_body_that_breaks_in_its_middle_is_a_bad_request(port: int, path: str) -> None:
    """And not a client that has left, although no more of it comes."""
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, ("transfer-encoding", "chunked")) + b"1\r\n{\r\n")
        await asyncio.sleep(0.05)
        client.send(b"nonsense\r\n" + request("GET", "/healthz"))
        response = await client.response()
        assert (response.status, response.page()["code"]) == (400, 3)
        assert await client.has_ended()


# Limits of time.


@pytest.mark.parametrize(
    "sent",
    [b"G", b"GET /healthz", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-a: 1"],
)
async def test_a_head_that_does_not_go_on_is_told_so(port: int, sent: bytes) -> None:
    async with connect(port) as client:
        client.send(sent)
        response = await client.response()
        assert (response.status, response.page()["code"]) == (408, 4)
        assert await client.has_ended()


async def test_a_head_that_comes_a_byte_at_a_time_is_too_slow(port: int) -> None:
    async def trickle(client: Http1Client) -> None:
        for byte in b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + b"x: 1\r\n" * 100:
            client.send(bytes([byte]))
            await asyncio.sleep(0.05)

    async with connect(port) as client:
        trickling = asyncio.create_task(trickle(client))
        assert (await client.response()).status == 408
        trickling.cancel()


async def test_the_second_head_has_a_limit_too(port: int) -> None:
    async with connect(port) as client:
        client.send(request("GET", "/healthz") + b"GET /hea")
        assert (await client.response()).status == 200
        assert (await client.response()).status == 408
        assert await client.has_ended()


async def test_a_connection_on_which_nothing_is_sent_is_closed(port: int) -> None:
    async with connect(port) as client:
        assert await client.has_ended(2)


async def test_a_connection_on_which_nothing_more_is_sent_is_closed(port: int) -> None:
    async with connect(port) as client:
        assert await client.goes_on()
        assert await client.has_ended(3)


@pytest.mark.parametrize(
    "framing", [("content-length", "100"), ("transfer-encoding", "chunked")], ids=lambda framing: framing[0]
)
async def test_a_body_that_does_not_go_on_is_too_slow(port: int, framing: tuple[str, str]) -> None:
    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, framing) + b"5\r\n{")
        response = await client.response()
        assert (response.status, response.page()["code"]) == (408, 4)
        assert await client.has_ended()


async def test_a_body_that_comes_a_byte_at_a_time_is_too_slow(port: int) -> None:
    async def trickle(client: Http1Client) -> None:
        for _ in range(100):
            client.send(b" ")
            await asyncio.sleep(0.05)

    async with connect(port) as client:
        client.send(request("POST", "/v1/notes", JSON, ("content-length", "1000")))
        trickling = asyncio.create_task(trickle(client))
        assert (await client.response()).status == 408
        trickling.cancel()


async def test_a_slow_response_is_no_idle_connection() -> None:
    gate = asyncio.Event()

    async def wait(_request: HttpRequest) -> HttpResponse:
        await gate.wait()
        return HttpResponse(200)

    limits = ConnectionLimits(head_seconds=0.2, idle_seconds=0.2)
    made = Gateway(services=[(echo.service(), echo.AsyncEcho())], handlers={"/wait": wait})
    async with listening(made, limits) as server, connect(server.port) as client:
        client.get("/wait")
        await asyncio.sleep(0.8)
        gate.set()
        assert (await client.response()).status == 200


# Responses that take long to deliver.


async def test_a_closing_connection_delivers_its_response_to_a_slow_reader() -> None:
    size = 8_000_000

    async def large(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], bytes(size))

    async with (
        listening(Gateway(services=[], handlers={"/large": large})) as server,
        connect(server.port, receive_buffer=8192) as client,
    ):
        client.send(request("GET", "/large", ("connection", "close")))
        head = await client.head()
        assert head.closes
        read = 0
        while data := await client.reader.read(50_000):
            read += len(data)
            await asyncio.sleep(0.01)
        assert read == size


async def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    async def large(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], bytes(8_000_000))

    limits = ConnectionLimits(write_seconds=0.4)
    async with (
        listening(Gateway(services=[], handlers={"/large": large}), limits) as server,
        connect(server.port, receive_buffer=8192) as client,
    ):
        client.get("/large")
        await client.head()
        await asyncio.sleep(1.2)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.reader.readexactly(8_000_000)


@pytest.mark.parametrize(("size", "is_kept"), [(20_000, True), (10, False)], ids=["slowly", "next to nothing"])
async def test_a_reader_is_kept_if_it_takes_something_within_the_limit(size: int, *, is_kept: bool) -> None:
    """What the kernel holds is so large that it takes nothing more from the server meanwhile."""

    async def large(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], bytes(8_000_000))

    async with (
        listening(Gateway(services=[], handlers={"/large": large}), ConnectionLimits(write_seconds=0.5)) as server,
        connect(server.port, receive_buffer=8192) as client,
    ):
        client.get("/large")
        await client.head()
        for _ in range(20):
            await client.reader.readexactly(size)
            await asyncio.sleep(0.1)
        assert bool(server._connections) == is_kept


async def test_many_small_chunks_do_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of them are parsed in one iteration than a slice of a body has, whatever was read of the socket."""
    iterations: list[int] = []
    parsed = 0
    on_body = Http1Connection.on_body

    def count(connection: Http1Connection, data: bytes) -> None:
        nonlocal parsed
        if not parsed:
            connection.server.loop.call_soon(note)
        parsed += 1
        on_body(connection, data)

    def note() -> None:
        nonlocal parsed
        iterations.append(parsed)
        parsed = 0

    monkeypatch.setattr(Http1Connection, "on_body", count)
    limits = Limits(message_bytes=100_000, read_seconds=30)
    async with listening(gateway(limits=limits)) as server, connect(server.port) as client:
        client.send(request("POST", "/v1/notes", JSON, ("transfer-encoding", "chunked")))
        client.send(chunked(b"{", *[b" "] * 60_000, b"}"))
        assert (await client.response()).status == 200
    assert sum(iterations) == 60_002
    assert max(iterations) <= BODY_SLICE
