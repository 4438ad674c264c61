"""Which forms of answer a request may have: the rules that say which protocol a request speaks, told a second time.

Kept apart from the gateway's own code on purpose. Where a request is ambiguous (a content type given twice, an RPC path
with escapes), every form is allowed that one reading of it would lead to.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from google.protobuf.descriptor import MethodDescriptor

from rpcfront.transcoding.annotations import http_rules
from tests.fuzz.cases.inputs import HttpInput, Quirk
from tests.fuzz.service import PROBES, methods

GRPC_WEB, PAGE, CONNECT_ERROR, JSON, LINES, RAW, PROTO, NOTHING, PROBE, CONNECT_STREAM = (
    "grpc-web",
    "status page",
    "connect error",
    "json",
    "json lines",
    "raw body",
    "proto",
    "no content",
    "probe",
    "connect stream",
)
EVERY = frozenset({GRPC_WEB, PAGE, CONNECT_ERROR, JSON, LINES, RAW, PROTO, NOTHING, PROBE, CONNECT_STREAM})

GRPC_WEB_TYPES = {
    "application/grpc-web": "application/grpc-web+proto",
    "application/grpc-web+proto": "application/grpc-web+proto",
    "application/grpc-web-text": "application/grpc-web-text+proto",
    "application/grpc-web-text+proto": "application/grpc-web-text+proto",
}
# What curl says of a body by itself; a page in a browser may say it too, without leave.
_FORM = "application/x-www-form-urlencoded"
CONNECT_TYPES = {"": JSON, "application/json": JSON, _FORM: JSON, "application/proto": PROTO}
CONNECT_STREAM_TYPES = frozenset({"application/connect+json", "application/connect+proto"})
HTTP_BODY = "google.api.HttpBody"


class Route(NamedTuple):
    """One binding of a method's annotation."""

    http_method: str
    path: re.Pattern[str]
    method: MethodDescriptor
    response_body: str

    @property
    def form(self) -> str:
        """What its answers are, when all goes well."""
        output = self.method.output_type
        body = output.fields_by_name[self.response_body].message_type if self.response_body else output
        if body is not None and body.full_name == HTTP_BODY:
            return RAW
        return LINES if self.method.server_streaming else JSON


_WILDCARD = re.compile(r"\{[^}=]*(?:=([^}]*))?\}|\*\*|\*")
_SLASH = "\x01"
"""Stands for an encoded slash, which separates no segments."""


def _pattern(template: str) -> str:
    def expand(match: re.Match[str]) -> str:
        if match[1] is not None:
            return _pattern(match[1])
        return ".*" if match[0] == "**" else "[^/]+"

    literals = _WILDCARD.split(template)[::2]
    wildcards = [expand(match) for match in _WILDCARD.finditer(template)] + [""]
    return "".join(re.escape(literal) + wildcard for literal, wildcard in zip(literals, wildcards, strict=True))


@cache
def _routes() -> tuple[Route, ...]:
    return tuple(
        Route(rule.http_method, re.compile(_pattern(rule.template), re.DOTALL), method, rule.response_body)
        for method in methods().values()
        for rule in http_rules(method)
    )


def routes(request: HttpInput) -> Iterator[Route]:
    """Those that may answer the request, whose path the gateway decodes, or its server where that may be."""
    path = request.path.decode("latin-1")
    readings = {"/".join(unquote(segment).replace("/", _SLASH) for segment in path.split("/"))}
    if request.has(Quirk.NO_RAW_PATH):
        readings.add(unquote(path))
    verbs = {request.method, "*"} | ({"GET"} if request.method == "HEAD" else set())
    return (route for route in _routes() if route.http_method in verbs and any(map(route.path.fullmatch, readings)))


def essence(content_type: str) -> str:
    """`type/subtype`, in lower case and without parameters."""
    return content_type.partition(";")[0].strip(" \t").lower()


def rpc(request: HttpInput) -> MethodDescriptor | None:
    """The method whose path is the request's as it was sent, or decoded if its server may have done that."""
    path = request.path.decode("latin-1")
    return methods().get(unquote(path) if request.has(Quirk.NO_RAW_PATH) else path)


def is_stream(method: MethodDescriptor) -> bool:
    """Whether its requests or its responses are a stream."""
    return bool(method.client_streaming or method.server_streaming)


def forms(request: HttpInput) -> frozenset[str]:
    """The forms that the answer may have."""
    kinds = {essence(value) for value in request.values("content-type")} or {""}
    escaped = b"%" in request.path and rpc(request) is not None
    if escaped or len(request.values("content-type")) > 1:
        return EVERY
    kind = kinds.pop()
    if request.method == "OPTIONS":
        return frozenset({NOTHING, PAGE})
    method = rpc(request)
    if method is not None:
        return _rpc_forms(request, kind, method)
    allowed = {PAGE}
    if request.path.decode("latin-1") in PROBES:
        allowed.add(PROBE)
    for route in routes(request):
        allowed.add(route.form)
    if request.method == "POST":
        # An unknown RPC is told so in its own protocol, if the request says which.
        if kind in GRPC_WEB_TYPES:
            allowed.add(GRPC_WEB)
        elif request.values("connect-protocol-version"):
            allowed.add(CONNECT_ERROR)
    return frozenset(allowed)


def _rpc_forms(request: HttpInput, kind: str, method: MethodDescriptor) -> frozenset[str]:
    # On the path of an RPC, JSON speaks Connect, whatever the request says of itself.
    if request.method != "POST":
        return frozenset({CONNECT_ERROR})
    if kind in GRPC_WEB_TYPES:
        return frozenset({GRPC_WEB})
    if kind in CONNECT_STREAM_TYPES and is_stream(method):
        return frozenset({CONNECT_STREAM})
    if kind not in CONNECT_TYPES or (kind == _FORM and request.values("origin")):
        return frozenset({CONNECT_ERROR})
    return frozenset({CONNECT_TYPES[kind], CONNECT_ERROR})
