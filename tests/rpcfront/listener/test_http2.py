"""HTTP/2: heads, bodies, windows and the end of connections (RFC 9113)."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, PriorityFrame, SettingsFrame

from rpcfront import ConnectionLimits, Gateway
from rpcfront.protocols.http import HttpRequest, HttpResponse
from tests.rpcfront.listener.listening import listening
from tests.rpcfront.listener.served import REFUSED_TOKEN, gateway
from tests.support.clients.http2_client import Fields, Http2Connection, Stream, connect, grpc_head, head
from tests.support.services import echo
from tests.support.wire.grpc_web import frame

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("quiet")]

LIMITS = ConnectionLimits(head_seconds=0.6)
JSON = ("content-type", "application/json")
PROTOCOL_ERROR = 1
FLOW_CONTROL_ERROR = 3
REFUSED_STREAM = 7
SAY = "/echo.v1.Echo/Say"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port() -> AsyncIterator[int]:
    async with listening(gateway(), LIMITS) as server:
        yield server.port


def page(stream: Stream) -> dict[str, object]:
    """Return the google.rpc.Status of an error, in JSON."""
    assert stream.blocks[0]["content-type"] == "application/json"
    content: dict[str, object] = json.loads(bytes(stream.body))
    assert list(content) == ["code", "message", "details"]
    return content


async def goes_on(client: Http2Connection) -> bool:
    return (await client.get()).status == 200 and not client.goaways


# Heads.


def without(name: str, *fields: tuple[str, str]) -> Fields:
    return [field for field in head("GET", "/healthz") if field[0] != name] + list(fields)


@dataclass(frozen=True)
class Row:
    """The fields of a request, and what comes: a status, or None for RST_STREAM(PROTOCOL_ERROR)."""

    name: str
    fields: Fields
    status: int | None


def get(*fields: tuple[str, str]) -> Fields:
    return head("GET", "/healthz", *fields)


@pytest.mark.parametrize(
    "row",
    [
        Row("authority", get(), 200),
        Row("authority and the same Host", get(("host", "localhost")), 200),
        Row("authority and another Host", get(("host", "other")), 400),
        Row("authority and an empty Host", get(("host", "")), None),
        Row("Host alone", without(":authority", ("host", "localhost")), 200),
        Row("two Hosts", get(("host", "localhost"), ("host", "localhost")), None),
        Row("a malformed authority", head("GET", "/healthz", authority="local host"), None),
        Row("an authority with a user", head("GET", "/healthz", authority="user@localhost"), None),
        Row("a malformed Host", without(":authority", ("host", "local/host")), None),
        Row("no method", without(":method"), None),
        Row("no scheme", without(":scheme"), None),
        Row("no path", without(":path"), None),
        Row("an empty path", head("GET", ""), None),
        Row("a path that is a word", head("GET", "healthz"), None),
        Row("a path that is a URL", head("GET", "http://localhost/healthz"), None),
        Row("two paths", [*get(), (":path", "/other")], None),
        Row("a pseudo-field that nobody knows", [(":other", "1"), *get()], None),
        Row("a pseudo-field of responses", [(":status", "200"), *get()], None),
        Row("a pseudo-field behind a field", [*get()[:3], ("x-a", "1"), get()[3]], None),
        Row("an empty name", get(("", "1")), None),
        Row("a name in capitals", get(("X-A", "1")), None),
        Row("a name with a space", get(("x a", "1")), None),
        Row("a name with a colon", get(("x:a", "1")), None),
        Row("a CR in a value", get(("x-a", "1\r2")), None),
        Row("an LF in a value", get(("x-a", "1\n2")), None),
        Row("a NUL in a value", get(("x-a", "1\0")), None),
        Row("connection", get(("connection", "keep-alive")), None),
        Row("keep-alive", get(("keep-alive", "1")), None),
        Row("proxy-connection", get(("proxy-connection", "keep-alive")), None),
        Row("transfer-encoding", get(("transfer-encoding", "chunked")), None),
        Row("upgrade", get(("upgrade", "h2c")), None),
        Row("te: trailers", get(("te", "trailers")), 200),
        Row("te: gzip", get(("te", "gzip")), None),
        Row("cookies in crumbs", get(("cookie", "a=1"), ("cookie", "b=2")), 200),
        Row("a method that nobody knows", head("BREW", "/healthz"), 405),
        Row("CONNECT", [(":method", "CONNECT"), (":authority", "localhost:80")], 400),
        Row("an extended CONNECT", [(":method", "CONNECT"), (":protocol", "websocket"), *get()[1:]], None),
        Row("a length of a body that never comes", get(("content-length", "5")), None),
        Row("a length that is no number", get(("content-length", "+0")), None),
        Row("two lengths", get(("content-length", "0"), ("content-length", "1")), None),
        Row("100 fields", get(*[("x-a", "1")] * 96), 200),
        Row("101 fields", get(*[("x-a", "1")] * 97), 431),
        Row("a value of 60,000 bytes", get(("x-a", "a" * 60_000)), 200),
        Row("two values of 30,000 bytes", get(*[("x-a", "a" * 30_000)] * 2), 200),
        Row("a path of 60,000 bytes", head("GET", "/healthz?" + "a" * 60_000), 200),
        Row("a value of 64 KiB", get(("x-a", "a" * 65_500)), 431),
        Row("two values of 40 KiB", get(*[("x-a", "a" * 40 * 1024)] * 2), 431),
        Row("a path of 64 KiB", head("GET", "/" + "a" * 65_500), 431),
        Row("a name of 64 KiB", get(("a" * 65_500, "1")), 431),
    ],
    ids=lambda row: row.name,
)
async def test_a_bad_head_ends_its_stream_and_no_other(port: int, row: Row) -> None:
    async with connect(port) as client:
        other = client.request(head("POST", "/v1/notes", JSON), end=False)
        stream = await client.response(client.request(row.fields))
        if row.status is None:
            assert (stream.blocks, stream.reset) == ([], PROTOCOL_ERROR)
        else:
            assert stream.status == row.status
            if row.status >= 400:
                assert page(stream)["message"]
        client.data(other, b"{}", end=True)
        assert (await client.response(other)).status == 200
        assert await goes_on(client)


@pytest.mark.parametrize(
    "fields", [[("x-a", "a" * 65_500)], [("x-a", "1")] * 100], ids=["a value of 64 KiB", "101 fields"]
)
async def test_a_head_of_grpc_that_is_too_large_is_resource_exhausted(port: int, fields: Fields) -> None:
    async with connect(port) as client:
        stream = await client.response(client.request(grpc_head(SAY, *fields), end=False))
        assert (stream.status, stream.blocks[0]["grpc-status"]) == (200, "8")
        assert "larger than the limit" in stream.blocks[0]["grpc-message"]
        assert await goes_on(client)


@pytest.mark.parametrize(
    "fields",
    [[("x-a", "a" * 60_000)] * 4, [("x-a", "a" * 70_000)], [("x-a", "1")] * 1000],
    ids=["240 kB", "70 kB", "1000"],
)
async def test_a_head_that_is_far_too_large_ends_its_connection_and_no_other(port: int, fields: Fields) -> None:
    async with connect(port) as client, connect(port) as other:
        assert await goes_on(other)
        client.request(get(*fields))
        await client.until_closed()
        assert await goes_on(other)


async def test_the_fields_of_one_request_are_not_those_of_the_next(port: int) -> None:
    async with connect(port) as client:
        first = client.request(head("PUT", "/v1/notes/1", JSON, ("x-first", "1")), end=False)
        second = client.request(head("PUT", "/v1/notes/2", JSON, ("x-second", "2")), end=False)
        for stream in (second, first):
            client.data(stream, b"{}", end=True)
        bodies = [bytes((await client.response(stream)).body) for stream in (first, second)]
        assert [b"x-first" in body for body in bodies] == [True, False]
        assert [b"x-second" in body for body in bodies] == [False, True]


async def test_a_request_without_any_host_is_refused(port: int) -> None:
    async with connect(port) as client:
        stream = await client.response(client.request(without(":authority")))
        assert stream.reset == PROTOCOL_ERROR or stream.status == 400


# Responses.


@pytest.mark.parametrize("path", ["/healthz", "/v1/notes/1"])
async def test_head_gets_the_head_of_get(port: int, path: str) -> None:
    async with connect(port) as client:
        whole = await client.get(path)
        stream = await client.response(client.request(head("HEAD", path)))
        assert (stream.status, bytes(stream.body)) == (whole.status, b"")
        assert stream.blocks[0]["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(("path", "status"), [("/empty", 204), ("/same", 304)])
async def test_204_and_304_have_neither_body_nor_length(port: int, path: str, status: int) -> None:
    async with connect(port) as client:
        stream = await client.get(path)
        assert (stream.status, bytes(stream.body)) == (status, b"")
        assert "content-length" not in stream.blocks[0]


async def test_responses_have_a_date_and_no_field_of_connections(port: int) -> None:
    async with connect(port) as client:
        for path in ("/healthz", "/nowhere"):
            fields = (await client.get(path)).blocks[0]
            assert fields["date"]
            assert not fields.keys() & {"connection", "transfer-encoding", "keep-alive"}


async def test_a_client_is_told_to_go_on_once_its_body_is_wanted(port: int) -> None:
    async with connect(port) as client:
        expect = ("expect", "100-continue")
        stream = client.request(head("POST", "/v1/notes", JSON, expect, ("content-length", "2")), end=False)
        await client.until(lambda: client.streams[stream].blocks, 2)
        assert client.streams[stream].status == 100
        client.data(stream, b"{}", end=True)
        response = await client.response(stream)
        assert [block[":status"] for block in response.blocks] == ["100", "200"]


async def test_a_client_whose_body_is_not_wanted_is_not_told_to_go_on(port: int) -> None:
    async with connect(port) as client:
        fields = head("POST", "/v1/notes", JSON, ("expect", "100-continue"), ("authorization", REFUSED_TOKEN))
        response = await client.response(client.request(fields, end=False))
        assert [block[":status"] for block in response.blocks] == ["401"]


async def test_a_settings_is_acknowledged_and_a_ping_answered(port: int) -> None:
    async with connect(port) as client:
        client.ping()
        await client.until(lambda: client.pongs == 1 and client.settings_acks == 1)


async def test_what_a_client_may_send_and_a_server_need_not_know_is_ignored(port: int) -> None:
    async with connect(port, {0xF00: 1, SettingsFrame.ENABLE_PUSH: 0}) as client:
        client.frame(PriorityFrame(11, depends_on=3, stream_weight=7))
        client.out += (4).to_bytes(3) + bytes([0xEE, 0xFF]) + (0).to_bytes(4) + b"what"
        client.out += (4).to_bytes(3) + bytes([0xEE, 0]) + (1).to_bytes(4) + b"what"
        assert await goes_on(client)


# Bodies.


@pytest.mark.parametrize("has_body", [False, True])
async def test_trailers_end_a_body_and_never_become_headers(port: int, has_body: bool) -> None:
    async with connect(port) as client:
        stream = client.request(head("PUT", "/v1/notes/1", JSON, ("x-early", "1")), end=False)
        if has_body:
            client.data(stream, b"{}")
        client.fields(stream, [("authorization", REFUSED_TOKEN), ("x-late", "1")], end=True)
        response = await client.response(stream)
        assert response.status == 200
        assert b"x-early" in response.body
        assert b"x-late" not in response.body


@pytest.mark.parametrize(
    ("fields", "ends"),
    [([(":path", "/")], True), ([("x-a", "1\0")], True), ([("X-A", "1")], True), ([("x-a", "1")], False)],
    ids=["a pseudo-field", "a NUL", "capitals", "no end"],
)
async def test_bad_trailers_end_their_stream(port: int, fields: Fields, ends: bool) -> None:
    async with connect(port) as client:
        stream = client.request(head("POST", "/v1/notes", JSON), end=False)
        client.data(stream, b"{")
        client.fields(stream, fields, end=ends)
        response = await client.response(stream)
        assert response.reset == PROTOCOL_ERROR
        assert await goes_on(client)


@pytest.mark.parametrize(("length", "body"), [("1", b"{}"), ("3", b"{}"), ("0", b"{}"), ("2", b"")])
async def test_a_body_that_is_not_as_long_as_it_says_ends_its_stream(port: int, length: str, body: bytes) -> None:
    async with connect(port) as client:
        stream = client.request(head("POST", "/v1/notes", JSON, ("content-length", length)), end=False)
        client.data(stream, body, end=True)
        response = await client.response(stream)
        assert (response.reset, response.blocks) == (PROTOCOL_ERROR, [])
        assert await goes_on(client)


async def test_a_body_in_many_frames_is_one(port: int) -> None:
    async with connect(port) as client:
        stream = client.request(head("POST", "/v1/notes", JSON), end=False)
        for byte in b'{"text":"abc"}':
            client.data(stream, bytes([byte]))
            client.data(stream, b"")
        client.data(stream, b"", end=True)
        assert (await client.response(stream)).body == b'{"text":"abc"}'


async def test_a_body_that_does_not_go_on_is_too_slow(port: int) -> None:
    async with connect(port) as client:
        stream = client.request(head("POST", "/v1/notes", JSON), end=False)
        client.data(stream, b"{")
        response = await client.response(stream)
        assert (response.status, page(response)["code"]) == (408, 4)
        assert await goes_on(client)


# Windows.


async def test_a_body_larger_than_the_window_is_read_as_it_comes(port: int) -> None:
    body = b'{"text":"%s"}' % (b"a" * 99_000)
    async with connect(port) as client:
        for _ in range(30):
            stream = client.request(head("POST", "/v1/notes", JSON), end=False)
            await client.upload(stream, body)
            assert (await client.response(stream)).body == body


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/nowhere", [JSON], 404),
        ("/v1/notes", [JSON, ("authorization", REFUSED_TOKEN)], 401),
        (SAY, [("content-type", "application/grpc"), ("authorization", REFUSED_TOKEN)], 200),
        ("/v1/notes", [JSON, ("content-length", "1000000")], 413),
    ],
    ids=["404", "401", "gRPC", "413"],
)
async def test_300_uploads_that_nobody_read_leave_the_window_whole(
    port: int, path: str, fields: Fields, status: int
) -> None:
    async with connect(port) as client:
        await client.until(lambda: client.settings_acks)
        whole = client.window
        for _ in range(300):
            stream = client.request(head("POST", path, *fields), end=False)
            await client.until(lambda: client.window >= 60_000, 2)
            client.data(stream, bytes(50_000))
            response = await client.response(stream)
            assert response.status == status
        # The engine gives back half a window at a time.
        await client.until(lambda: client.window >= whole // 2)


async def test_padding_counts_and_is_given_back(port: int) -> None:
    async with connect(port) as client:
        await client.until(lambda: client.settings_acks)
        whole = client.window
        for _ in range(20):
            stream = client.request(head("POST", "/v1/notes", JSON), end=False)
            for _ in range(200):
                client.frame(DataFrame(stream, b" ", pad_length=255, flags=["PADDED"]))
                client.window -= 257
            client.data(stream, b"{}", end=True)
            assert (await client.response(stream)).status == 200
        await client.until(lambda: client.window >= whole // 2)


async def test_what_was_not_read_of_a_reset_upload_is_given_back(port: int) -> None:
    async with connect(port) as client:
        await client.until(lambda: client.settings_acks)
        whole = client.window
        for _ in range(100):
            stream = client.request(grpc_head(SAY), end=False)
            await client.until(lambda: client.window >= 60_000, 2)
            client.data(stream, frame(bytes(99_000))[:60_000])
            client.reset(stream)
        await client.until(lambda: client.window >= whole // 2)
        assert await goes_on(client)


async def test_a_client_that_ignores_its_windows_is_cut(port: int) -> None:
    async with connect(port) as client:
        await client.until(lambda: client.settings)
        stream = client.request(head("GET", "/slow"), end=False)
        client.data(stream, bytes(2 * client.settings[SettingsFrame.INITIAL_WINDOW_SIZE]))
        await client.until(lambda: client.goaways or client.streams[stream].reset is not None)
        assert client.goaways[-1:] == [(stream, FLOW_CONTROL_ERROR)] or (
            client.streams[stream].reset == FLOW_CONTROL_ERROR
        )


async def test_an_answered_upload_is_reset_behind_the_whole_answer(port: int) -> None:
    async with connect(port) as client:
        stream = client.request(head("POST", "/nowhere", JSON), end=False)
        client.data(stream, bytes(1000))
        await client.until(lambda: client.streams[stream].reset is not None)
        response = client.streams[stream]
        assert (response.status, response.has_ended, response.reset) == (404, True, 0)
        assert response.order[-1] == "RstStream"
        # What is on its way does no harm.
        client.data(stream, bytes(1000), end=True)
        assert await goes_on(client)


async def test_an_answered_upload_is_reset_only_after_a_slow_reader_has_the_answer() -> None:
    async with (
        listening(gateway()) as server,
        connect(server.port, {SettingsFrame.INITIAL_WINDOW_SIZE: 10}, opens_windows=False) as client,
    ):
        stream = client.request(head("POST", "/nowhere", JSON), end=False)
        await client.until(lambda: len(client.streams[stream].body) == 10)
        assert client.streams[stream].reset is None
        client.open_window(stream, 1000)
        await client.until(lambda: client.streams[stream].reset is not None)
        assert page(client.streams[stream])["code"] == 5


async def test_no_more_streams_than_announced_are_taken() -> None:
    async with listening(gateway(), ConnectionLimits(streams=5)) as server, connect(server.port) as client:
        # The client cannot know the limit yet.
        held = [client.request(head("POST", "/v1/notes", JSON), end=False) for _ in range(5)]
        refused = await client.response(client.request(get()))
        assert client.settings[SettingsFrame.MAX_CONCURRENT_STREAMS] == 5
        assert refused.reset == REFUSED_STREAM
        for stream in held:
            client.data(stream, b"{}", end=True)
            assert (await client.response(stream)).status == 200
        assert await goes_on(client)


async def test_a_client_that_knows_the_limit_of_streams_and_ignores_it_is_cut() -> None:
    async with listening(gateway(), ConnectionLimits(streams=5)) as server, connect(server.port) as client:
        assert await goes_on(client)
        for _ in range(6):
            client.request(head("POST", "/v1/notes", JSON), end=False)
        await client.until_closed()
        assert client.goaways[-1][1] == PROTOCOL_ERROR


# The end.


async def test_a_drain_announces_the_end_and_serves_what_comes_before_it_is_final() -> None:
    async with listening(gateway()) as server, connect(server.port) as client:
        running = client.request(head("GET", "/slow"))
        await client.until(lambda: client.settings_acks)
        client.answers_pings = False
        draining = asyncio.create_task(server.drain(10))
        await client.until(lambda: client.goaways)
        assert client.goaways == [(2**31 - 1, 0)]
        late = client.request(head("GET", "/slow"))
        await client.until(lambda: len(client.goaways) == 2)
        assert client.goaways[1] == (late, 0)
        for stream in (running, late):
            assert (await client.response(stream)).body == b"slow"
        await client.until_closed()
        await draining


async def test_a_drain_does_not_wait_where_a_ping_is_answered() -> None:
    async with listening(gateway()) as server, connect(server.port) as client:
        assert await goes_on(client)
        draining = asyncio.create_task(server.drain(10))
        await client.until_closed(2)
        assert [last for last, _ in client.goaways] == [2**31 - 1, 1]
        await asyncio.wait_for(draining, 2)


async def test_a_request_after_the_final_goaway_is_not_answered() -> None:
    async with listening(gateway()) as server, connect(server.port) as client:
        running = client.request(head("GET", "/slow"))
        await client.until(lambda: client.settings_acks)
        draining = asyncio.create_task(server.drain(10))
        await client.until(lambda: len(client.goaways) == 2)
        late = client.request(get())
        assert (await client.response(running)).status == 200
        await client.until_closed()
        assert not client.streams[late].blocks
        await draining


async def test_a_large_response_reaches_a_slow_client_during_a_drain() -> None:
    async def large(_request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.2)
        return HttpResponse(200, [], bytes(1_500_000))

    async with (
        listening(Gateway(services=[], handlers={"/large": large})) as server,
        connect(server.port, {SettingsFrame.INITIAL_WINDOW_SIZE: 2**24}, receive_buffer=2**14) as client,
    ):
        client.open_window(0, 2**24)
        stream = client.request(head("GET", "/large"))
        await client.until(lambda: client.settings_acks)
        draining = asyncio.create_task(server.drain(10))
        while not client.streams[stream].is_over:
            assert not client.has_ended
            await client.turn()
            await asyncio.sleep(0.005)
        assert len(client.streams[stream].body) == 1_500_000
        await draining


async def test_a_broken_connection_does_not_stop_the_drain_of_the_others() -> None:
    async with listening(gateway()) as server, connect(server.port) as client, connect(server.port) as broken:
        assert await goes_on(client)
        assert await goes_on(broken)
        broken.frame(SettingsFrame(0, settings={SettingsFrame.MAX_FRAME_SIZE: 1}))
        await broken.until(lambda: broken.goaways)
        await server.drain(5)
        await client.until_closed()


async def test_a_client_that_announces_its_end_gets_the_responses_that_it_waits_for(port: int) -> None:
    async with connect(port) as client:
        stream = client.request(head("GET", "/slow"))
        client.frame(GoAwayFrame(0, last_stream_id=0))
        assert (await client.response(stream)).body == b"slow"


async def test_a_client_that_answers_no_ping_is_cut_off_and_one_that_does_stays() -> None:
    limits = ConnectionLimits(ping_seconds=0.5, pong_seconds=0.5, head_seconds=0.5)
    async with (
        listening(gateway(), limits) as server,
        connect(server.port) as client,
        connect(server.port) as gone,
    ):
        gone.answers_pings = False
        for each in (client, gone):
            each.request(head("POST", "/echo.v1.Echo/Say", ("content-type", "application/grpc")), end=False)
        reading = asyncio.create_task(client.until(lambda: client.pings >= 3, 20))
        await gone.until_closed()
        assert gone.pings == 1
        await reading
        assert not client.has_ended


async def test_headers_on_a_stream_of_the_server_end_the_connection(port: int) -> None:
    async with connect(port) as client:
        client.frame(HeadersFrame(2, client.encode(get()), flags=["END_HEADERS", "END_STREAM"]))
        await client.until(lambda: client.goaways)
        assert client.goaways[-1][1] == PROTOCOL_ERROR
        await client.until_closed()


async def test_grpc_is_answered_on_the_same_connection(port: int) -> None:
    async with connect(port) as client:
        request = echo.note(text="a").SerializeToString()
        stream = client.request(grpc_head(SAY), end=False)
        client.data(stream, frame(request), end=True)
        response = await client.response(stream)
        assert bytes(response.body) == frame(request)
        assert response.blocks[1] == {"grpc-status": "0"}
