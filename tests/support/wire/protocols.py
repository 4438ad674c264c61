"""Writes a call and reads its response in each HTTP protocol: bytes in, bytes out, no sockets.

Written from the specifications, independently of the server's code. Reading is strict: a malformed response fails the
test.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from google.protobuf import any_pb2, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import status_pb2

from tests.support.clients.http import Reply
from tests.support.services import echo
from tests.support.wire.calls import Call, Ended, from_base64, initial_of, split_trailers, to_headers, to_pairs
from tests.support.wire.grpc_web import TRAILER, frame, from_text, parse_status, parse_trailers, split_frames

# code: its name in Connect, its HTTP status
CODES = {
    1: ("canceled", 499),
    2: ("unknown", 500),
    3: ("invalid_argument", 400),
    4: ("deadline_exceeded", 504),
    5: ("not_found", 404),
    6: ("already_exists", 409),
    7: ("permission_denied", 403),
    8: ("resource_exhausted", 429),
    9: ("failed_precondition", 400),
    10: ("aborted", 409),
    11: ("out_of_range", 400),
    12: ("unimplemented", 501),
    13: ("internal", 500),
    14: ("unavailable", 503),
    15: ("data_loss", 500),
    16: ("unauthenticated", 401),
}
CONNECT_END = 0x02
CONNECT_CODES = {name: code for code, (name, _) in CODES.items()}


@dataclass(frozen=True)
class Request:
    """A POST request."""

    path: str
    headers: list[tuple[str, str]]
    body: bytes


class Wire(Protocol):
    """A protocol. Its methods accept a reply with an incomplete body, except `ended`."""

    @property
    def name(self) -> str: ...

    def write(self, call: Call) -> Request: ...

    def messages(self, reply: Reply) -> list[Message]:
        """Return the messages of a stream that have arrived so far."""

    def ended(self, call: Call, reply: Reply) -> Ended: ...


@dataclass(frozen=True)
class GrpcWeb:
    """gRPC-Web, binary or text."""

    name: str
    content_type: str

    def write(self, call: Call) -> Request:
        body = frame(call.request.SerializeToString())
        if self._is_text:
            body = base64.b64encode(body)
        timeout = [("grpc-timeout", f"{call.milliseconds}m")] if call.milliseconds else []
        return Request(call.rpc_path, [("content-type", self.content_type), *timeout, *to_headers(call.metadata)], body)

    def messages(self, reply: Reply) -> list[Message]:
        assert (reply.status, reply.header("content-type")) == (200, self.content_type)
        body = from_text(reply.body[: len(reply.body) // 4 * 4]) if self._is_text else reply.body
        return [echo.note_class().FromString(data) for flags, data in whole_frames(body) if flags == 0]

    def ended(self, call: Call, reply: Reply) -> Ended:
        messages = self.messages(reply)
        *frames, (flags, payload) = split_frames(from_text(reply.body) if self._is_text else reply.body)
        assert flags == TRAILER, "the last frame is the trailer"
        assert len(frames) == len(messages), "only the last frame is a trailer"
        status = parse_status(parse_trailers(payload))
        if not call.method.server_streaming:
            assert len(messages) == (status.code == 0), "one message comes with OK, none with anything else"
        lines = payload.decode("ascii").removesuffix("\r\n").split("\r\n")
        trailing = [(key, value.removeprefix(" ")) for key, _, value in (line.partition(":") for line in lines)]
        own = {"grpc-status", "grpc-message", "grpc-status-details-bin"}
        trailing = [(key, value) for key, value in trailing if key not in own]
        return Ended(status, messages, initial_of(reply), to_pairs(trailing))

    @property
    def _is_text(self) -> bool:
        return "text" in self.content_type


@dataclass(frozen=True)
class Json:
    """JSON over the google.api.http route; a stream is newline-delimited."""

    name: str = "json"

    def write(self, call: Call) -> Request:
        timeout = [("grpc-timeout", f"{call.milliseconds}m")] if call.milliseconds else []
        headers = [("content-type", "application/json"), *timeout, *to_headers(call.metadata)]
        return Request(call.json_path, headers, json_format.MessageToJson(call.request).encode())

    def messages(self, reply: Reply) -> list[Message]:
        return [
            json_format.ParseDict(document, echo.note_class()())
            for document in (_compact(line) for line in reply.body.splitlines(keepends=True) if line.endswith(b"\n"))
            if list(document) != ["error"]
        ]

    def ended(self, call: Call, reply: Reply) -> Ended:
        initial, trailing = split_trailers(reply, "grpc-trailer-")
        if reply.status != 200:
            assert reply.header("content-type") == "application/json"
            return Ended(read_status(reply), [], initial, trailing)
        if not call.method.server_streaming:
            assert reply.header("content-type") == "application/json"
            return Ended(status_pb2.Status(), [_from_json(reply.body)], initial, trailing)
        assert reply.header("content-type") == "application/x-ndjson"
        assert reply.body.endswith(b"\n") or not reply.body
        messages, lines = self.messages(reply), reply.body.splitlines()
        status = status_pb2.Status()
        if len(lines) > len(messages):
            assert len(lines) == len(messages) + 1, "there is one error, and it is the last line"
            status = _read_error(_compact(lines[-1])["error"])
        return Ended(status, messages, initial, trailing)


@dataclass(frozen=True)
class Connect:
    """Connect: a unary call has a plain body, a stream of responses has envelopes."""

    name: str
    codec: str
    with_version: bool = True
    """Whether the call identifies itself as Connect. Its response is the same in either case."""

    def write(self, call: Call) -> Request:
        body = json_format.MessageToJson(call.request).encode() if self._is_json else call.request.SerializeToString()
        if call.method.server_streaming:
            body = frame(body)
        headers = [("content-type", self._content_type(call.method))]
        headers += [("connect-protocol-version", "1")] * self.with_version
        headers += [("connect-timeout-ms", call.milliseconds)] if call.milliseconds else []
        return Request(call.rpc_path, [*headers, *to_headers(call.metadata)], body)

    def messages(self, reply: Reply) -> list[Message]:
        return [self._read(data) for flags, data in whole_frames(reply.body) if flags == 0]

    def ended(self, call: Call, reply: Reply) -> Ended:
        if call.method.server_streaming:
            return self._stream_ended(call, reply)
        initial, trailing = split_trailers(reply, "trailer-")
        if reply.status == 200:
            assert reply.header("content-type") == self._content_type(call.method)
            return Ended(status_pb2.Status(), [self._read(reply.body)], initial, trailing)
        assert reply.header("content-type") == "application/json"
        status = read_connect_error(_compact(reply.body))
        # Over HTTP, an RPC that is not served is a path that does not exist.
        assert reply.status == (404 if status.message == "Method not found!" else CODES[status.code][1])
        return Ended(status, [], initial, trailing)

    def _stream_ended(self, call: Call, reply: Reply) -> Ended:
        assert (reply.status, reply.header("content-type")) == (200, self._content_type(call.method))
        *frames, (flags, payload) = split_frames(reply.body)
        assert flags == CONNECT_END, "the last envelope is the end"
        messages = self.messages(reply)
        assert len(frames) == len(messages), "only the last envelope is the end"
        end = _compact(payload)
        assert set(end) <= {"error", "metadata"}
        status = read_connect_error(end["error"]) if "error" in end else status_pb2.Status()
        trailing = [(key, value) for key, values in end.get("metadata", {}).items() for value in values]
        return Ended(status, messages, initial_of(reply), to_pairs(trailing))

    def _read(self, data: bytes) -> Message:
        return _from_json(data) if self._is_json else echo.note_class().FromString(data)

    def _content_type(self, method: MethodDescriptor) -> str:
        return f"application/connect+{self.codec}" if method.server_streaming else f"application/{self.codec}"

    @property
    def _is_json(self) -> bool:
        return self.codec == "json"


WIRES: dict[str, Wire] = {
    wire.name: wire
    for wire in (
        GrpcWeb("grpc-web", "application/grpc-web+proto"),
        GrpcWeb("grpc-web-text", "application/grpc-web-text+proto"),
        Json(),
        Connect("connect-json", "json"),
        Connect("connect-proto", "proto"),
        Connect("plain-json", "json", with_version=False),
    )
}
# Plain JSON without Connect headers has no form for a stream of responses.
STREAMING_WIRES = tuple(name for name in WIRES if name != "plain-json")


def whole_frames(body: bytes) -> list[tuple[int, bytes]]:
    """Return the complete frames, or envelopes, of a body, the last of which may not have arrived completely."""
    end = 0
    while len(body) >= end + 5 and len(body) >= (behind := end + 5 + int.from_bytes(body[end + 1 : end + 5])):
        end = behind
    return split_frames(body[:end])


def read_status(reply: Reply) -> status_pb2.Status:
    """Return the google.rpc.Status of a JSON error, and check its form."""
    status = _read_error(_compact(reply.body))
    assert reply.status == CODES[status.code][1]
    return status


def read_connect_error(error: dict[str, Any]) -> status_pb2.Status:
    """Return the status of an error in Connect's form, and check that form."""
    assert set(error) <= {"code", "message", "details"}
    status = status_pb2.Status(code=CONNECT_CODES[error["code"]], message=error.get("message", ""))
    for detail in error.get("details", []):
        assert set(detail) <= {"type", "value", "debug"}
        status.details.add(type_url=f"type.googleapis.com/{detail['type']}", value=from_base64(detail["value"]))
        if "debug" in detail:
            debug = json_format.ParseDict({"@type": status.details[-1].type_url, **detail["debug"]}, any_pb2.Any())
            assert debug == status.details[-1]
    return status


def _compact(body: bytes) -> dict[str, Any]:
    """Return a JSON object, which must be written without spaces."""
    document = orjson.loads(body)
    assert isinstance(document, dict)
    assert json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() == body.removesuffix(b"\n")
    return document


def _from_json(body: bytes) -> Message:
    return json_format.ParseDict(_compact(body), echo.note_class()())


def _read_error(error: dict[str, Any]) -> status_pb2.Status:
    assert list(error) == ["code", "message", "details"]
    return json_format.ParseDict(error, status_pb2.Status())
