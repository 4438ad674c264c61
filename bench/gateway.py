"""The second part: the gateway alone, with a servicer that stores nothing, compared with its limits and peers.

No row authenticates. Each has one worker, those written in Go one processor. Before it is measured, each proves once
that it does the same work.
"""

import json
import ssl
from itertools import repeat

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2

from bench import certificate, feed
from bench.answers import response
from bench.connect import GRANIAN, GRANIAN_WSGI, UVICORN, connect_under
from bench.envoy import envoy_before
from bench.go_peers import peer
from bench.http2 import grpc_load
from bench.load import IN_FLIGHT, CallError, Load, http_load
from bench.requests import JSON, JSON_PATH, JSON_TYPE, METHOD, PROTOBUF, WEB, WEB_TYPE, frame, is_good
from bench.serving import starter
from bench.streams import STREAMS, grpc_streams, web_streams
from bench.subjects import Client, Goal, Part, Server, Subject, ask, post

_CONNECT = "Connect for Python, protobuf-py"
_JSON, _WEB, _GRPC = "constant-json-httptools", "constant-grpc-web-httptools", "constant-grpc-ngh2"

SUBJECTS = (
    Subject("gateway-json", "gateway", "json", _JSON, "the gateway alone"),
    Subject("gateway-json-tls", "gateway-tls", "json-tls", _JSON, "the same over TLS, on kept connections"),
    Subject(_JSON, "constant", "json", _JSON, "limit: httptools reads, the same bytes go back"),
    Subject("constant-json-granian", "granian", "json", _JSON, "granian reads, the same answer goes back"),
    Subject("grpc-gateway-in-process", "grpc-gateway", "json", _JSON, "grpc-gateway calls the service, Go"),
    Subject("grpc-gateway-dialing", "grpc-gateway-dialing", "json", _JSON, "grpc-gateway dials grpc-go, Go"),
    Subject("transcoder-json", "envoy", "json", _JSON, "Envoy's transcoder, then grpc.aio"),
    Subject("connect-json-uvicorn", "connect-uvicorn", "connect", _JSON, f"{_CONNECT}, uvicorn"),
    Subject("connect-json-granian", "connect-granian", "connect", _JSON, f"{_CONNECT}, granian ASGI"),
    Subject("connect-json-wsgi", "connect-wsgi", "connect", _JSON, f"{_CONNECT}, granian WSGI"),
    Subject("gateway-grpc-web", "gateway", "grpc-web", _WEB, "the gateway alone"),
    Subject(_WEB, "constant", "grpc-web", _WEB, "limit: httptools reads, the same bytes go back"),
    Subject("constant-grpc-web-granian", "granian", "grpc-web", _WEB, "granian reads, the same answer goes back"),
    Subject("connect-web-uvicorn", "connect-uvicorn", "grpc-web", _WEB, f"{_CONNECT}, uvicorn"),
    Subject("connect-web-granian", "connect-granian", "grpc-web", _WEB, f"{_CONNECT}, granian ASGI"),
    Subject("connect-web-wsgi", "connect-wsgi", "grpc-web", _WEB, f"{_CONNECT}, granian WSGI"),
    Subject("gateway-grpc", "gateway", "grpc", _GRPC, "the gateway alone"),
    Subject("gateway-grpc-tls", "gateway-tls", "grpc-tls", _GRPC, "the same over TLS, on kept connections"),
    Subject(_GRPC, "constant", "grpc", _GRPC, "limit: ngh2 reads, the same answer goes back"),
    Subject("grpc-go", "grpc-go", "grpc", _GRPC, "the same service under grpc-go"),
    Subject("by-hand-grpc", "by-hand", "grpc", _GRPC, "grpc.aio, parses and serialises by hand"),
    Subject("grpcio-grpc", "grpcio", "grpc", _GRPC, "the same servicer under grpc.aio, no gateway"),
)


def _streams(name: str, size: int) -> tuple[Subject, ...]:
    """Return the rows of streams whose messages have `size` bytes."""
    over_grpc, over_web = f"stream-grpc-{name}", f"stream-web-{name}"
    grpcio, granian = f"grpcio-stream-{name}", f"granian-stream-{name}"
    ours = f"the gateway alone, messages of {size:,} bytes"
    return (
        Subject(over_grpc, "gateway", over_grpc, grpcio, ours),
        Subject(grpcio, "grpcio", over_grpc, grpcio, "the same servicer under grpc.aio, no gateway"),
        Subject(over_web, "gateway", over_web, granian, ours),
        Subject(granian, "granian", over_web, granian, "the same servicer on granian, no gateway"),
    )


_SIZES = {"100": feed.SMALL, "20k": feed.LARGE}

# A connection that is kept costs at most a tenth more over TLS with HTTP/2, and three tenths with HTTP/1.1.
_OF_PLAIN_GRPC, _OF_PLAIN_JSON = 1 / 1.1, 1 / 1.3

GOALS = (
    Goal("gateway-grpc", ("by-hand-grpc",), 3.0),
    Goal("gateway-grpc", ("by-hand-grpc",), 4.5, "CPU"),
    Goal("gateway-grpc", (_GRPC,), 0.27, "CPU"),
    Goal("gateway-grpc", ("grpc-go",), 0.45, "CPU"),
    Goal("gateway-json", (_JSON,), 0.24, "CPU"),
    Goal("gateway-json", ("grpc-gateway-in-process",), 0.8),
    Goal("gateway-json", ("grpc-gateway-dialing",), 2.0),
    Goal("gateway-json", ("constant-json-granian",), 0.6),
    Goal("gateway-json", ("transcoder-json",), 3.0),
    Goal("gateway-json", ("connect-json-uvicorn", "connect-json-granian"), 1.0),
    Goal("gateway-json", ("connect-json-wsgi",), 1.0),
    Goal("gateway-grpc-web", (_WEB,), 0.27, "CPU"),
    Goal("gateway-grpc-web", ("connect-web-uvicorn", "connect-web-granian"), 0.9),
    Goal("gateway-grpc-web", ("connect-web-wsgi",), 0.9),
    Goal("stream-grpc-100", ("grpcio-stream-100",), 4.0),
    Goal("stream-grpc-20k", ("grpcio-stream-20k",), 1.8),
    Goal("stream-web-100", ("granian-stream-100",), 0.9),
    Goal("stream-web-20k", ("granian-stream-20k",), 0.8),
    Goal("gateway-grpc-tls", ("gateway-grpc",), _OF_PLAIN_GRPC, "CPU"),
    Goal("gateway-json-tls", ("gateway-json",), _OF_PLAIN_JSON, "CPU"),
)


def _json_at(path: str, tls: ssl.SSLContext | None = None) -> Client:
    def client(server: Server) -> Load:
        answer = ask(server.http_port, path, JSON_TYPE, JSON, tls=tls)
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
        return http_load(server.http_port, repeat(post(path, JSON_TYPE, JSON)).__next__, _is_success, tls=tls)

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
        return _unary(server, channel)


def _grpc_tls(server: Server) -> Load:
    trusted = ssl.get_server_certificate(("127.0.0.1", server.grpc_port)).encode()
    name = (("grpc.ssl_target_name_override", certificate.NAME),)
    with grpc.secure_channel(
        f"127.0.0.1:{server.grpc_port}", grpc.ssl_channel_credentials(trusted), options=name
    ) as channel:
        return _unary(server, channel, certificate.client_context("h2"))


def _unary(server: Server, channel: grpc.Channel, tls: ssl.SSLContext | None = None) -> Load:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    answer = call(PROTOBUF, timeout=10)
    _expect(action_service_pb2.CreateTargetResponse.FromString(answer) == response(), answer)
    return grpc_load(server.grpc_port, METHOD, {}, repeat(PROTOBUF).__next__, answer.__eq__, tls=tls)


def _grpc_stream(size: int) -> Client:
    def client(server: Server) -> Load:
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(feed.METHOD)
            answer = list(call(feed.request(size, feed.MESSAGES[size]), timeout=10))
        _expect(answer == _messages(size), f"{len(answer)} messages")
        return grpc_streams(server.grpc_port, size, feed.MESSAGES[size])

    return client


def _web_stream(size: int) -> Client:
    def client(server: Server) -> Load:
        answer = ask(server.http_port, feed.METHOD, WEB_TYPE, frame(0, feed.request(size, feed.MESSAGES[size])))
        messages = b"".join(frame(0, message) for message in _messages(size))
        _expect(answer.body.startswith(messages + b"\x80"), f"{len(answer.body)} bytes")
        return web_streams(server.http_port, size)

    return client


def _messages(size: int) -> list[bytes]:
    message = feed.Response(data=feed.data(size)).SerializeToString()
    _expect(len(message) == size, message)
    return [message] * feed.MESSAGES[size]


def _expect(holds: bool, answer: object) -> None:
    if not holds:
        raise CallError(f"not the response that every row returns: {answer}")


PART = Part(
    title=f"the gateway alone: CreateTarget, {IN_FLIGHT} in flight, and {STREAMS} streams of messages",
    subjects=(*SUBJECTS, *(subject for name, size in _SIZES.items() for subject in _streams(name, size))),
    starters={
        "gateway": starter("bench.gateway_server", "plain"),
        "gateway-tls": starter("bench.gateway_server", "tls"),
        "constant": starter("bench.constant_server"),
        "granian": starter("bench.granian_server", needs=["granian"]),
        "by-hand": starter("bench.grpcio_server", "by-hand"),
        "grpcio": starter("bench.grpcio_server", "servicers"),
        "grpc-go": peer("grpc"),
        "grpc-gateway": peer("gateway"),
        "grpc-gateway-dialing": peer("gateway", before="grpc-go"),
        "envoy": envoy_before("grpcio"),
        "connect-uvicorn": connect_under(UVICORN),
        "connect-granian": connect_under(GRANIAN),
        "connect-wsgi": connect_under(GRANIAN_WSGI),
    },
    clients={
        "json": _json_at(JSON_PATH),
        "json-tls": _json_at(JSON_PATH, certificate.client_context("http/1.1")),
        "connect": _json_at(METHOD),
        "grpc-web": _grpc_web,
        "grpc": _grpc,
        "grpc-tls": _grpc_tls,
        **{f"stream-grpc-{name}": _grpc_stream(size) for name, size in _SIZES.items()},
        **{f"stream-web-{name}": _web_stream(size) for name, size in _SIZES.items()},
    },
    goals=GOALS,
)
