"""The bodies of transcoded calls: JSON of a message or of one field, or the bytes of a google.api.HttpBody.

The kinds of a route's bodies are decided once, when the route is added.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
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


class RequestBody(Protocol):
    """The kind of a route's request bodies."""

    def check(self, request: HttpRequest) -> None:
        """Raise StatusError (415) if the headers say that the body is of another kind."""

    def parse(self, request: HttpRequest, body: bytes, message: Message) -> list[FieldViolation]:
        """Merge the body into the message. Raises StatusError for a malformed one."""


class ResponseBody(Protocol):
    """Encodes the responses of one call."""

    is_json: bool

    def encode(self, message: Message, /) -> bytes:
        """Return a response as bytes."""

    @property
    def content_type(self) -> str:
        """Return the content type; empty if it is not known before a response has been encoded."""


class JsonResponseBody:
    """Proto3 JSON, of the message or of one of its fields. It has no state, so one object serves all calls."""

    is_json = True
    content_type = JSON_TYPE

    def __init__(self, codec: JsonCodec, field: FieldDescriptor | None) -> None:
        self.encode: Callable[[Message], bytes] = (
            codec.encode if field is None else partial(codec.encode_field, field=field)
        )


class RawResponseBody:
    """The bytes of one call's HttpBody. In a stream, the first message decides the content type."""

    is_json = False

    def __init__(self, field: FieldDescriptor | None) -> None:
        self._field = field
        self.content_type = ""

    def encode(self, message: Message) -> bytes:
        """Return the data of a response. Raises ValueError for a content type that no header can carry."""
        body: Any = message if self._field is None else getattr(message, self._field.name)
        if not self.content_type:
            content_type = body.content_type or UNTYPED
            if not _MEDIA_TYPE.fullmatch(content_type):
                raise ValueError("the content type of a google.api.HttpBody is not printable ASCII")
            self.content_type = content_type
        return cast("bytes", body.data)


def response_bodies(route: Route, codec: JsonCodec) -> Callable[[], ResponseBody]:
    """Return what makes the response body of each call of a route."""
    field = route.response_body
    if is_http_body(route.method.output_type if field is None else field):
        return lambda: RawResponseBody(field)
    body = JsonResponseBody(codec, field)
    return lambda: body


def request_body(route: Route, codec: JsonCodec) -> RequestBody:
    """Return the kind of a route's request bodies."""
    field = route.body
    if route.rule.body != WHOLE_MESSAGE and field is None:
        return _NoBody()
    if is_http_body(route.method.input_type if field is None else field):
        return _RawBody(field)
    return _JsonBody(codec, field)


def is_http_body(what: Descriptor | FieldDescriptor) -> bool:
    """Return whether a message, or that of a singular field, is a google.api.HttpBody."""
    if isinstance(what, FieldDescriptor):
        if what.is_repeated or what.message_type is None:
            return False
        what = what.message_type
    return bool(what.full_name == HTTP_BODY)


class _NoBody:
    """No body: the rule has no body clause."""

    def check(self, request: HttpRequest) -> None:
        """Accept every content type: there is no body that could be of it."""

    def parse(self, _request: HttpRequest, body: bytes, _message: Message) -> list[FieldViolation]:
        if body:
            raise status_error(code_pb2.INVALID_ARGUMENT, "this method takes no body")
        return []


class _RawBody:
    """A google.api.HttpBody: the message itself, or one of its fields."""

    def __init__(self, field: FieldDescriptor | None) -> None:
        self._field = field

    def check(self, request: HttpRequest) -> None:
        if request.content_encoding() != "identity":
            raise unsupported_media_type("any, without a content encoding")

    def parse(self, request: HttpRequest, body: bytes, message: Message) -> list[FieldViolation]:
        into: Any = message if self._field is None else getattr(message, self._field.name)
        into.data = body
        into.content_type = request.content_type.encode("ascii", "replace").decode("ascii").strip()
        return []


class _JsonBody:
    """Proto3 JSON: of the message itself, or of one of its fields."""

    def __init__(self, codec: JsonCodec, field: FieldDescriptor | None) -> None:
        self._codec = codec
        self._field = field

    def check(self, request: HttpRequest) -> None:
        if not _is_json(request.content_type):
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


@lru_cache(maxsize=64)  # there are few kinds of clients
def _is_json(content_type: str) -> bool:
    essence, charset = parse_media_type(content_type)
    return essence in {"", JSON_TYPE} and charset in {"", *_UTF8}


def is_utf8(request: HttpRequest) -> bool:
    """Return whether the content type names no charset but UTF-8."""
    return request.media_type().charset in {"", *_UTF8}
