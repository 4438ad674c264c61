"""Clients of the shop over each protocol. What a call comes to has one form, so that one table can ask of all."""

import asyncio
import http.client
import json
import queue
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import status_pb2

from tests.support.clients import http2_client
from tests.support.proxied.shop import CHAT, LARGEST, PLACE, UPLOAD, WATCH, order_class, receipt_class
from tests.support.wire.grpc_web import TRAILER, frame, parse_status, parse_trailers, split_frames

Headers = tuple[tuple[str, str], ...]

SECONDS = 60.0
DETAILS = "grpc-status-details-bin"


@dataclass(slots=True)
class Outcome:
    """How a call ended, and what came before."""

    code: int
    message: str = ""
    details: list[str] = field(default_factory=list)
    """Full names of the types of the status's details."""
    receipts: list[Any] = field(default_factory=list)
    http_status: int = 200


def _kinds(status: status_pb2.Status) -> list[str]:
    return [detail.type_url.rpartition("/")[2] for detail in status.details]


def channel(port: int) -> grpc.Channel:
    limits = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)]
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=[*limits, ("grpc.use_local_subchannel_pool", 1)])


def _outcome(error: grpc.RpcError, receipts: list[Any]) -> Outcome:
    trailers: dict[str, Any] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]  # the stubs know no pairs
    status = status_pb2.Status.FromString(trailers[DETAILS]) if DETAILS in trailers else status_pb2.Status()
    return Outcome(error.code().value[0], error.details() or "", _kinds(status), receipts)


def call(
    port: int,
    path: str,
    *orders: Any,
    headers: Headers = (),
    seconds: float = SECONDS,
    compression: grpc.Compression | None = None,
) -> Outcome:
    """Call a method of any kind over native gRPC: of the unary ones with one order."""
    receipts: list[Any] = []
    with channel(port) as connection:
        codec = {
            "request_serializer": order_class().SerializeToString,
            "response_deserializer": receipt_class().FromString,
        }
        options: dict[str, Any] = {"metadata": headers, "timeout": seconds, "compression": compression}
        try:
            if path == UPLOAD:
                receipts.append(connection.stream_unary(path, **codec)(iter(orders), **options))
            elif path == WATCH:
                _collect(receipts, connection.unary_stream(path, **codec)(orders[0], **options))
            elif path == CHAT:
                _collect(receipts, connection.stream_stream(path, **codec)(iter(orders), **options))
            else:
                receipts.append(connection.unary_unary(path, **codec)(orders[0], **options))
        except grpc.RpcError as error:
            return _outcome(error, receipts)
    return Outcome(0, receipts=receipts)


def _collect(receipts: list[Any], stream: Iterable[Any]) -> None:
    """Add each as it comes, so that those before an error are kept."""
    for one in stream:
        receipts.append(one)  # noqa: PERF402  # see above


@dataclass(slots=True)
class Talk:
    """A call of Chat that goes on."""

    _requests: "queue.SimpleQueue[Any]"
    _responses: Any

    def send(self, order: Any) -> None:
        self._requests.put(order)

    def next(self) -> Any:
        return next(self._responses)

    def end(self) -> None:
        """End the requests, and see that the call ends well."""
        self._requests.put(None)
        assert list(self._responses) == []


@contextmanager
def chat(port: int, headers: Headers = ()) -> Iterator[Talk]:
    """Begin a call of Chat."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with channel(port) as connection:
        method = connection.stream_stream(
            CHAT, request_serializer=order_class().SerializeToString, response_deserializer=receipt_class().FromString
        )
        responses = method(iter(requests.get, None), metadata=headers, timeout=SECONDS)
        try:
            yield Talk(requests, responses)
        finally:
            requests.put(None)  # frees the thread that sends


def raw_call(port: int, path: str, message: bytes, headers: Headers = ()) -> Outcome:
    """Call a unary method with bytes for a message."""
    with channel(port) as connection:
        try:
            method: Any = connection.unary_unary(path)
            method(message, metadata=headers, timeout=SECONDS)
        except grpc.RpcError as error:
            return _outcome(error, [])
    return Outcome(0)


def raw_body(port: int, path: str, body: bytes, *headers: tuple[str, str]) -> dict[str, str]:
    """Send a body of gRPC over HTTP/2, whatever is in it; return the response's last block of headers."""
    return asyncio.run(_raw_body(port, path, body, headers))


async def _raw_body(port: int, path: str, body: bytes, headers: Headers) -> dict[str, str]:
    async with http2_client.connect(port) as client:
        stream = client.request([*http2_client.grpc_head(path), *headers], end=not body)
        if body:
            client.data(stream, body, end=True)
        response = await asyncio.wait_for(client.response(stream), SECONDS)
        return dict(response.blocks[-1])


def post(port: int, path: str, body: bytes, headers: Headers, method: str = "POST") -> tuple[int, Any, bytes]:
    """Send one request over HTTP/1.1; return status, headers and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def call_web(port: int, path: str, order: Any, headers: Headers = ()) -> Outcome:
    """Call a method with one request over gRPC-Web."""
    kind = (("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1"))
    http_status, fields, body = post(port, path, frame(order.SerializeToString()), (*kind, *headers))
    frames = split_frames(body) if "grpc-status" not in fields else []
    receipts = [receipt_class().FromString(data) for flags, data in frames if flags == 0]
    last = [data for flags, data in frames if flags == TRAILER]
    trailers = parse_trailers(last[-1]) if last else {name.lower(): value for name, value in fields.items()}
    status = parse_status(trailers)
    return Outcome(status.code, status.message, _kinds(status), receipts, http_status)


def call_json(port: int, route: str, order: Any, headers: Headers = ()) -> Outcome:
    """Call a method with one request and one response by its route, as JSON."""
    text = json_format.MessageToJson(order).encode()
    http_status, _, body = post(port, route, text, (("content-type", "application/json"), *headers))
    if http_status == 200:
        return Outcome(0, receipts=[json_format.Parse(body, receipt_class()())])
    document = _document(http_status, body)
    kinds = [detail["@type"].rpartition("/")[2] for detail in document.get("details", ())]
    return Outcome(document["code"], document["message"], kinds, [], http_status)


def _document(http_status: int, body: bytes) -> dict[str, Any]:
    """Return an error's document. Envoy's own errors have none, and those of a begun response no body."""
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError:
        return {"code": {503: 14, 504: 4}.get(http_status, -1), "message": body.decode()}
    return document


def call_over(way: str, port: int, order: Any, headers: Headers = ()) -> Outcome:
    """Call Place over `grpc`, `grpc-web` or `json`."""
    if way == "grpc":
        return call(port, PLACE, order, headers=headers)
    return call_web(port, PLACE, order, headers) if way == "grpc-web" else call_json(port, "/v1/orders", order, headers)
