"""A call in the form that each protocol sends it in, and how a good answer is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat

from bench.http2 import grpc_load
from bench.load import Load, Template, http_load
from bench.requests import JSON_TYPE, NUMBER, SERVICE, WEB_TYPE, frame
from bench.subjects import Server, post

PROTO_TYPE = {"content-type": "application/proto"}
"""Of Connect."""
GET, LIST_SERVICES = (f"/{SERVICE.full_name}/{name}" for name in ("GetTargetByID", "ListExecutionServices"))


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked; who asks comes with the headers."""

    method: str
    """`/package.Service/Method`."""
    verb: str
    path: str
    json: bytes
    """The body that goes to the path, without what stands in the path."""
    protobuf: bytes
    sign: bytes
    """Stands in every good answer, over any protocol, and in no other."""
    is_numbered: bool = False
    """Whether NUMBER stands in it, to be another in each request."""

    def request(self, protocol: str, headers: Mapping[str, str]) -> bytes:
        """As it goes over HTTP/1.1."""
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
        """Some of these calls at a time."""
        if protocol == "grpc":
            messages = self._endless(self.protobuf)
            return grpc_load(server.grpc_port, self.method, headers, messages, self.is_good_message, in_flight)
        requests = self._endless(self.request(protocol, headers))
        return http_load(server.http_port, requests, self.is_good_http, in_flight)

    def _endless(self, request: bytes) -> Callable[[], bytes]:
        return Template.split(request, NUMBER).next if self.is_numbered else repeat(request).__next__
