"""Streams of the two watches over each protocol, read message by message as they come."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import grpc
from actiond_protos.actiond.v1 import delivery_service_pb2, execution_service_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from tests.support.action_service.connections import Ports
from tests.support.action_service.model import DELIVERIES, EXECUTIONS
from tests.support.wire.grpc_web import TRAILER, frame, parse_trailers

PATH = f"/{DELIVERIES}/WatchDeliveries"
TIMEOUT = 30.0
CONNECT_END = 0x02


@dataclass(frozen=True, slots=True)
class Watch:
    """A method that streams, and its route."""

    path: str
    response_class: type[Message]
    route: str
    """The query is made of the request's fields."""


WATCHES: dict[type[Message], Watch] = {
    delivery_service_pb2.WatchDeliveriesRequest: Watch(
        PATH, delivery_service_pb2.WatchDeliveriesResponse, "/v1/deliveries:watch"
    ),
    execution_service_pb2.WatchExecutionsRequest: Watch(
        f"/{EXECUTIONS}/WatchExecutions", execution_service_pb2.WatchExecutionsResponse, "/v1/executions:watch"
    ),
}
"""By type of the request."""


class Stream(Protocol):
    """A watch that has begun. It raises AssertionError unless it ends with OK."""

    def __iter__(self) -> Iterator[Any]: ...

    def close(self) -> None: ...


class GrpcStream:
    """grpcio's own client."""

    def __init__(self, ports: Ports, token: str, request: Message) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{ports.grpc}", [("grpc.use_local_subchannel_pool", 1)])
        watch = WATCHES[type(request)]
        invoke: Any = self._channel.unary_stream(
            watch.path, type(request).SerializeToString, watch.response_class.FromString
        )
        self._call = invoke(request, TIMEOUT, (("authorization", f"Bearer {token}"),))

    def __iter__(self) -> Iterator[Any]:
        yield from self._call
        assert self._call.code() is grpc.StatusCode.OK

    def close(self) -> None:
        self._call.cancel()
        self._channel.close()


class _HttpStream:
    """A response over HTTP/1.1, of which bytes are read as they come."""

    def __init__(self, ports: Ports, token: str, request: Message, body: bytes = b"", content_type: str = "") -> None:
        """Without a body, use the route of the proto."""
        self._watch = watch = WATCHES[type(request)]
        query = urlencode(json_format.MessageToDict(request))
        verb, path = ("POST", watch.path) if content_type else ("GET", f"{watch.route}?{query}".removesuffix("?"))
        self._connection = http.client.HTTPConnection("127.0.0.1", ports.http, timeout=TIMEOUT)
        headers = {"authorization": f"Bearer {token}"} | ({"content-type": content_type} if content_type else {})
        self._connection.request(verb, path, body or None, headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield the frames of gRPC-Web and Connect, with their flags."""
        while head := self._response.read(5):
            yield head[0], self._response.read(int.from_bytes(head[1:]))

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class JsonStream(_HttpStream):
    """Newline-delimited JSON on the route of the proto."""

    def __init__(self, ports: Ports, token: str, request: Message) -> None:
        super().__init__(ports, token, request)
        assert self._response.headers["content-type"] == "application/x-ndjson"

    def __iter__(self) -> Iterator[Any]:
        for line in self._response:
            content = json.loads(line)
            assert "error" not in content, content
            yield json_format.ParseDict(content, self._watch.response_class())


class GrpcWebStream(_HttpStream):
    def __init__(self, ports: Ports, token: str, request: Message) -> None:
        body = frame(request.SerializeToString())
        super().__init__(ports, token, request, body, "application/grpc-web+proto")

    def __iter__(self) -> Iterator[Any]:
        for flags, payload in self._frames():
            if flags == TRAILER:
                assert parse_trailers(payload)["grpc-status"] == "0"
                return
            yield self._watch.response_class.FromString(payload)
        raise AssertionError("the stream has no trailers")


class ConnectStream(_HttpStream):
    def __init__(self, ports: Ports, token: str, request: Message) -> None:
        body = frame(json_format.MessageToJson(request).encode())
        super().__init__(ports, token, request, body, "application/connect+json")

    def __iter__(self) -> Iterator[Any]:
        for flags, payload in self._frames():
            content = json.loads(payload)
            if flags == CONNECT_END:
                assert "error" not in content, content
                return
            yield json_format.ParseDict(content, self._watch.response_class())
        raise AssertionError("the stream has no end")


STREAMS: dict[str, Callable[[Ports, str, Message], Stream]] = {
    "grpc": GrpcStream,
    "grpc-web": GrpcWebStream,
    "connect": ConnectStream,
    "json": JsonStream,
}
"""By protocol."""
