"""Calls whose clients leave or read slowly, and servers that end: who learns of it, and when."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import pytest_asyncio

from rpcfront import ConnectionLimits, Gateway
from rpcfront.listener.connection import NOTICE_SECONDS
from rpcfront.listener.http1 import Http1Connection
from rpcfront.listener.http2 import Http2Connection
from rpcfront.listener.server import Server
from rpcfront.protocols.http import HttpRequest, HttpResponse
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.kinds import note
from tests.rpcfront.listener.listening import listening
from tests.support.clients import http1_client, http2_client
from tests.support.clients.http1_client import request
from tests.support.clients.http2_client import grpc_head, head
from tests.support.wire.grpc_web import frame

pytestmark = pytest.mark.usefixtures("quiet")

AT_ONCE = 1.0
"""Seconds; no limit of time is as short in these tests."""
MESSAGE = 40_000


class Waits:
    """Waits for ever, and notes what happens to it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.seen: list[str] = []
        self._loop = asyncio.get_running_loop()

    def _begin(self, context: Any) -> threading.Event:
        over = threading.Event()
        context.add_callback(over.set)
        self._loop.call_soon_threadsafe(self.begun.set)
        return over

    def _end(self, text: str) -> None:
        self.seen.append(text)
        self._loop.call_soon_threadsafe(self.ended.set)


class AsyncWaits(Waits):
    async def One(self, request: Any, context: Any) -> Any:
        self._begin(context)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._end("cancelled")
            raise

    async def Many(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            yield request
            self._begin(context)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._end("cancelled")
            raise

    async def Sum(self, requests: AsyncIterator[Any], context: Any) -> Any:
        try:
            async for _ in requests:
                self._begin(context)
        except asyncio.CancelledError:
            self._end("cancelled")
            raise
        self._end("the end of the requests")
        return note()

    async def Talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            async for request in requests:
                yield request
                self._begin(context)
        finally:
            self._end("cancelled")


class PlainWaits(Waits):
    def One(self, request: Any, context: Any) -> Any:
        self._end(f"over: {self._begin(context).wait(10)}, active: {context.is_active()}")
        return request

    def Many(self, request: Any, context: Any) -> Iterator[Any]:
        yield request
        self._end(f"over: {self._begin(context).wait(10)}, active: {context.is_active()}")

    def Sum(self, requests: Iterator[Any], context: Any) -> Any:
        try:
            for _ in requests:
                self._begin(context)
        except grpc.RpcError:
            self._end(f"over: True, active: {context.is_active()}")
            raise
        self._end("the end of the requests")
        return note()

    def Talk(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        for each in requests:
            yield each
            self._end(f"over: {self._begin(context).wait(10)}, active: {context.is_active()}")


class WaitingHandler:
    """Serves a path, and waits for ever."""

    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self, _request: HttpRequest) -> HttpResponse:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        return HttpResponse(200)


EXPECTED = {AsyncWaits: "cancelled", PlainWaits: "over: True, active: False"}


@asynccontextmanager
async def waiting(kind: type[Waits]) -> AsyncIterator[tuple[Server, Waits]]:
    servicer = kind()
    async with listening(Gateway(services=[(kinds.service(), servicer)])) as server:
        yield server, servicer


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("how", ["reset stream", "reset connection"])
@pytest.mark.parametrize("method", ["One", "Many", "Sum", "Talk"])
async def test_a_servicer_learns_at_once_that_its_client_has_left_over_http2(
    kind: type[Waits], how: str, method: str
) -> None:
    async with waiting(kind) as (server, servicer), http2_client.connect(server.port) as client:
        stream = client.request(grpc_head(kinds.path(method)), end=False)
        client.data(stream, frame(note("a").SerializeToString()), end=method in {"One", "Many"})
        client.flush()
        await asyncio.wait_for(servicer.begun.wait(), 10)
        if how == "reset stream":
            client.reset(stream)
            client.flush()
        else:
            client.leave()
        await asyncio.wait_for(servicer.ended.wait(), AT_ONCE)
        assert servicer.seen == [EXPECTED[kind]]
        if how == "reset stream":
            assert (await client.get("/nowhere")).status == 404


LEAVE: dict[str, Callable[[http1_client.Http1Client], object]] = {
    "end": lambda client: client.end(),
    "close": lambda client: client.writer.close(),
    "reset": lambda client: client.leave(),
}
"""The ways in which a client leaves."""


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("how", LEAVE)
@pytest.mark.parametrize(
    "sent", [request("POST", "/v1/one", body=b"{}"), request("GET", "/v1/many")], ids=["One", "Many"]
)
async def test_a_servicer_learns_at_once_that_its_client_has_left_over_http1(
    kind: type[Waits], how: str, sent: bytes
) -> None:
    async with waiting(kind) as (server, servicer), http1_client.connect(server.port) as client:
        client.send(sent)
        await asyncio.wait_for(servicer.begun.wait(), 10)
        LEAVE[how](client)
        await asyncio.wait_for(servicer.ended.wait(), AT_ONCE)
        assert servicer.seen == [EXPECTED[kind]]


BEHIND = {
    "a byte": (request("GET", "/wait"), b"G"),
    "another request": (request("GET", "/wait"), request("GET", "/wait")),
    "more of a body than is read": (request("GET", "/wait", ("content-length", "1000000")), bytes(150_000)),
}
"""What a client has sent behind a call, so that its connection is not read any more."""


@pytest.mark.parametrize("how", LEAVE)
@pytest.mark.parametrize("behind", BEHIND)
async def test_a_client_that_has_left_behind_bytes_that_nobody_reads_is_noticed(how: str, behind: str) -> None:
    handler = WaitingHandler()
    sent, more = BEHIND[behind]
    limits = ConnectionLimits(head_seconds=1)  # sweeps are as frequent as this needs
    async with (
        listening(Gateway(services=[], handlers={"/wait": handler}), limits) as server,
        http1_client.connect(server.port) as client,
    ):
        client.send(sent)
        await asyncio.wait_for(handler.begun.wait(), 10)
        client.send(more)
        await client.drain()
        LEAVE[how](client)
        await asyncio.wait_for(handler.ended.wait(), AT_ONCE)
        if how != "end":
            await asyncio.wait_for(_is_empty(server), AT_ONCE)


async def _is_empty(server: Server) -> None:
    while server._connections or server.running._tasks:  # noqa: ASYNC110  # nothing tells
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", LEAVE)
async def test_a_handler_ends_when_its_client_has_left(how: str) -> None:
    handler = WaitingHandler()
    async with (
        listening(Gateway(services=[], handlers={"/wait": handler})) as server,
        http1_client.connect(server.port) as client,
    ):
        client.get("/wait")
        await asyncio.wait_for(handler.begun.wait(), 10)
        LEAVE[how](client)
        await asyncio.wait_for(handler.ended.wait(), AT_ONCE)


async def test_a_client_that_closed_its_half_is_told_that_its_handler_ended_for_that() -> None:
    handler = WaitingHandler()
    async with (
        listening(Gateway(services=[], handlers={"/wait": handler})) as server,
        http1_client.connect(server.port) as client,
    ):
        client.get("/wait")
        await asyncio.wait_for(handler.begun.wait(), 10)
        client.end()
        response = await client.response()
        assert (response.status, response.page()["message"]) == (499, "the client has left")


async def test_a_call_whose_client_left_at_once_never_troubles_the_server() -> None:
    """Head, body and reset in one write: the call's task has not even begun."""
    async with waiting(AsyncWaits) as (server, _), http2_client.connect(server.port) as client:
        for method in ("One", "Many", "Sum", "Talk"):
            for end in (True, False):
                stream = client.request(grpc_head(kinds.path(method)), end=False)
                client.data(stream, frame(note("a").SerializeToString()), end=end)
                client.reset(stream)
        assert (await client.get("/nowhere")).status == 404
        assert not server.running._tasks


# Slow readers.


class Counts(kinds.Iterators):
    """Makes messages without an end, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.ended = asyncio.Event()

    async def Many(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            while True:
                self.made += 1
                yield note(data=bytes(MESSAGE))
        finally:
            self.ended.set()


class PlainCounts(kinds.Plain):
    def __init__(self) -> None:
        self.made = 0
        self.ended = threading.Event()

    def Many(self, request: Any, context: Any) -> Iterator[Any]:
        try:
            while True:
                self.made += 1
                yield note(data=bytes(MESSAGE))
        finally:
            self.ended.set()


async def _settled(servicer: Counts | PlainCounts) -> int:
    """Return how many messages were made once no more are."""
    made = -1
    while made != servicer.made or made == 0:
        made = servicer.made
        await asyncio.sleep(0.2)
    return made


@pytest.mark.parametrize("kind", [Counts, PlainCounts])
async def test_a_generator_is_not_pulled_ahead_of_a_client_that_does_not_read_over_http2(kind: type[Counts]) -> None:
    servicer = kind()
    async with (
        listening(Gateway(services=[(kinds.service(), servicer)])) as server,
        http2_client.connect(server.port, opens_windows=False) as client,
    ):
        stream = client.request(grpc_head(kinds.path("Many")), end=False)
        client.data(stream, frame(b""), end=True)
        await client.until(lambda: len(client.streams[stream].body) >= 65_535)
        before = await _settled(servicer)
        # A window, the buffer of the stream before the engine and the same in it, a message over each, and the next.
        assert before * MESSAGE <= 65_535 + 2 * ConnectionLimits().stream_buffer + 3 * MESSAGE
        client.open_window(0, 10 * MESSAGE)
        client.open_window(stream, 10 * MESSAGE)
        await client.until(lambda: len(client.streams[stream].body) >= 65_535 + 10 * MESSAGE)
        assert before + 9 <= await _settled(servicer) <= before + 11
        client.reset(stream)
        client.flush()
        await asyncio.wait_for(_ended(servicer), AT_ONCE)


@pytest.mark.parametrize("kind", [Counts, PlainCounts])
@pytest.mark.parametrize("path", ["/v1/many", kinds.path("Many")], ids=["JSON", "Connect"])
async def test_a_generator_is_not_pulled_ahead_of_a_client_that_does_not_read_over_http1(
    kind: type[Counts], path: str
) -> None:
    servicer = kind()
    fields = [("content-type", "application/connect+proto")] * (path != "/v1/many")
    sent = request("POST", path, *fields, body=frame(b"")) if fields else request("GET", path)
    async with (
        listening(Gateway(services=[(kinds.service(), servicer)])) as server,
        http1_client.connect(server.port, receive_buffer=8192) as client,
    ):
        client.send(sent)
        await client.head()
        before = await _settled(servicer)
        # What the kernel keeps of it is its own affair: some MiB.
        assert before * MESSAGE < 8 * 2**20
        for _ in range(100):
            await client.reader.readexactly(MESSAGE)
        assert await _settled(servicer) > before
        client.leave()
        await asyncio.wait_for(_ended(servicer), AT_ONCE)


async def _ended(servicer: Counts | PlainCounts) -> None:
    while not servicer.ended.is_set():  # noqa: ASYNC110  # for a thread's event, too
        await asyncio.sleep(0.01)


async def test_a_slow_stream_holds_up_no_other_on_its_connection() -> None:
    async with (
        listening(Gateway(services=[(kinds.service(), Counts())])) as server,
        http2_client.connect(server.port, opens_windows=False) as client,
    ):
        stream = client.request(grpc_head(kinds.path("Many")), end=False)
        client.data(stream, frame(b""), end=True)
        client.open_window(0, 10_000_000)
        await client.until(lambda: len(client.streams[stream].body) >= 65_535)
        for _ in range(20):
            other = client.request(grpc_head(kinds.path("One")), end=False)
            client.data(other, frame(note("a" * 10_000).SerializeToString()), end=True)
            assert (await client.response(other)).blocks[-1] == {"grpc-status": "0"}


# Memory.


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("ends", ["reset", "close"])
@pytest.mark.parametrize("kind", [Http1Connection, Http2Connection])
async def test_a_connection_that_has_ended_is_free_without_the_garbage_collector(kind: type[Any], ends: str) -> None:
    async with listening(Gateway(services=[(kinds.service(), kinds.Iterators())])) as server:
        client: Any
        if kind is Http1Connection:
            async with http1_client.connect(server.port) as client:
                client.send(request("GET", "/v1/many?count=1000&text=" + "a" * 1000) * 3)
                await client.head()
                (reference,) = [weakref.ref(connection) for connection in server._connections]
                if ends == "reset":
                    client.leave()
        else:
            async with http2_client.connect(server.port, opens_windows=False) as client:
                for _ in range(10):
                    client.request(head("GET", "/v1/many?count=1000&text=" + "a" * 1000))
                await client.until(lambda: len(client.streams[1].body) > 1000)
                (reference,) = [weakref.ref(connection) for connection in server._connections]
                if ends == "reset":
                    client.leave()
        assert isinstance(reference(), kind)
        async with asyncio.timeout(5):
            while server._connections or server.running._tasks:  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(0.01)
        await asyncio.sleep(1.2)  # what has lingered is gone, and a sweep has passed
        assert reference() is None


# The end of a server.


@pytest_asyncio.fixture
async def shared() -> AsyncIterator[tuple[Gateway, Server]]:
    gateway = Gateway(services=[(kinds.service(), kinds.Iterators())])
    server = await gateway.listen(reuse_port=True)
    yield gateway, server
    await server.drain(0)


def _channel(port: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])


async def _call_until(port: int, over: asyncio.Event) -> int:
    calls = 0
    async with _channel(port) as channel:
        one: Any = channel.unary_unary(
            kinds.path("One"), kinds.note_class().SerializeToString, kinds.note_class().FromString
        )
        while not over.is_set():
            assert (await one(note(count=calls))).count == calls
            calls += 1
    return calls


async def test_a_server_that_takes_over_a_port_loses_no_call(shared: tuple[Gateway, Server]) -> None:
    gateway, server = shared
    port, over = server.port, asyncio.Event()
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(_call_until(port, over)) for _ in range(12)]
        for _ in range(4):
            await asyncio.sleep(0.3)
            following = await gateway.listen("127.0.0.1", port, reuse_port=True)
            await server.drain(10)
            server = following
        await asyncio.sleep(0.3)
        over.set()
    assert min(caller.result() for caller in callers) > 10
    await server.drain(1)


async def test_servers_on_one_port_share_its_connections(shared: tuple[Gateway, Server]) -> None:
    gateway, server = shared
    other = await gateway.listen("127.0.0.1", server.port, reuse_port=True)
    clients = [http1_client.connect(server.port) for _ in range(40)]
    opened = [await client.__aenter__() for client in clients]
    for client in opened:
        client.get("/nowhere")
        assert (await client.response()).status == 404
    assert len(server._connections) > 0
    assert len(other._connections) > 0
    assert len(server._connections) + len(other._connections) == 40
    for context in clients:
        await context.__aexit__(None, None, None)
    await other.drain(1)


async def test_a_port_is_not_shared_unless_asked_for() -> None:
    gateway = Gateway(services=[(kinds.service(), kinds.Iterators())])
    server = await gateway.listen()
    with pytest.raises(OSError, match="address already in use"):
        await gateway.listen("127.0.0.1", server.port)
    await server.drain(0)


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("method", ["One", "Many", "Sum", "Talk"])
async def test_calls_that_run_when_the_grace_is_over_end_unavailable_over_grpc(kind: type[Waits], method: str) -> None:
    async with waiting(kind) as (server, servicer), http2_client.connect(server.port) as client:
        stream = client.request(grpc_head(kinds.path(method)), end=False)
        client.data(stream, frame(note("a").SerializeToString()), end=method in {"One", "Many"})
        client.flush()
        await asyncio.wait_for(servicer.begun.wait(), 10)
        draining = asyncio.create_task(server.drain(0.3))
        response = await client.response(stream)
        assert response.blocks[-1]["grpc-status"] == "14"
        await client.until_closed()
        await asyncio.wait_for(draining, 3)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (request("POST", "/v1/one", body=b"{}"), b'"code":14'),
        (request("POST", kinds.path("One"), ("content-type", "application/json"), body=b"{}"), b'"code":"unavailable"'),
        (request("GET", "/v1/many"), b'"code":14'),
    ],
    ids=["JSON", "Connect", "a stream of JSON"],
)
async def test_calls_that_run_when_the_grace_is_over_end_unavailable_over_http1(sent: bytes, code: bytes) -> None:
    async with waiting(AsyncWaits) as (server, servicer), http1_client.connect(server.port) as client:
        client.send(sent)
        await asyncio.wait_for(servicer.begun.wait(), 10)
        draining = asyncio.create_task(server.drain(0.3))
        response = await client.response()
        assert code in response.body
        assert await client.has_ended()
        await asyncio.wait_for(draining, 3)


async def test_a_drain_ends_idle_connections_at_once_and_busy_ones_with_their_responses() -> None:
    gate = asyncio.Event()

    async def handler(_request: HttpRequest) -> HttpResponse:
        await gate.wait()
        return HttpResponse(200, [], b"done")

    async with (
        listening(Gateway(services=[], handlers={"/wait": handler})) as server,
        http1_client.connect(server.port) as idle,
        http1_client.connect(server.port) as silent,
        http1_client.connect(server.port) as busy,
    ):
        idle.get("/nowhere")
        assert (await idle.response()).status == 404
        busy.get("/wait")
        await asyncio.sleep(0.05)
        port = server.port
        draining = asyncio.create_task(server.drain(10))
        assert await idle.has_ended(AT_ONCE)
        assert await silent.has_ended(AT_ONCE)
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
        gate.set()
        response = await busy.response()
        assert (response.body, response.closes) == (b"done", True)
        assert await busy.has_ended()
        await asyncio.wait_for(draining, 3)


async def test_a_drain_answers_what_was_pipelined_before_it() -> None:
    gate = asyncio.Event()

    async def handler(_request: HttpRequest) -> HttpResponse:
        await gate.wait()
        return HttpResponse(200, [], b"done")

    async with (
        listening(Gateway(services=[], handlers={"/wait": handler})) as server,
        http1_client.connect(server.port) as client,
    ):
        client.send(request("GET", "/wait") * 3)
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(server.drain(10))
        await asyncio.sleep(0.05)
        gate.set()
        # The first one says that no other is answered (RFC 9112, 9.6), so that the client knows what to repeat.
        assert (await client.response()).closes
        assert await client.has_ended()
        await asyncio.wait_for(draining, 3)


async def test_a_drain_answers_a_request_of_which_half_a_head_has_arrived() -> None:
    async with listening(Gateway(services=[])) as server, http1_client.connect(server.port) as client:
        client.send(b"GET /nowhere HTTP/1.1\r\n")
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(server.drain(10))
        await asyncio.sleep(3 * NOTICE_SECONDS)
        client.send(b"host: localhost\r\n\r\n")
        response = await client.response()
        assert (response.status, response.closes) == (404, True)
        await asyncio.wait_for(draining, 3)


async def test_a_client_that_does_not_leave_does_not_hold_up_the_end() -> None:
    async with waiting(AsyncWaits) as (server, servicer):
        port = server.port
        async with http2_client.connect(port) as client, http1_client.connect(port) as other:
            stream = client.request(grpc_head(kinds.path("One")), end=False)
            client.data(stream, frame(b""), end=True)
            await client.drain()
            other.send(b"GET /no")
            await asyncio.wait_for(servicer.begun.wait(), 10)
            # Neither reads, nor closes.
            await asyncio.wait_for(server.drain(0.2), 4)
            assert not server.running._tasks
