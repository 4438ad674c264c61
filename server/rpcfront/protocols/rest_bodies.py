"""The bodies of transcoded calls: JSON, whole or of one field, and google.api.HttpBody, whose bytes pass as they are.

What a route's bodies are is decided once, when it is added.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, cast

from google.api import httpbody_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2

from rpcfront.protocols.http import JSON_TYPE, HttpRequest, parse_media_type, unsupported_media_type
from rpcfront.status import FieldViolation, status_error
from rpcfront.transcoding.annotations import WHOLE_MESSAGE, Route
from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError

HTTP_BODY = httpbody_pb2.HttpBody.DESCRIPTOR.full_name
UNTYPED = "application/octet-stream"
_UTF8 = frozenset({"utf-8", "utf8"})
_MEDIA_TYPE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)


class Body(Protocol):
    """What the bodies of a route's requests are."""

    def check(self, request: HttpRequest) -> None:
        """Raises StatusError (415) for a body that is said to be something else."""

    def parse(self, request: HttpRequest, body: bytes, message: Message) -> list[FieldViolation]:
        """Puts the body into the message. Raises StatusError for what is no such body."""


class Answer(Protocol):
    """How one call's responses are written."""

    content_type: str
    """Known once a response has been encoded, if not before."""
    is_json: bool

    def encode(self, message: Message) -> bytes:
        """A response as bytes."""


class JsonAnswer:
    """Proto3 JSON, of the message or of one field of it. It keeps nothing, so one serves all calls."""

    is_json = True
    content_type = JSON_TYPE

    def __init__(self, codec: JsonCodec, field: FieldDescriptor | None) -> None:
        self._codec = codec
        self._field = field
        if field is None:
            self.encode = codec.encode  # type: ignore[method-assign]  # a call less on the way of most answers

    def encode(self, message: Message) -> bytes:
        """The response, or the field of it that is the body."""
        if self._field is None:
            return self._codec.encode(message)
        return self._codec.encode_field(message, self._field)


class RawAnswer:
    """The bytes of one call's HttpBody. Of a stream, the first message says what they are."""

    is_json = False

    def __init__(self, field: FieldDescriptor | None) -> None:
        self._field = field
        self.content_type = ""

    def encode(self, message: Message) -> bytes:
        """The response's data. Raises ValueError for a content type that no header can hold."""
        body: Any = message if self._field is None else getattr(message, self._field.name)
        if not self.content_type:
            content_type = body.content_type or UNTYPED
            if not _MEDIA_TYPE.fullmatch(content_type):
                raise ValueError("the content type of a google.api.HttpBody is not printable ASCII")
            self.content_type = content_type
        return cast("bytes", body.data)


def answers(route: Route, codec: JsonCodec) -> Callable[[], Answer]:
    """Makes the answer of each call of a route."""
    field = route.response_body
    if is_http_body(route.method.output_type if field is None else field):
        return lambda: RawAnswer(field)
    answer = JsonAnswer(codec, field)
    return lambda: answer


def request_body(route: Route, codec: JsonCodec) -> Body:
    """What the bodies of a route's requests are."""
    field = route.body
    if route.rule.body != WHOLE_MESSAGE and field is None:
        return _NoBody()
    if is_http_body(route.method.input_type if field is None else field):
        return _RawBody(field)
    return _JsonBody(codec, field)


def is_http_body(what: Descriptor | FieldDescriptor) -> bool:
    """Whether a message, or a field that holds one, is a google.api.HttpBody."""
    if isinstance(what, FieldDescriptor):
        if what.is_repeated or what.message_type is None:
            return False
        what = what.message_type
    return bool(what.full_name == HTTP_BODY)


class _NoBody:
    """Of a rule without a body clause."""

    def check(self, request: HttpRequest) -> None:
        """Whatever it calls itself."""

    def parse(self, _request: HttpRequest, body: bytes, _message: Message) -> list[FieldViolation]:
        if body:
            raise status_error(code_pb2.INVALID_ARGUMENT, "this method takes no body")
        return []


class _RawBody:
    """A google.api.HttpBody: the message itself, or a field of it."""

    def __init__(self, field: FieldDescriptor | None) -> None:
        self._field = field

    def check(self, request: HttpRequest) -> None:
        if request.content_encoding() != "identity":
            raise unsupported_media_type("any, without a content encoding")

    def parse(self, request: HttpRequest, body: bytes, message: Message) -> list[FieldViolation]:
        into: Any = message if self._field is None else getattr(message, self._field.name)
        into.data = body
        into.content_type = (request.header("content-type") or "").encode("ascii", "replace").decode("ascii").strip()
        return []


class _JsonBody:
    """Proto3 JSON: the message itself, or a field of it."""

    def __init__(self, codec: JsonCodec, field: FieldDescriptor | None) -> None:
        self._codec = codec
        self._field = field

    def check(self, request: HttpRequest) -> None:
        if not _is_json(request.header("content-type") or ""):
            raise unsupported_media_type(f"{JSON_TYPE}, in UTF-8")
        if request.header("content-encoding") is not None and request.content_encoding() != "identity":
            raise unsupported_media_type(f"{JSON_TYPE}, without a content encoding")

    def parse(self, _request: HttpRequest, body: bytes, message: Message) -> list[FieldViolation]:
        if not body:
            return []
        try:
            if self._field is None:
                return self._codec.decode(body, message)
            return self._codec.decode_field(body, message, self._field)
        except MalformedJsonError as error:
            raise status_error(code_pb2.INVALID_ARGUMENT, str(error)) from None


@lru_cache(maxsize=64)  # clients are of few kinds
def _is_json(content_type: str) -> bool:
    essence, charset = parse_media_type(content_type)
    return essence in {"", JSON_TYPE} and charset in {"", *_UTF8}


def is_utf8(request: HttpRequest) -> bool:
    """Whether the content type names no other charset."""
    return request.media_type().charset in {"", *_UTF8}
