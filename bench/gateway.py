"""The second part: the gateway alone, with a servicer that stores nothing, compared with its limits and peers.

No row authenticates. Each has one worker. Before it is measured, each proves once that it does the same work.
"""

import json
from collections.abc import Callable
from itertools import repeat

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2

from bench.answers import response
from bench.connect import GRANIAN, GRANIAN_WSGI, UVICORN, connect_under
from bench.envoy import envoy_before
from bench.http2 import grpc_load
from bench.load import IN_FLIGHT, CallError, Load, http_load
from bench.requests import JSON, JSON_PATH, JSON_TYPE, METHOD, PROTOBUF, WEB, WEB_TYPE, frame, is_good
from bench.serving import starter
from bench.subjects import Goal, Part, Server, Subject, ask, post

_CONNECT = "Connect for Python, protobuf-py"

SUBJECTS = (
    Subject("gateway-json", "gateway", "json", "constant-json", "the gateway alone, granian RSGI"),
    Subject("constant-json", "constant", "json", "constant-json", "limit: granian reads, the same answer goes back"),
    Subject("transcoder-json", "envoy", "json", "constant-json", "Envoy's transcoder, then grpc.aio"),
    Subject("connect-json-uvicorn", "connect-uvicorn", "connect", "constant-json", f"{_CONNECT}, uvicorn"),
    Subject("connect-json-granian", "connect-granian", "connect", "constant-json", f"{_CONNECT}, granian ASGI"),
    Subject("connect-json-wsgi", "connect-wsgi", "connect", "constant-json", f"{_CONNECT}, granian WSGI"),
    Subject("gateway-grpc-web", "gateway", "grpc-web", "constant-grpc-web", "the gateway alone, granian RSGI"),
    Subject("constant-grpc-web", "constant", "grpc-web", "constant-grpc-web", "limit: the same, gRPC-Web's answer"),
    Subject("connect-web-uvicorn", "connect-uvicorn", "grpc-web", "constant-grpc-web", f"{_CONNECT}, uvicorn"),
    Subject("connect-web-granian", "connect-granian", "grpc-web", "constant-grpc-web", f"{_CONNECT}, granian ASGI"),
    Subject("connect-web-wsgi", "connect-wsgi", "grpc-web", "constant-grpc-web", f"{_CONNECT}, granian WSGI"),
    Subject("gateway-grpc", "gateway", "grpc", "by-hand-grpc", "the gateway alone, grpc.aio"),
    Subject("by-hand-grpc", "constant", "grpc", "by-hand-grpc", "limit: grpc.aio, parses and serialises by hand"),
    Subject("grpcio-grpc", "grpcio", "grpc", "by-hand-grpc", "the same servicer under grpc.aio, no gateway"),
)

GOALS = (
    Goal("gateway-json", ("constant-json",), 0.55),
    Goal("gateway-json", ("transcoder-json",), 3.0),
    Goal("gateway-json", ("connect-json-uvicorn", "connect-json-granian"), 1.0),
    Goal("gateway-json", ("connect-json-wsgi",), 1.0),
    Goal("gateway-grpc-web", ("constant-grpc-web",), 0.5),
    Goal("gateway-grpc-web", ("connect-web-uvicorn", "connect-web-granian"), 0.9),
    Goal("gateway-grpc-web", ("connect-web-wsgi",), 0.9),
    Goal("gateway-grpc", ("by-hand-grpc",), 0.9),
)


def _json_at(path: str) -> Callable[[Server], Load]:
    def client(server: Server) -> Load:
        answer = ask(server.http_port, path, JSON_TYPE, JSON)
        # 64-bit integers are strings in proto3 JSON.
        expected = {
            "id": response().id,
            "details": {
                "sequence": str(response().details.sequence),
                "changeDate": response().details.change_date.ToJsonString(),
                "resourceOwner": response().details.resource_owner,
            },
        }
        _expect(answer.status in {200, 201} and json.loads(answer.body) == expected, answer)
        return http_load(server.http_port, repeat(post(path, JSON_TYPE, JSON)).__next__, _is_success)

    return client


def _is_success(answer: bytes) -> bool:
    return answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 200 "))


def _grpc_web(server: Server) -> Load:
    answer = ask(server.http_port, METHOD, WEB_TYPE, WEB)
    message = frame(0, response().SerializeToString())
    _expect(answer.status == 200 and answer.body.startswith(message + b"\x80"), answer)
    return http_load(server.http_port, repeat(post(METHOD, WEB_TYPE, WEB)).__next__, is_good)


def _grpc(server: Server) -> Load:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        answer = call(PROTOBUF, timeout=10)
    _expect(action_service_pb2.CreateTargetResponse.FromString(answer) == response(), answer)
    return grpc_load(server.grpc_port, METHOD, {}, repeat(PROTOBUF).__next__, answer.__eq__)


def _expect(holds: bool, answer: object) -> None:
    if not holds:
        raise CallError(f"not the response that every row returns: {answer}")


PART = Part(
    title=f"the gateway alone: CreateTarget, {IN_FLIGHT} in flight",
    subjects=SUBJECTS,
    starters={
        **{name: starter("bench.gateway_server", name) for name in ("gateway", "constant", "grpcio")},
        "envoy": envoy_before("grpcio"),
        "connect-uvicorn": connect_under(UVICORN),
        "connect-granian": connect_under(GRANIAN),
        "connect-wsgi": connect_under(GRANIAN_WSGI),
    },
    clients={
        "json": _json_at(JSON_PATH),
        "connect": _json_at(METHOD),
        "grpc-web": _grpc_web,
        "grpc": _grpc,
    },
    goals=GOALS,
)
