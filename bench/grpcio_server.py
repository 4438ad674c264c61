"""The peers on grpc.aio: `python -m bench.grpcio_server by-hand` or `servicers`.

`by-hand` parses and serialises by hand, which is the least that a servicer needs. `servicers` are those of the gateway,
without a gateway.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc

from bench import feed, serving
from bench.answers import Servicer, response


class _ByHand(grpc.GenericRpcHandler):
    """Handles every method."""

    def __init__(self) -> None:
        async def call(data: bytes, _context: Any) -> bytes:
            action_service_pb2.CreateTargetRequest.FromString(data)
            return response().SerializeToString()

        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(call)

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._handler


def _add_by_hand(server: grpc.aio.Server) -> None:
    server.add_generic_rpc_handlers((_ByHand(),))


def _add_servicers(server: grpc.aio.Server) -> None:
    action_service_pb2_grpc.add_ActionServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]  # grpc generates no types
    follow: grpc.RpcMethodHandler[Any, Any] = grpc.unary_stream_rpc_method_handler(
        feed.Servicer().Follow,
        request_deserializer=feed.Request.FromString,
        response_serializer=feed.Response.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(feed.SERVICE.full_name, {"Follow": follow})
    server.add_generic_rpc_handlers((handler,))


@asynccontextmanager
async def _serve(add: Callable[[grpc.aio.Server], None]) -> AsyncIterator[serving.Ports]:
    server = grpc.aio.server()
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port, 0
    await server.stop(None)


_SERVERS = {"by-hand": _add_by_hand, "servicers": _add_servicers}

if __name__ == "__main__":
    serving.run(_serve(_SERVERS[sys.argv[1]]))
