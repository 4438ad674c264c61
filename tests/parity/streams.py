"""Streams of WatchDeliveries over each protocol, read message by message as they come."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import grpc
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf import json_format

from tests.support.action_service.connections import Ports
from tests.support.action_service.model import DELIVERIES
from tests.support.wire.grpc_web import TRAILER, frame, parse_trailers

PATH = f"/{DELIVERIES}/WatchDeliveries"
TIMEOUT = 30.0
CONNECT_END = 0x02


class Stream(Protocol):
    """A watch that has begun. It raises AssertionError unless it ends with OK."""

    def __iter__(self) -> Iterator[pb.WatchDeliveriesResponse]: ...

    def close(self) -> None: ...


class GrpcStream:
    """grpcio's own client."""

    def __init__(self, ports: Ports, token: str, request: pb.WatchDeliveriesRequest) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{ports.grpc}", [("grpc.use_local_subchannel_pool", 1)])
        invoke: Any = self._channel.unary_stream(
            PATH, pb.WatchDeliveriesRequest.SerializeToString, pb.WatchDeliveriesResponse.FromString
        )
        self._call = invoke(request, TIMEOUT, (("authorization", f"Bearer {token}"),))

    def __iter__(self) -> Iterator[pb.WatchDeliveriesResponse]:
        yield from self._call
        assert self._call.code() is grpc.StatusCode.OK

    def close(self) -> None:
        self._call.cancel()
        self._channel.close()


class _HttpStream:
    """A response over HTTP/1.1, of which bytes are read as they come."""

    def __init__(self, ports: Ports, token: str, verb: str, path: str, body: bytes, content_type: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", ports.http, timeout=TIMEOUT)
        headers = {"authorization": f"Bearer {token}", "content-type": content_type}
        self._connection.request(verb, path, body or None, headers if body else {"authorization": f"Bearer {token}"})
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

    def __init__(self, ports: Ports, token: str, request: pb.WatchDeliveriesRequest) -> None:
        super().__init__(ports, token, "GET", f"/v1/deliveries:watch?position={request.position}", b"", "")
        assert self._response.headers["content-type"] == "application/x-ndjson"

    def __iter__(self) -> Iterator[pb.WatchDeliveriesResponse]:
        for line in self._response:
            content = json.loads(line)
            assert "error" not in content, content
            yield json_format.ParseDict(content, pb.WatchDeliveriesResponse())


class GrpcWebStream(_HttpStream):
    def __init__(self, ports: Ports, token: str, request: pb.WatchDeliveriesRequest) -> None:
        body = frame(request.SerializeToString())
        super().__init__(ports, token, "POST", PATH, body, "application/grpc-web+proto")

    def __iter__(self) -> Iterator[pb.WatchDeliveriesResponse]:
        for flags, payload in self._frames():
            if flags == TRAILER:
                assert parse_trailers(payload)["grpc-status"] == "0"
                return
            yield pb.WatchDeliveriesResponse.FromString(payload)
        raise AssertionError("the stream has no trailers")


class ConnectStream(_HttpStream):
    def __init__(self, ports: Ports, token: str, request: pb.WatchDeliveriesRequest) -> None:
        body = frame(json_format.MessageToJson(request).encode())
        super().__init__(ports, token, "POST", PATH, body, "application/connect+json")

    def __iter__(self) -> Iterator[pb.WatchDeliveriesResponse]:
        for flags, payload in self._frames():
            content = json.loads(payload)
            if flags == CONNECT_END:
                assert "error" not in content, content
                return
            yield json_format.ParseDict(content, pb.WatchDeliveriesResponse())
        raise AssertionError("the stream has no end")


STREAMS: dict[str, Callable[[Ports, str, pb.WatchDeliveriesRequest], Stream]] = {
    "grpc": GrpcStream,
    "grpc-web": GrpcWebStream,
    "connect": ConnectStream,
    "json": JsonStream,
}
"""By protocol."""
