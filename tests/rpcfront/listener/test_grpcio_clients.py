"""grpcio's own clients, the blocking one and grpc.aio's, call the gateway's server as they would call grpcio's."""

import asyncio
import gzip
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from rpcfront import Gateway, Limits
from tests.rpcfront.listener.grpcio_clients import (
    CLIENTS,
    KINDS,
    SERVICERS,
    STREAMED_REQUESTS,
    Coroutines,
    begin,
    channel,
    chunk,
    close,
    ended,
    invoke,
    service,
)
from tests.support.targets.certificates import Authority

MEGABYTE = 1024 * 1024
AT_ONCE = 1.0
"""Seconds within which a servicer hears of its client's leaving, on a machine that others use too."""


@asynccontextmanager
async def serving(servicer: object, limits: Limits | None = None, **listen: Any) -> AsyncIterator[int]:
    gateway = Gateway(services=[(service(), servicer)], limits=limits)
    server = await gateway.listen("127.0.0.1", 0, **listen)
    try:
        yield server.port
    finally:
        await server.drain(0)


def numbers(*, count: int = 3) -> list[Any]:
    return [chunk(number=number, data=b"x%d" % number) for number in range(count)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", SERVICERS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_each_kind_of_method_is_called_in_each_form_of_servicer(client: str, form: str, kind: str) -> None:
    requests = numbers() if kind in STREAMED_REQUESTS else [chunk(number=3, data=b"x")]
    expected = {
        "Unary": requests,
        "Download": [chunk(number=number, data=b"x") for number in range(3)],
        "Upload": [chunk(number=3, data=b"x0x1x2")],
        "Chat": requests,
    }
    async with serving(SERVICERS[form]()) as port:
        outcome = await invoke(client, port, kind, requests)
    assert (outcome.code, outcome.details) == (grpc.StatusCode.OK, "")
    assert outcome.messages == expected[kind]


@pytest.mark.parametrize("kind", STREAMED_REQUESTS)
@pytest.mark.parametrize("form", SERVICERS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_stream_without_a_request_is_served(client: str, form: str, kind: str) -> None:
    async with serving(SERVICERS[form]()) as port:
        outcome = await invoke(client, port, kind, [])
    assert outcome.code == grpc.StatusCode.OK
    assert outcome.messages == ([chunk()] if kind == "Upload" else [])


@pytest.mark.parametrize("form", SERVICERS)
async def test_a_chat_is_answered_message_by_message(form: str) -> None:
    async with serving(SERVICERS[form]()) as port, channel("aio", port) as of, asyncio.timeout(20):
        call = of.stream_stream("/kinds.v1.Kinds/Chat")()
        for number in range(5):
            await call.write(chunk(number=number).SerializeToString())
            assert type(chunk()).FromString(await call.read()).number == number
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() == grpc.StatusCode.OK


@pytest.mark.parametrize("client", CLIENTS)
async def test_calls_go_over_tls(client: str) -> None:
    authority = Authority()
    context = authority.good()
    context.set_alpn_protocols(["h2", "http/1.1"])
    credentials = grpc.ssl_channel_credentials(authority.pem.encode())
    async with serving(Coroutines(), ssl=context) as port:
        of = channel(client, port, credentials=credentials)
        outcome = await ended(client, begin(client, of, "Chat", numbers()), "Chat")
        await close(of)
    assert outcome.messages == numbers()


class Mirror(Coroutines):
    """Sends back what the client said of itself, before and after the response."""

    async def Unary(self, request: Any, context: Any) -> Any:
        await self._mirror(context)
        return request

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        await self._mirror(context)
        async for request in requests:
            yield request

    async def _mirror(self, context: Any) -> None:
        sent = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]
        await context.send_initial_metadata(sent)
        context.set_trailing_metadata(sent)


@pytest.mark.parametrize("kind", ["Unary", "Chat"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_metadata_goes_both_ways_with_repeats_and_bytes_and_nothing_is_added(client: str, kind: str) -> None:
    sent = [("x-text", "one"), ("x-text", "two, three"), ("x-raw-bin", b"\x00\xff"), ("x-raw-bin", b"")]
    async with serving(Mirror()) as port:
        outcome = await invoke(client, port, kind, numbers(count=1), metadata=tuple(sent))
    assert outcome.code == grpc.StatusCode.OK
    assert outcome.initial == sent
    assert outcome.trailing == sent


class Refusing(Coroutines):
    async def Unary(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.ABORTED, "not 100 % sure: ü\n", (("x-why", "so"),))

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield request
        await context.abort(grpc.StatusCode.ABORTED, "not 100 % sure: ü\n", (("x-why", "so"),))


@pytest.mark.parametrize("kind", ["Unary", "Chat"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_refusal_arrives_with_its_text_and_metadata(client: str, kind: str) -> None:
    async with serving(Refusing()) as port:
        outcome = await invoke(client, port, kind, numbers(count=1 if kind == "Unary" else 3))
    assert (outcome.code, outcome.details) == (grpc.StatusCode.ABORTED, "not 100 % sure: ü\n")
    assert outcome.trailing == [("x-why", "so")]
    assert outcome.messages == ([] if kind == "Unary" else numbers())


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_method_that_nobody_serves_is_unimplemented(client: str) -> None:
    async with serving(Coroutines()) as port:
        of = channel(client, port)
        # A client that streams requests may find its stream closed before it has sent them, and then says INTERNAL.
        outcome = await ended(client, of.unary_stream("/kinds.v1.Kinds/Nothing")(b"x"), "Download")
        await close(of)
    assert outcome.code == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_requests_may_be_compressed(client: str, kind: str) -> None:
    # Compressed it is below the limit that its size before is above, so that it is known to have been compressed.
    data = bytes(MEGABYTE)
    assert len(gzip.compress(data)) < 10_000
    request = chunk(number=1, data=data)
    limits = Limits(message_bytes=2 * MEGABYTE)
    async with serving(Coroutines(), limits) as port:
        outcome = await invoke(client, port, kind, [request], compression=grpc.Compression.Gzip)
    assert outcome.code == grpc.StatusCode.OK
    assert outcome.messages[0].data == data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_messages_of_four_megabytes_go_both_ways(client: str, kind: str) -> None:
    data = bytes(range(256)) * (4 * MEGABYTE // 256)
    requests = [chunk(number=4, data=data)] * (2 if kind == "Chat" else 1)
    options = (("grpc.max_receive_message_length", 5 * MEGABYTE), ("grpc.max_send_message_length", 5 * MEGABYTE))
    async with serving(Coroutines(), Limits(message_bytes=5 * MEGABYTE, read_seconds=60)) as port:
        outcome = await invoke(client, port, kind, requests, *options)
    assert outcome.code == grpc.StatusCode.OK
    assert [message.data for message in outcome.messages] == [data] * {"Download": 4, "Chat": 2}.get(kind, 1)


@pytest.mark.parametrize("kind", STREAMED_REQUESTS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_hundred_megabytes_in_a_stream_of_requests_are_not_over_the_limit_of_one(
    client: str, kind: str
) -> None:
    class Counting(Coroutines):
        async def Upload(self, requests: AsyncIterator[Any], context: Any) -> Any:
            size = 0
            async for request in requests:
                size += len(request.data)
            return chunk(number=size)

    request = chunk(data=bytes(MEGABYTE - 100))
    async with serving(Counting(), Limits(read_seconds=60)) as port:
        outcome = await invoke(client, port, kind, [request] * 100)
    assert outcome.code == grpc.StatusCode.OK
    if kind == "Upload":
        assert outcome.messages == [chunk(number=100 * (MEGABYTE - 100))]
    else:
        assert outcome.messages == [request] * 100


# grpc.aio's client says INTERNAL when the stream that it writes to was closed before all was written.
@pytest.mark.parametrize(
    ("client", "kind"), [*(("sync", kind) for kind in KINDS), ("aio", "Unary"), ("aio", "Download")]
)
async def test_a_message_over_the_limit_is_refused_by_its_size(client: str, kind: str) -> None:
    async with serving(Coroutines(), Limits(message_bytes=1000)) as port:
        outcome = await invoke(client, port, kind, [chunk(data=bytes(100_000))])
    assert outcome.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert outcome.messages == []


class Waiting:
    """Waits in every method until its client goes, and keeps when it came and went."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.left = threading.Event()
        self.remaining: float | None = None

    async def Unary(self, request: Any, context: Any) -> Any:
        await self._wait(context)

    async def Download(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request
        await self._wait(context)

    async def Upload(self, requests: AsyncIterator[Any], context: Any) -> Any:
        await self._read(requests, context)

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        yield chunk()
        await self._read(requests, context)

    async def _wait(self, context: Any) -> None:
        self._arrive(context)
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()

    async def _read(self, requests: AsyncIterator[Any], context: Any) -> None:
        self._arrive(context)
        try:
            async for _ in requests:
                """The client sends one message, and then neither a second nor an end."""
        finally:
            self.left.set()

    def _arrive(self, context: Any) -> None:
        self.remaining = context.time_remaining()
        self.came.set()


class WaitingPlainly(Waiting):
    """The same on a thread."""

    def Unary(self, request: Any, context: Any) -> Any:
        context.add_callback(self.left.set)
        self._arrive(context)
        while context.is_active():
            time.sleep(0.01)

    def Download(self, request: Any, context: Any) -> Iterator[Any]:  # type: ignore[override]  # a form of its own
        yield request
        self.Unary(request, context)

    def Upload(self, requests: Iterator[Any], context: Any) -> Any:  # type: ignore[override]  # likewise
        context.add_callback(self.left.set)
        self._arrive(context)
        for _ in requests:
            """As above."""

    def Chat(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:  # type: ignore[override]  # likewise
        yield chunk()
        self.Upload(requests, context)


WAITING = {"coroutines": Waiting, "plain": WaitingPlainly}


@pytest.fixture
def done() -> Iterator[threading.Event]:
    """Yield what is set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def one_and_no_end(done: threading.Event) -> Iterator[Any]:
    """Yield one request; the stream of requests goes on until the test is done."""
    yield chunk(number=1)
    done.wait(60)


async def one_and_no_end_async(done: threading.Event) -> AsyncIterator[Any]:
    yield chunk(number=1)
    while not done.is_set():  # noqa: ASYNC110  # any thread sets it
        await asyncio.sleep(0.05)


def begin_endless(client: str, of: Any, kind: str, done: threading.Event, **options: Any) -> Any:
    if kind not in STREAMED_REQUESTS:
        return begin(client, of, kind, [chunk(number=1)], **options)
    return begin(client, of, kind, one_and_no_end(done) if client == "sync" else one_and_no_end_async(done), **options)


async def happened(event: threading.Event, seconds: float) -> bool:
    """Wait for an event that any thread may set, without a thread of one's own."""
    async with asyncio.timeout(20):
        start = time.monotonic()
        while not event.is_set() and time.monotonic() - start < seconds:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.005)
    return event.is_set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", WAITING)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_servicer_hears_at_once_of_a_cancelled_call(
    client: str, form: str, kind: str, done: threading.Event
) -> None:
    servicer = WAITING[form]()
    async with serving(servicer) as port:
        of = channel(client, port)
        call = begin_endless(client, of, kind, done)
        assert await happened(servicer.came, 15)
        assert not servicer.left.is_set()
        call.cancel()
        assert await happened(servicer.left, AT_ONCE)
        await close(of)


@pytest.mark.parametrize("kind", ["Unary", "Chat"])
@pytest.mark.parametrize("form", WAITING)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_deadline_ends_the_call_on_both_sides(client: str, form: str, kind: str, done: threading.Event) -> None:
    servicer = WAITING[form]()
    async with serving(servicer) as port:
        of = channel(client, port)
        call = begin_endless(client, of, kind, done, timeout=1.0)
        # A stream's servicer comes to its waiting once its first message was taken.
        waiting = asyncio.create_task(ended(client, call, kind))
        assert await happened(servicer.came, 15)
        outcome = await waiting
        assert outcome.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert await happened(servicer.left, AT_ONCE)
        assert servicer.remaining is not None
        assert 0 < servicer.remaining <= 1.1  # a second, and what grpcio's clock lags behind
        await close(of)


@pytest.mark.parametrize("kind", STREAMED_REQUESTS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_servicer_may_answer_before_the_requests_end(client: str, kind: str, done: threading.Event) -> None:
    class Hasty(Coroutines):
        async def Upload(self, requests: AsyncIterator[Any], context: Any) -> Any:
            return await anext(requests)

        async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            yield await anext(requests)

    async with serving(Hasty()) as port:
        of = channel(client, port)
        outcome = await asyncio.wait_for(ended(client, begin_endless(client, of, kind, done), kind), 15)
        await close(of)
    assert outcome.code == grpc.StatusCode.OK
    assert outcome.messages == [chunk(number=1)]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_that_pings_each_second_is_not_sent_away(client: str) -> None:
    peers = []

    class Sleeping(Coroutines):
        async def Unary(self, request: Any, context: Any) -> Any:
            peers.append(context.peer())
            await asyncio.sleep(request.number)
            return request

    options = (
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    async with serving(Sleeping()) as port:
        of = channel(client, port, *options)
        for seconds in (4, 0):
            outcome = await ended(client, begin(client, of, "Unary", [chunk(number=seconds)]), "Unary")
            assert outcome.code == grpc.StatusCode.OK
            await asyncio.sleep(2 * (seconds > 0))  # pings without a call
        await close(of)
    assert len(set(peers)) == 1


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_may_wait_until_the_server_is_there(client: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and refuses connections until it listens
        of = channel(client, bound.getsockname()[1], ("grpc.initial_reconnect_backoff_ms", 100))
        call = begin(client, of, "Unary", numbers(count=1), wait_for_ready=True, timeout=60)
        waiting = asyncio.create_task(ended(client, call, "Unary"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        async with serving(Coroutines(), sock=bound):
            outcome = await waiting
        await close(of)
    assert outcome.code == grpc.StatusCode.OK


@pytest.mark.parametrize("client", CLIENTS)
async def test_five_thousand_calls_at_once_are_served(client: str) -> None:
    count = 5000
    async with serving(Coroutines(), Limits(concurrent_calls=count)) as port:
        of = channel(client, port)
        if client == "aio":
            calls = [begin(client, of, "Unary", [chunk(number=number)]) for number in range(count)]
            responses = await asyncio.wait_for(asyncio.gather(*calls), 60)
        else:
            responses = await asyncio.wait_for(asyncio.to_thread(_all_at_once, of, count), 60)
        await close(of)
    assert [response.number for response in responses] == list(range(count))


def _all_at_once(of: Any, count: int) -> list[Any]:
    calls = [begin("sync", of, "Unary", [chunk(number=number)]) for number in range(count)]
    return [call.result() for call in calls]
