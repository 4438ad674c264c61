"""Methods of all four kinds over gRPC and Connect, with servicers in each style that grpcio has."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
import pytest_asyncio

from rpcfront import Gateway, Limits
from rpcfront.calls.observers import CallEnd, CallStart
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.kinds import STYLES, note
from tests.rpcfront.listener.listening import listening
from tests.rpcfront.listener.streams import FULL_DUPLEX, WAYS, begin, timeout
from tests.support.clients import http1_client, http2_client
from tests.support.clients.http1_client import request
from tests.support.clients.http2_client import grpc_head, head
from tests.support.wire.grpc_web import frame, parse_answer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("quiet")]

LIMIT = 200_000
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 4, 8, 12, 13
WITH_REQUESTS = ("Sum", "Talk")


class Seen:
    """Notes what an interceptor and an observer see."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.started_names: list[str] = []
        self.ends: list[CallEnd] = []

    async def intercept(self, call_next: Any, request: Any, context: Any) -> Any:
        is_stream = hasattr(request, "__aiter__")
        self.calls.append((context.method.name, "a stream" if is_stream else "a message"))
        return await call_next(self._each(request) if is_stream else request)

    async def _each(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for each in requests:
            self.calls.append(("a request", each.text))
            yield each

    def started(self, call: CallStart) -> None:
        self.started_names.append(call.method)

    def ended(self, token: object, call: CallEnd) -> None:
        self.ends.append(call)


def gateway(servicer: object, **options: Any) -> Gateway:
    return Gateway(
        services=[(kinds.service(), servicer)], limits=Limits(message_bytes=LIMIT, read_seconds=0.5), **options
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=STYLES)
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with listening(gateway(STYLES[request.param]())) as server:
        yield server.port


# Whole calls.


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_of_responses(port: int, way: str) -> None:
    async with begin(way, port, "Many") as call:
        call.send(note("a", 50, bytes(10_000)))
        call.end()
        assert await call.ended() == 0
        assert [(each.text, each.count, len(each.data)) for each in call.messages] == [
            ("a", number, 10_000) for number in range(50)
        ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_of_requests(port: int, way: str) -> None:
    async with begin(way, port, "Sum") as call:
        for number in range(50):
            call.send(note(str(number), number))
        call.end()
        assert await call.ended() == 0
        assert [(each.text, each.count) for each in call.messages] == [
            ("".join(map(str, range(50))), sum(range(50))),
        ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_of_no_requests(port: int, way: str) -> None:
    async with begin(way, port, "Sum") as call:
        call.end()
        assert await call.ended() == 0
        assert [(each.text, each.count) for each in call.messages] == [("", 0)]
    async with begin(way, port, "Talk") as call:
        call.end()
        assert await call.ended() == 0
        assert call.messages == []


@pytest.mark.parametrize("way", WAYS)
async def test_streams_both_ways_half_duplex(port: int, way: str) -> None:
    async with begin(way, port, "Talk") as call:
        for number in range(50):
            call.send(note("a", number))
        call.end()
        assert await call.ended() == 0
        assert [(each.text, each.count) for each in call.messages] == [("A", number) for number in range(50)]


@pytest.mark.parametrize("way", FULL_DUPLEX)
async def test_streams_both_ways_in_turns(port: int, way: str) -> None:
    async with begin(way, port, "Talk") as call:
        for number in range(1, 20):
            call.send(note("a", number))
            assert (await call.received(number))[-1].count == number
        call.end()
        assert await call.ended() == 0


@pytest.mark.parametrize("way", WAYS)
async def test_messages_that_come_in_pieces(port: int, way: str) -> None:
    async with begin(way, port, "Sum") as call:
        for byte in frame(note("a", 1).SerializeToString()) + frame(b"") + frame(note("b", 2).SerializeToString()):
            call.write(bytes([byte]))
            await asyncio.sleep(0)
        call.end()
        assert await call.ended() == 0
        assert [(each.text, each.count) for each in call.messages] == [("ab", 3)]


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_of_requests_larger_than_all_windows(port: int, way: str) -> None:
    async with begin(way, port, "Sum") as call:
        for number in range(30):
            data = frame(note("", number, bytes(100_000)).SerializeToString())
            if way in FULL_DUPLEX:
                await call.client.upload(call.stream, data, end=False)  # type: ignore[attr-defined]  # full duplex has a client of HTTP/2
            else:
                call.write(data)
                await call.client.drain()  # type: ignore[attr-defined]  # full duplex has a client of HTTP/2
        call.end()
        assert await call.ended() == 0
        assert call.messages[0].count == sum(range(30))


@pytest.mark.parametrize("way", WAYS)
async def test_a_client_may_be_silent_between_two_messages_for_longer_than_within_one(port: int, way: str) -> None:
    async with begin(way, port, "Sum") as call:
        call.send(note("a", 1))
        await asyncio.sleep(0.9)
        call.send(note("b", 2))
        call.end()
        assert await call.ended() == 0
        assert call.messages[0].count == 3


@pytest.mark.parametrize("way", WAYS)
async def test_messages_may_be_compressed_one_by_one(port: int, way: str) -> None:
    field = ("grpc-encoding" if way == "gRPC" else "connect-content-encoding", "gzip")
    async with begin(way, port, "Sum", field) as call:
        call.send(note("a", 1))
        call.write(frame(gzip.compress(note("b", 2).SerializeToString()), 1))
        call.send(note("c", 3))
        call.end()
        assert await call.ended() == 0
        assert call.messages[0].text == "abc"


def grpcio(port: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])


async def test_grpcio_calls_all_kinds(port: int) -> None:
    types = (kinds.note_class().SerializeToString, kinds.note_class().FromString)
    async with grpcio(port) as channel:
        one: Any = channel.unary_unary(kinds.path("One"), *types)
        assert (await one(note("a"))).text == "a"
        many: Any = channel.unary_stream(kinds.path("Many"), *types)
        assert [each.count async for each in many(note("a", 3))] == [0, 1, 2]
        total: Any = channel.stream_unary(kinds.path("Sum"), *types)
        assert (await total(iter([note("a", 1), note("b", 2)]))).text == "ab"
        talk: Any = channel.stream_stream(kinds.path("Talk"), *types)()
        for number in range(10):
            await talk.write(note("a", number))
            assert (await talk.read()).count == number
        await talk.done_writing()
        assert await talk.read() is grpc.aio.EOF
        assert await talk.code() is grpc.StatusCode.OK


async def test_a_unary_call_over_http1_and_http2(port: int) -> None:
    data = note("a").SerializeToString()
    async with http1_client.connect(port) as client1:
        client1.send(request("POST", kinds.path("One"), ("content-type", "application/proto"), body=data))
        assert (await client1.response()).body == data
    async with http2_client.connect(port) as client2:
        stream = client2.request(head("POST", kinds.path("One"), ("content-type", "application/proto")), end=False)
        client2.data(stream, data, end=True)
        assert (await client2.response(stream)).body == data


# What ends a stream of requests.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_deadline_passes_while_the_client_is_silent(port: int, way: str, method: str) -> None:
    async with begin(way, port, method, timeout(way, 200)) as call:
        call.send(note("a"))
        assert await asyncio.wait_for(call.ended(), 2) == DEADLINE_EXCEEDED
        assert len(call.messages) == (method == "Talk")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_malformed_message_in_mid_stream_ends_the_call(port: int, way: str, method: str) -> None:
    async with begin(way, port, method) as call:
        call.send(note("a"))
        call.write(frame(b"\xff\xff"))
        assert await asyncio.wait_for(call.ended(), 2) == INVALID_ARGUMENT
        assert len(call.messages) == (method == "Talk")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_message_over_the_limit_is_refused_by_its_prefix(port: int, way: str, method: str) -> None:
    async with begin(way, port, method) as call:
        call.send(note("a"))
        call.write(b"\0" + (LIMIT + 1).to_bytes(4))
        # The rest never comes.
        assert await asyncio.wait_for(call.ended(), 0.4) == RESOURCE_EXHAUSTED


async def test_a_unary_message_over_the_limit_is_refused_by_its_prefix(port: int) -> None:
    async with http2_client.connect(port) as client:
        stream = client.request(grpc_head(kinds.path("One")), end=False)
        client.data(stream, b"\0" + (LIMIT + 1).to_bytes(4))
        response = await asyncio.wait_for(client.response(stream), 0.4)
        assert response.blocks[-1]["grpc-status"] == str(RESOURCE_EXHAUSTED)
        await client.until(lambda: client.streams[stream].reset is not None)
        assert response.reset == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_message_of_the_limit_is_taken_and_one_that_unpacks_to_more_is_not(
    port: int, way: str, method: str
) -> None:
    at_limit = note(data=bytes(LIMIT - 4))
    assert at_limit.ByteSize() == LIMIT
    field = ("grpc-encoding" if way == "gRPC" else "connect-content-encoding", "gzip")
    async with begin(way, port, method, field) as call:
        data = frame(at_limit.SerializeToString())
        if way in FULL_DUPLEX:
            await call.client.upload(call.stream, data, end=False)  # type: ignore[attr-defined]  # full duplex has a client of HTTP/2
        else:
            call.write(data)
        call.write(frame(gzip.compress(note(data=bytes(LIMIT)).SerializeToString()), 1))
        assert await asyncio.wait_for(call.ended(), 2) == RESOURCE_EXHAUSTED
        assert len(call.messages) == (method == "Talk")


@pytest.mark.parametrize("way", WAYS)
async def test_some_methods_take_larger_messages_than_others(way: str) -> None:
    servicer = next(iter(STYLES.values()))()
    async with listening(gateway(servicer, extra_message_bytes={f"{kinds.service().full_name}.Sum": 100})) as server:
        # That is asked for first: a prefix within the limit is refused because nothing follows it.
        rows = (("Sum", 100, INTERNAL), ("Sum", 101, RESOURCE_EXHAUSTED), ("Talk", 1, RESOURCE_EXHAUSTED))
        for method, extra, code in rows:
            async with begin(way, server.port, method) as call:
                call.write(b"\0" + (LIMIT + extra).to_bytes(4))
                call.end()
                assert await call.ended() == code, (method, extra)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
@pytest.mark.parametrize("piece", [b"\0", b"\0\0\0\0\5", b"\0\0\0\0\5abc"], ids=["1", "5", "8"])
async def test_a_message_that_does_not_go_on_is_too_slow(port: int, way: str, method: str, piece: bytes) -> None:
    async with begin(way, port, method) as call:
        call.send(note("a"))
        call.write(piece)
        assert await asyncio.wait_for(call.ended(), 3) == DEADLINE_EXCEEDED


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_stream_that_ends_within_a_message_is_cut_short(port: int, way: str, method: str) -> None:
    async with begin(way, port, method) as call:
        call.send(note("a"))
        call.write(b"\0\0\0\0\5abc")
        call.end()
        assert await asyncio.wait_for(call.ended(), 2) == INTERNAL
        assert "cut short" in call.text


@pytest.mark.parametrize("path", ["/kinds.v1.Kinds/None", "/kinds%.v1.Kinds/One", "/%ff", "/"])
async def test_grpc_is_told_in_its_own_way_that_a_path_names_no_method(port: int, path: str) -> None:
    async with http2_client.connect(port) as client:
        stream = client.request(grpc_head(path), end=False)
        client.data(stream, frame(b""), end=True)
        response = await client.response(stream)
        assert response.blocks[0][":status"] == "200"
        assert response.blocks[-1]["grpc-status"] == str(UNIMPLEMENTED)


@pytest.mark.parametrize("count", [0, 2])
async def test_a_unary_call_has_exactly_one_message(port: int, count: int) -> None:
    async with http2_client.connect(port) as client:
        for cut in (False, True):
            stream = client.request(grpc_head(kinds.path("One")), end=False)
            for _ in range(count):
                client.data(stream, frame(b""))
                if cut:
                    await client.drain()
                    await asyncio.sleep(0.02)
            client.data(stream, b"", end=True)
            assert (await client.response(stream)).blocks[-1]["grpc-status"] == str(UNIMPLEMENTED)


# Servicers that do not read everything.


class First(kinds.Iterators):
    """Returns after the first request."""

    async def Sum(self, requests: AsyncIterator[Any], context: Any) -> Any:
        async for each in requests:
            return each
        return note()

    async def Talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for each in requests:
            yield each
            return


class PlainFirst(kinds.Plain):
    def Sum(self, requests: Iterator[Any], context: Any) -> Any:
        return next(requests)

    def Talk(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        yield next(requests)


@pytest.mark.parametrize("kind", [First, PlainFirst])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_servicer_may_return_before_the_last_request(kind: type, way: str, method: str) -> None:
    async with listening(gateway(kind())) as server, begin(way, server.port, method) as call:
        call.send(note("a"))
        assert await asyncio.wait_for(call.ended(), 2) == 0
        assert [each.text for each in call.messages] == ["a"]
        if way in FULL_DUPLEX:
            client: Any = call.client  # type: ignore[attr-defined]  # full duplex has a client of HTTP/2
            # It sends on in vain, and learns so without an error.
            await client.until(lambda: client.streams[1].reset is not None, 2)
            assert client.streams[1].reset == 0
            assert (await client.get("/nowhere")).status == 404


class Fails(kinds.Iterators):
    """Fails after the first request."""

    async def Sum(self, requests: AsyncIterator[Any], context: Any) -> Any:
        await anext(requests)
        await context.abort(grpc.StatusCode.ABORTED, "enough")

    async def Talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        yield await anext(requests)
        await context.abort(grpc.StatusCode.ABORTED, "enough")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_a_servicer_may_fail_before_the_last_request(way: str, method: str) -> None:
    async with listening(gateway(Fails())) as server, begin(way, server.port, method) as call:
        call.send(note("a"))
        assert await asyncio.wait_for(call.ended(), 2) == 10
        assert call.text == "enough"
        assert len(call.messages) == (method == "Talk")


# Interceptors and observers.


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("way", WAYS)
async def test_interceptors_and_observers_see_all_kinds(style: str, way: str) -> None:
    seen = Seen()
    made = gateway(STYLES[style](), interceptors=[seen.intercept], observers=[seen])
    async with listening(made) as server:
        async with begin(way, server.port, "Many") as call:
            call.send(note("a", 2))
            call.end()
            assert await call.ended() == 0
        async with begin(way, server.port, "Sum") as call:
            call.send(note("b"))
            call.send(note("c"))
            call.end()
            assert await call.ended() == 0
        async with begin(way, server.port, "Talk") as call:
            call.send(note("d"))
            call.write(frame(b"\xff"))
            assert await call.ended() == INVALID_ARGUMENT
    # As in grpc.aio, `context.read()` passes by what interceptors do to the iterator.
    requests = {"Sum": ["b", "c"], "Talk": ["d"]} if style != "reads and writes" else {"Sum": [], "Talk": []}
    assert seen.calls == [
        ("Many", "a message"),
        ("Sum", "a stream"),
        *[("a request", text) for text in requests["Sum"]],
        ("Talk", "a stream"),
        *[("a request", text) for text in requests["Talk"]],
    ]
    names = [f"kinds.v1.Kinds/{name}" for name in ("Many", "Sum", "Talk")]
    assert seen.started_names == names
    assert [(end.method, end.code) for end in seen.ends] == [*zip(names, [0, 0, INVALID_ARGUMENT], strict=True)]


# Protocols that have no streams of requests.


@pytest.mark.parametrize("method", WITH_REQUESTS)
async def test_grpc_web_refuses_a_stream_of_requests_by_name(port: int, method: str) -> None:
    async with http1_client.connect(port) as client:
        body = frame(b"")
        client.send(request("POST", kinds.path(method), ("content-type", "application/grpc-web+proto"), body=body))
        response = await client.response()
        assert response.status == 200
        answer = parse_answer(response.body)
        assert answer.status.code == UNIMPLEMENTED
        assert "stream" in answer.status.message
        assert await client.has_ended(0.05) is False


@pytest.mark.parametrize("method", ["Many", *WITH_REQUESTS])
@pytest.mark.parametrize("content_type", ["application/json", "application/proto"])
async def test_unary_connect_refuses_a_stream_and_names_the_content_types(
    port: int, method: str, content_type: str
) -> None:
    async with http1_client.connect(port) as client:
        client.send(request("POST", kinds.path(method), ("content-type", content_type), body=b"{}"))
        response = await client.response()
        assert response.status == 501
        assert b"stream" in response.body
        assert b"application/connect+json" in response.body


async def test_grpc_over_http1_is_refused(port: int) -> None:
    async with http1_client.connect(port) as client:
        client.send(request("POST", kinds.path("One"), ("content-type", "application/grpc"), body=frame(b"")))
        assert (await client.response()).status == 415
        assert not await client.has_ended(0.05)


# Threads.


async def test_a_blocking_servicer_is_freed_when_its_call_ends() -> None:
    freed = threading.Event()

    class Blocks(kinds.Plain):
        def Sum(self, requests: Iterator[Any], context: Any) -> Any:
            try:
                return note(count=len(list(requests)))
            finally:
                freed.set()

    async with listening(gateway(Blocks())) as server, begin("gRPC", server.port, "Sum", timeout("gRPC", 100)) as call:
        call.send(note("a"))
        assert await call.ended() == DEADLINE_EXCEEDED
        assert await asyncio.to_thread(freed.wait, 2)


async def test_more_blocking_streams_than_threads_wait_for_their_turn(port: int) -> None:
    types = (kinds.note_class().SerializeToString, kinds.note_class().FromString)

    async def notes(number: int) -> AsyncIterator[Any]:
        for _ in range(3):
            await asyncio.sleep(0.01)
            yield note("a", number)

    async with grpcio(port) as channel:
        total: Any = channel.stream_unary(kinds.path("Sum"), *types)
        answers = await asyncio.wait_for(asyncio.gather(*(total(notes(number)) for number in range(60))), 20)
    assert [answer.count for answer in answers] == [3 * number for number in range(60)]
