"""A call in the form of each protocol, and the check of its response."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat

from bench.http2 import grpc_load
from bench.load import Load, Template, http_load
from bench.requests import JSON_TYPE, NUMBER, SERVICE, WEB_TYPE, frame
from bench.subjects import Server, post

PROTO_TYPE = {"content-type": "application/proto"}
"""Content type of a unary Connect call."""
GET, LIST_SERVICES = (f"/{SERVICE.full_name}/{name}" for name in ("GetTargetByID", "ListExecutionServices"))


@dataclass(frozen=True, slots=True)
class Call:
    """What is called; the headers say by whom."""

    method: str
    """`/package.Service/Method`."""
    verb: str
    path: str
    json: bytes
    """The JSON body, without the fields that the path contains."""
    protobuf: bytes
    sign: bytes
    """Contained in every good response, over any protocol, and in no other."""
    is_numbered: bool = False
    """Whether the request contains NUMBER, to be replaced by a different number each time."""

    def request(self, protocol: str, headers: Mapping[str, str]) -> bytes:
        """Return the request as it is sent over HTTP/1.1."""
        if protocol == "json":
            return post(self.path, {**JSON_TYPE, **headers} if self.json else headers, self.json, self.verb)
        if protocol == "connect":
            return post(self.method, {**PROTO_TYPE, **headers}, self.protobuf)
        return post(self.method, {**WEB_TYPE, **headers}, frame(0, self.protobuf))

    def is_good_http(self, answer: bytes) -> bool:
        return answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")) and self.sign in answer

    def is_good_message(self, message: bytes) -> bool:
        return self.sign in message

    def load(self, server: Server, protocol: str, headers: Mapping[str, str], in_flight: int) -> Load:
        """Return a load of these calls, `in_flight` at a time."""
        if protocol == "grpc":
            messages = self._endless(self.protobuf)
            return grpc_load(server.grpc_port, self.method, headers, messages, self.is_good_message, in_flight)
        requests = self._endless(self.request(protocol, headers))
        return http_load(server.http_port, requests, self.is_good_http, in_flight)

    def _endless(self, request: bytes) -> Callable[[], bytes]:
        return Template.split(request, NUMBER).next if self.is_numbered else repeat(request).__next__
