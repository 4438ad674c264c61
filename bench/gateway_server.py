"""The servers of the second part that use actiond's own libraries: `python -m bench.gateway_server NAME`.

`gateway` is the gateway alone, as shipped. `constant` is its limit: granian, which reads each body and returns exactly
the gateway's bytes and headers, and a grpc.aio handler that parses and serialises by hand. `grpcio` is the same
servicer on grpc.aio, without a gateway, for Envoy to proxy to.
"""

import sys
from typing import Any

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc

from bench import serving
from bench.answers import Servicer, response
from bench.requests import JSON, JSON_PATH, JSON_TYPE, METHOD, SERVICE, WEB, WEB_TYPE
from rpcfront import Gateway

_Headers = list[tuple[str, str]]


def gateway() -> Gateway:
    """Return a gateway like actiond's, without authentication and the domain's errors."""
    return Gateway(services=[(SERVICE, Servicer())], success_code=lambda _: 201)


class _Scope:
    """A request for an RSGI application, without a server."""

    http_version = "1.1"
    method = "POST"
    query_string = ""
    client = "127.0.0.1:1"

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = {"host": "127.0.0.1", **headers, "content-length": str(len(body))}


class _Recorder:
    """An RSGI protocol object that records the application's response."""

    answer: tuple[int, _Headers, bytes]

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self) -> bytes:
        return self._body

    def response_bytes(self, status: int, headers: _Headers, body: bytes) -> None:
        self.answer = status, headers, body


class Constant:
    """Reads the body and returns the response that the gateway gave to one such request."""

    def __init__(self) -> None:
        self._application = gateway().rsgi
        self._answers: dict[str, tuple[int, _Headers, bytes]] = {}

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if not self._answers:
            for path, headers, body in ((JSON_PATH, JSON_TYPE, JSON), (METHOD, WEB_TYPE, WEB)):
                recorder = _Recorder(body)
                await self._application.__rsgi__(_Scope(path, headers, body), recorder)
                self._answers[path] = recorder.answer
        await protocol()
        protocol.response_bytes(*self._answers[scope.path])


class _ByHand(grpc.GenericRpcHandler):
    """Parses the request and serialises the response by hand, which is the least that a servicer needs."""

    def __init__(self) -> None:
        async def call(data: bytes, _context: Any) -> bytes:
            action_service_pb2.CreateTargetRequest.FromString(data)
            return response().SerializeToString()

        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(call)

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._handler


def _serve_gateway() -> None:
    whole = gateway()
    serving.run(whole.rsgi, lambda server: server.add_generic_rpc_handlers((whole.grpc_handler,)))


def _serve_constant() -> None:
    serving.run(Constant(), lambda server: server.add_generic_rpc_handlers((_ByHand(),)))


def _serve_grpcio() -> None:
    def add(server: grpc.aio.Server) -> None:
        action_service_pb2_grpc.add_ActionServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]

    # Its HTTP port is not used.
    serving.run(Constant(), add)


SERVERS = {"gateway": _serve_gateway, "constant": _serve_constant, "grpcio": _serve_grpcio}

if __name__ == "__main__":
    SERVERS[sys.argv[1]]()
