"""grpcio's own servers, without the gateway: what a servicer that was written for them is used to."""

from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from tests.rpcfront.servicers.service import methods_of, service_of
from tests.support.services import echo


@dataclass(frozen=True)
class BarePorts:
    """The ports of both."""

    aio: int
    plain: int

    def of(self, form: str) -> int:
        """The server that a form is written for."""
        return self.plain if form.startswith("Plain") else self.aio


@asynccontextmanager
async def bare_servers(
    servicers: Iterable[type], interceptors: Sequence[grpc.aio.ServerInterceptor] = ()
) -> AsyncIterator[BarePorts]:
    """Both servers, with all the servicers. `interceptors` are the asynchronous one's."""
    handlers = [_handler(servicer) for servicer in servicers]
    aio = grpc.aio.server(interceptors=interceptors)
    plain = grpc.server(ThreadPoolExecutor(4))
    for server in (aio, plain):
        server.add_generic_rpc_handlers(handlers)
    ports = BarePorts(aio.add_insecure_port("127.0.0.1:0"), plain.add_insecure_port("127.0.0.1:0"))
    await aio.start()
    plain.start()
    yield ports
    await aio.stop(0)
    plain.stop(0).wait()


def _handler(kind: type) -> grpc.GenericRpcHandler:
    servicer = kind()
    note = echo.note_class()
    handlers: dict[str, Any] = {}
    for method in methods_of(kind):
        make = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        handlers[method.name] = make(getattr(servicer, method.name), note.FromString, note.SerializeToString)
    return grpc.method_handlers_generic_handler(service_of(kind).full_name, handlers)
