"""The four protocols: how each writes a call of the services and how it reads the answer. No sockets.

Written from the specifications and from nothing of the server's; what is not well-formed fails the test that asked.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from actiond_protos.actiond.v1 import delivery_service_pb2, execution_service_pb2
from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2_pb2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as v2beta_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.api import annotations_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from tests.support.clients.http import Reply
from tests.support.wire.calls import Call, to_headers
from tests.support.wire.grpc_web import frame, parse_answer, parse_trailers, split_frames
from tests.support.wire.protocols import read_connect_error, read_status

SERVICE = "zitadel.action.v3alpha.ActionService"
_METHODS: Mapping[str, MethodDescriptor] = {
    method.input_type.full_name: method
    for service in (
        action_service_pb2.DESCRIPTOR.services_by_name["ActionService"],
        v2_pb2.DESCRIPTOR.services_by_name["ActionService"],
        v2beta_pb2.DESCRIPTOR.services_by_name["ActionService"],
        delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"],
        execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"],
    )
    for method in service.methods
}
_VARIABLE = re.compile(r"{(\w+)}")

NATIVE = "grpc"
DETAILS: tuple[type[Message], ...] = (
    error_detail_pb2.ErrorDetail,
    error_details_pb2.BadRequest,
    error_details_pb2.ErrorInfo,
    error_details_pb2.Help,
)
"""What a status may carry. JSON prints a detail by its type, which must be known for that."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended, in one form for every protocol."""

    status: status_pb2.Status
    response: Any
    """None when the call failed."""
    trailing: Mapping[str, str | bytes]
    raw: bytes
    """All that came, as it came, and the status once more without its base64."""

    @property
    def code(self) -> int:
        return int(self.status.code)

    @property
    def end(self) -> tuple[int, str]:
        """Code and message."""
        return self.code, str(self.status.message)

    def detail(self, kind: type[M]) -> M:
        """The one detail of this type that an error has."""
        assert kind in DETAILS
        (packed,) = [detail for detail in self.status.details if detail.Is(kind.DESCRIPTOR)]
        return kind.FromString(packed.value)


@dataclass(frozen=True, slots=True)
class Request:
    """One request of HTTP's."""

    verb: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


def method_of(request: Message) -> MethodDescriptor:
    """The method that takes such a message."""
    return _METHODS[request.DESCRIPTOR.full_name]


def response_class(method: MethodDescriptor) -> type[Message]:
    return message_factory.GetMessageClass(method.output_type)


@dataclass(frozen=True, slots=True)
class Http:
    """A protocol that travels in HTTP/1.1."""

    write: Callable[[Call], Request]
    read: Callable[[Call, Reply], Answer]


def _write_grpc_web(call: Call) -> Request:
    headers = [("content-type", "application/grpc-web+proto"), ("accept", "*/*"), *_timeout(call), *_metadata(call)]
    return Request("POST", call.rpc_path, headers, frame(call.request.SerializeToString()))


def _read_grpc_web(call: Call, reply: Reply) -> Answer:
    assert (reply.status, reply.header("content-type")) == (200, "application/grpc-web+proto")
    answer = parse_answer(reply.body)
    trailers = parse_trailers(split_frames(reply.body)[-1][1])
    response = None if answer.message is None else response_class(call.method).FromString(answer.message)
    return Answer(answer.status, response, trailers, _raw(reply, answer.status))


def _write_connect(call: Call) -> Request:
    headers = [("content-type", "application/json"), ("connect-protocol-version", "1"), *_metadata(call)]
    if call.milliseconds is not None:
        headers.append(("connect-timeout-ms", call.milliseconds))
    return Request("POST", call.rpc_path, headers, json_format.MessageToJson(call.request).encode())


def _read_connect(call: Call, reply: Reply) -> Answer:
    assert reply.header("content-type") == "application/json"
    document = json.loads(reply.body)
    status = status_pb2.Status() if reply.status == 200 else read_connect_error(document)
    return _json_answer(call, reply, status, document, "trailer-")


def _write_json(call: Call) -> Request:
    rule = call.method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    path = _VARIABLE.sub(lambda variable: quote(getattr(call.request, variable[1]), safe=""), getattr(rule, verb))
    headers = [*_timeout(call), *_metadata(call)]
    if not rule.body:
        return Request(verb.upper(), path, headers, b"")
    headers.append(("content-type", "application/json"))
    return Request(verb.upper(), path, headers, json_format.MessageToJson(call.request).encode())


def _read_json(call: Call, reply: Reply) -> Answer:
    assert reply.header("content-type") == "application/json"
    status = status_pb2.Status() if reply.status < 300 else read_status(reply)
    return _json_answer(call, reply, status, json.loads(reply.body), "grpc-trailer-")


HTTP: Mapping[str, Http] = {
    "grpc-web": Http(_write_grpc_web, _read_grpc_web),
    "connect": Http(_write_connect, _read_connect),
    "json": Http(_write_json, _read_json),
}
PROTOCOLS = (NATIVE, *HTTP)


def _json_answer(call: Call, reply: Reply, status: status_pb2.Status, document: Any, prefix: str) -> Answer:
    response = None if status.code else json_format.ParseDict(document, response_class(call.method)())
    trailing = {name.removeprefix(prefix): value for name, value in reply.headers if name.startswith(prefix)}
    return Answer(status, response, trailing, _raw(reply, status))


def _timeout(call: Call) -> list[tuple[str, str]]:
    return [] if call.milliseconds is None else [("grpc-timeout", f"{call.milliseconds}m")]


def _metadata(call: Call) -> list[tuple[str, str]]:
    return to_headers(call.metadata)


def _raw(reply: Reply, status: status_pb2.Status) -> bytes:
    return b"%r %b %b" % (reply.headers, reply.body, status.SerializeToString())
