"""The service behind Envoy, with methods of every kind: its messages, its descriptor set, and a grpcio server of it."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from tests.support.protos import ServiceProtos

SERVICE = "shop.v1.Shop"
PLACE, UPLOAD, WATCH, CHAT = (f"/{SERVICE}/{name}" for name in ("Place", "Upload", "Watch", "Chat"))
REFUSAL = "no such order: ü"
LARGEST = 16 * 1024 * 1024

_PROTOS = ServiceProtos(Path(__file__).parent / "protos", "shop.v1")
write_descriptor_set = _PROTOS.write_descriptor_set


def order_class() -> Any:
    return _PROTOS.message_class("Order")


def receipt_class() -> Any:
    return _PROTOS.message_class("Receipt")


def order(**fields: Any) -> Any:
    return order_class()(**fields)


def receipt(**fields: Any) -> Any:
    return receipt_class()(**fields)


class Shop:
    """A server on a free port. `with Shop() as shop:` starts and stops it."""

    def __init__(self, interceptors: Iterable[grpc.ServerInterceptor] = ()) -> None:
        self.orders: list[Any] = []
        """What has reached it, of every method."""
        self.metadata: list[dict[str, Any]] = []
        """Of each call."""
        self.port = 0
        self._released = threading.Event()
        self._server = grpc.server(
            ThreadPoolExecutor(64),
            interceptors=list(interceptors),
            options=[("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)],
        )

    def release(self) -> None:
        """Release calls that hold, now and in future."""
        self._released.set()

    def __enter__(self) -> Self:
        methods = {
            "Place": grpc.unary_unary_rpc_method_handler(self._place, *self._codec()),
            "Upload": grpc.stream_unary_rpc_method_handler(self._upload, *self._codec()),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, *self._codec()),
            "Chat": grpc.stream_stream_rpc_method_handler(self._chat, *self._codec()),
        }
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, methods)])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.stop(None).wait()

    @staticmethod
    def _codec() -> tuple[Any, Any]:
        return order_class().FromString, receipt_class().SerializeToString

    def _begun(self, context: grpc.ServicerContext) -> None:
        self.metadata.append(dict(context.invocation_metadata()))

    def _taken(self, one: Any, context: grpc.ServicerContext) -> Any:
        self.orders.append(one)
        if one.wish == "gzip":
            context.set_compression(grpc.Compression.Gzip)
        if one.wish == "hold":
            self._released.wait(60)
        if one.wish == "fail":
            context.abort(grpc.StatusCode.NOT_FOUND, REFUSAL)
        return receipt(id=one.id, count=one.count, data=one.data)

    def _place(self, one: Any, context: grpc.ServicerContext) -> Any:
        self._begun(context)
        return self._taken(one, context)

    def _upload(self, orders: Iterable[Any], context: grpc.ServicerContext) -> Any:
        self._begun(context)
        taken = [self._taken(one, context) for one in orders]
        return receipt(id=",".join(one.id for one in taken), count=len(taken))

    def _watch(self, one: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._begun(context)
        first = self._taken(one, context)
        for number in range(one.count):
            yield receipt(id=f"{first.id}-{number}", count=number, data=first.data)

    def _chat(self, orders: Iterable[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        self._begun(context)
        for one in orders:
            yield self._taken(one, context)
