"""A service with a method of each kind behind an interceptor, on each of grpcio's servers, and calls of its methods."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

from actiond.client import CHANNEL_OPTIONS, ActionsInterceptor, aio
from tests.support.protos import ServiceProtos
from tests.support.servers.actions_double import TOKEN

SERVICE = "shop.v1.Shop"
KINDS = {"Place": (False, False), "Follow": (False, True), "Fill": (True, False), "Chat": (True, True)}
"""Methods, and whether their requests and responses are streams."""
THREADS = 8
"""Threads of each server."""
WATCHERS = ("threads", "tasks")
"""Of the flavours, those that watch for changes in ways of their own."""
FLAVOURS = ("threads", "tasks", "tasks_writing", "tasks_on_threads")
"""grpc; grpc.aio with coroutines and asynchronous generators, with `context.read` and `write`, and with plain `def`."""
_PROTOS = ServiceProtos(Path(__file__).parent / "protos", "shop.v1")
write_descriptor_set = _PROTOS.write_descriptor_set


def order_class() -> type[Message]:
    return _PROTOS.message_class("Order")


def order(item: str) -> Message:
    return order_class()(item=item)


def raw(item: str) -> bytes:
    return order(item).SerializeToString()


def item_of(message: Any) -> str:
    return str(message.item)


@dataclass
class Handled:
    """What the handlers have seen and may do."""

    items: list[str] = field(default_factory=list)
    """Requests, as the handlers got them."""
    fails: bool = False
    """Whether they end calls with NOT_FOUND by `abort`."""
    sets_code: bool = False
    """Whether they end calls with NOT_FOUND by `set_code`."""
    gate: threading.Event | None = None
    """What Follow waits for before its second response."""
    trailers: tuple[tuple[str, str], ...] = ()


class ThreadsShop:
    def __init__(self, handled: Handled) -> None:
        self.handled = handled

    def _got(self, request: Any, context: Any) -> str:
        assert type(request) is order_class()
        self.handled.items.append(item_of(request))
        if self.handled.trailers:
            context.set_trailing_metadata(self.handled.trailers)
        if self.handled.fails:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        if self.handled.sets_code:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("no such item")
        return item_of(request)

    def Place(self, request: Any, context: Any) -> Message:
        return order(f"handled {self._got(request, context)}")

    def Follow(self, request: Any, context: Any) -> Iterator[Message]:
        item = self._got(request, context)
        for number in range(3):
            if self.handled.gate is not None and number == 1:
                self.handled.gate.wait(15)
            yield order(f"handled {item} {number}")

    def Fill(self, requests: Any, context: Any) -> Message:
        items = [self._got(request, context) for request in requests]
        return order(f"handled {','.join(items)}")

    def Chat(self, requests: Any, context: Any) -> Iterator[Message]:
        for request in requests:
            yield order(f"handled {self._got(request, context)}")


class TasksShop:
    def __init__(self, handled: Handled) -> None:
        self.handled = handled

    async def _got(self, request: Any, context: Any) -> str:
        assert type(request) is order_class()
        self.handled.items.append(item_of(request))
        if self.handled.trailers:
            context.set_trailing_metadata(self.handled.trailers)
        if self.handled.fails:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        if self.handled.sets_code:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("no such item")
        return item_of(request)

    async def Place(self, request: Any, context: Any) -> Message:
        return order(f"handled {await self._got(request, context)}")

    async def Follow(self, request: Any, context: Any) -> AsyncIterator[Message]:
        item = await self._got(request, context)
        for number in range(3):
            if self.handled.gate is not None and number == 1:
                await asyncio.to_thread(self.handled.gate.wait, 15)
            yield order(f"handled {item} {number}")

    async def Fill(self, requests: Any, context: Any) -> Message:
        items = [await self._got(request, context) async for request in requests]
        return order(f"handled {','.join(items)}")

    async def Chat(self, requests: Any, context: Any) -> AsyncIterator[Message]:
        async for request in requests:
            yield order(f"handled {await self._got(request, context)}")


class WritingShop(TasksShop):
    async def Follow(self, request: Any, context: Any) -> None:  # type: ignore[override]  # the other way to stream
        item = await self._got(request, context)
        for number in range(3):
            if self.handled.gate is not None and number == 1:
                await asyncio.to_thread(self.handled.gate.wait, 15)
            await context.write(order(f"handled {item} {number}"))

    async def Fill(self, _requests: Any, context: Any) -> Message:
        items = []
        while (request := await context.read()) is not grpc.aio.EOF:
            items.append(await self._got(request, context))
        return order(f"handled {','.join(items)}")

    async def Chat(self, _requests: Any, context: Any) -> None:  # type: ignore[override]  # the other way to stream
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(order(f"handled {await self._got(request, context)}"))


_SHOPS: dict[str, Callable[[Handled], Any]] = {
    "threads": ThreadsShop,
    "tasks": TasksShop,
    "tasks_writing": WritingShop,
    "tasks_on_threads": ThreadsShop,
}


def handlers(shop: Any) -> grpc.GenericRpcHandler:
    make: dict[tuple[bool, bool], Any] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    coding = {
        "request_deserializer": order_class().FromString,
        "response_serializer": order_class().SerializeToString,
    }
    methods = {name: make[kind](getattr(shop, name), **coding) for name, kind in KINDS.items()}
    return grpc.method_handlers_generic_handler(SERVICE, methods)


class LoopThread:
    """An event loop on a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="loop")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run(self.loop.shutdown_default_executor())
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def tasks(self) -> list[str]:
        """Return the names of the tasks that have not ended."""

        async def names() -> list[str]:
            return [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]

        found: list[str] = self.run(names())
        return found


@dataclass
class Served:
    """A running shop."""

    target: str
    handled: Handled
    interceptor: Any
    loop: LoopThread | None
    close_channel: Callable[[], None]
    """Closes the interceptor's channel to actiond."""


@contextmanager
def serve(flavour: str, actiond: str, handled: Handled | None = None, **settings: Any) -> Iterator[Served]:
    """Serve a shop whose interceptor asks the actiond at the address `actiond`."""
    settings = {"token": TOKEN, **settings}
    handled = handled or Handled()
    generic = handlers(_SHOPS[flavour](handled))
    with (_serve_threads if flavour == "threads" else _serve_tasks)(generic, actiond, settings) as served:
        served.handled = handled
        yield served


@contextmanager
def _serve_threads(generic: grpc.GenericRpcHandler, actiond: str, settings: dict[str, Any]) -> Iterator[Served]:
    with (
        grpc.insecure_channel(actiond, CHANNEL_OPTIONS) as channel,
        ActionsInterceptor(channel, **settings) as interceptor,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        server = grpc.server(pool, [generic], [interceptor])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield Served(f"127.0.0.1:{port}", Handled(), interceptor, None, channel.close)
        finally:
            server.stop(0.5).wait()


@contextmanager
def _serve_tasks(generic: grpc.GenericRpcHandler, actiond: str, settings: dict[str, Any]) -> Iterator[Served]:
    async def start() -> tuple[grpc.aio.Channel, aio.ActionsInterceptor, grpc.aio.Server, int]:
        channel = grpc.aio.insecure_channel(actiond, CHANNEL_OPTIONS)
        interceptor = aio.ActionsInterceptor(channel, **settings)
        server = grpc.aio.server(pool, [generic], [interceptor])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return channel, interceptor, server, port

    async def stop() -> None:
        try:
            await server.stop(0.5)
        finally:
            await _end_threads(pool)
        await interceptor.close()
        await channel.close()

    pool = ThreadPoolExecutor(THREADS)
    with LoopThread() as loop:
        channel, interceptor, server, port = loop.run(start())
        try:
            yield Served(f"127.0.0.1:{port}", Handled(), interceptor, loop, lambda: loop.run(channel.close()))
        finally:
            loop.run(stop())


async def _end_threads(pool: ThreadPoolExecutor) -> None:
    """Wait for the threads of a server that is stopped. They need the loop, so it has to run until they have ended."""
    ended = asyncio.ensure_future(asyncio.to_thread(pool.shutdown))
    while not (await asyncio.wait([ended], timeout=0.2))[0]:
        # A plain `def` handler waits for ever to hand over responses of a call that has ended (grpc#28999).
        for task in asyncio.all_tasks():
            if getattr(task.get_coro(), "__qualname__", "") == "Queue.put":
                task.cancel()


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    items: tuple[str, ...]
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""
    status: status_pb2.Status | None = None
    trailers: tuple[tuple[str, str | bytes], ...] = ()


def call(
    target: str,
    method: str,
    items: Sequence[str] = ("tea",),
    *,
    timeout: float = 15,
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> Outcome:
    """Call a method of the shop: with all items if its requests are a stream, else with the first one."""
    with grpc.insecure_channel(target) as channel:
        return call_on(channel, method, items, timeout=timeout, metadata=metadata)


def begin(channel: grpc.Channel, method: str, requests: Any, path: str = "", **options: Any) -> Any:
    """Begin a call. `requests` is one request, or an iterator over them."""
    requests_stream, responses_stream = KINDS[method]
    kind = f"{'stream' if requests_stream else 'unary'}_{'stream' if responses_stream else 'unary'}"
    callable_ = getattr(channel, kind)(
        path or f"/{SERVICE}/{method}", order_class().SerializeToString, order_class().FromString
    )
    return callable_(requests, **options) if responses_stream else callable_.future(requests, **options)


def call_on(
    channel: grpc.Channel,
    method: str,
    items: Sequence[str] = ("tea",),
    *,
    timeout: float = 15,
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> Outcome:
    """Call a method over a channel that is kept."""
    requests_stream, responses_stream = KINDS[method]
    orders = list(map(order, items))
    running = begin(channel, method, iter(orders) if requests_stream else orders[0], timeout=timeout, metadata=metadata)
    got: list[str] = []
    try:
        if responses_stream:
            got.extend(map(item_of, running))
        else:
            got.append(item_of(running.result()))
    except grpc.RpcError:
        pass
    trailers = tuple((key, value) for key, value in running.trailing_metadata())
    details = dict(trailers).get("grpc-status-details-bin")
    return Outcome(
        tuple(got),
        running.code(),
        running.details(),
        status_pb2.Status.FromString(details) if isinstance(details, bytes) else None,
        tuple(pair for pair in trailers if pair[0] != "grpc-status-details-bin"),
    )
