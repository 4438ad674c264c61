"""What a well-formed answer is, over HTTP and over native gRPC. Raises MalformedError, or says what was told."""

import re
from collections.abc import Callable

from google.rpc import status_pb2

from tests.fuzz import due, forms
from tests.fuzz.cases.inputs import GrpcInput, HttpInput
from tests.fuzz.connect_stream import connect_stream
from tests.fuzz.due import CONNECT_STREAM_TYPES, GRPC_WEB_TYPES
from tests.fuzz.grpc_web import grpc_web
from tests.fuzz.readings import METADATA_KEY, PRINTABLE, require, response, unpadded
from tests.fuzz.senders.answers import GrpcAnswer, HttpAnswer, Told
from tests.fuzz.service import ORIGIN, methods

CHECKERS: dict[str, Callable[[HttpInput, HttpAnswer], Told]] = {
    due.CONNECT_STREAM: connect_stream,
    due.CONNECT_ERROR: forms.connect_error,
    due.GRPC_WEB: grpc_web,
    due.JSON: forms.json,
    due.LINES: forms.lines,
    due.NOTHING: forms.nothing,
    due.PAGE: forms.page,
    due.PROBE: forms.probe,
    due.PROTO: forms.proto,
    due.RAW: forms.raw,
}

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PYTHON = re.compile(r"Traceback|object at 0x|\b[A-Z]\w*(?:Error|Exception)\b|<class |NoneType|\.py\b")


def http(request: HttpInput, answer: HttpAnswer) -> Told:
    """Any answer to any request over HTTP."""
    _head(request, answer)
    form = _form(request, answer)
    allowed = due.forms(request)
    require(form in allowed, "the answer's form is not due to this request", form, sorted(allowed), answer)
    told = CHECKERS[form](request, answer)
    require(told.code == 0 or not _PYTHON.search(told.text), "an error's text tells of Python", told.text)
    return told


def _head(request: HttpInput, answer: HttpAnswer) -> None:
    for name, value in answer.headers:
        require(_TOKEN.fullmatch(name), "a header's name is a token", name)
        require(PRINTABLE.fullmatch(value) and value == value.strip(), "a header's value is printable", name, value)
        if name.endswith("-bin"):
            unpadded(value)
    for name in ("content-type", "content-length", "allow", "vary", "access-control-allow-origin", "x-request-id"):
        require(len(answer.values(name)) <= 1, "a header is given once", name, answer.values(name))
    for length in answer.values("content-length"):
        expected = str(len(answer.body))
        require(request.method == "HEAD" or length == expected, "content-length is the body's", length, expected)
    if answer.status == 405 or (answer.status == 204 and request.method == "OPTIONS"):
        allow = "".join(answer.values("allow")).split(", ")
        require(allow == sorted(set(allow)) and "OPTIONS" in allow, "Allow names the methods, sorted", answer)
        require(answer.status == 204 or request.method not in allow, "Allow names others than this", answer)
    require(answer.status != 401 or answer.values("www-authenticate"), "401 names the scheme")
    origins = request.values("origin")
    if len(origins) <= 1:
        granted = answer.values("access-control-allow-origin")
        require(granted == [origin for origin in origins if origin == ORIGIN], "CORS grants what it should", granted)
        require("Origin" in "".join(answer.values("vary")), "Vary names Origin")


def _form(request: HttpInput, answer: HttpAnswer) -> str:
    """What the answer looks like, before it is known to be that."""
    kind = "".join(answer.values("content-type"))
    if answer.status == 204:
        return due.NOTHING
    # A raw body is of any type, another protocol's too.
    found = list(due.routes(request)) if due.rpc(request) is None else []
    if answer.status == 200 and any(route.form == due.RAW for route in found):
        return due.RAW
    if kind in GRPC_WEB_TYPES.values():
        return due.GRPC_WEB
    if kind in CONNECT_STREAM_TYPES:
        return due.CONNECT_STREAM
    if answer.status != 200:
        # Without a body little tells one form from the other.
        without = kind == forms.REFUSAL_TYPE or due.forms(request) == {due.CONNECT_ERROR}
        is_connect = answer.body.startswith(b'{"code":"') if answer.body else without
        return due.CONNECT_ERROR if is_connect else due.PAGE
    if request.path.decode("latin-1") in ("/healthz", "/readyz"):
        return due.PROBE
    return {"application/x-ndjson": due.LINES, "application/proto": due.PROTO, "application/json": due.JSON}.get(
        kind, due.RAW
    )


def native(request: GrpcInput, answer: GrpcAnswer) -> Told:
    """The end of a call over native gRPC, as it is handed to grpcio."""
    details = None
    for key, value in (*answer.initial, *answer.trailing):
        require(METADATA_KEY.fullmatch(key), "a metadata key is in lower case", key)
        require(isinstance(value, bytes) == key.endswith("-bin"), "-bin metadata, and no other, is bytes", key, value)
        require(isinstance(value, bytes) or PRINTABLE.fullmatch(value), "metadata is printable", key, value)
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(bytes(value))  # type: ignore[arg-type]  # bytes, as just seen
            require((status.code, status.message) == (answer.code, answer.text), "the details' status is the call's")
            details = status
    require(0 <= answer.code <= 16, "a call ends with a code from 0 to 16", answer)
    require(answer.code == 0 or not _PYTHON.search(answer.text), "an error's text tells of Python", answer.text)
    method = methods().get(request.path)
    if method is None:
        require(answer.code == 12 and not answer.messages, "a method that nobody knows is unimplemented", answer)
        return Told("grpc", 12)
    require(method.server_streaming or len(answer.messages) == (answer.code == 0), "a unary call has one end", answer)
    messages = tuple(response(method, data) for data in answer.messages)
    return Told("grpc", answer.code, answer.text, messages, details)
