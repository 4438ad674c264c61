"""The Connect edge: unary calls of the Connect protocol, JSON and protobuf, on the paths of the RPCs.

The rules are those of the Connect protocol's specification ("Unary-Request", "Unary-Response", "Error Codes"). A
request without `connect-protocol-version` is answered all the same, its errors in google.rpc.Status JSON: that is what
plain curl sends, and it need not know of Connect.
"""

from contextlib import suppress

import orjson
from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, status_pb2

from server.gateway.bodies import is_utf8
from server.gateway.compression import GZIP, NotGzipError, gunzip
from server.gateway.dispatch import Dispatcher, Outcome
from server.gateway.error_pages import ErrorPages
from server.gateway.http import JSON_TYPE, HttpContext, HttpRequest, HttpResponse, unsupported_media_type
from server.gateway.metadata import to_base64, to_headers
from server.gateway.methods import Method
from server.gateway.protobuf import UNKNOWN_METHOD, decode_protobuf, encode_protobuf
from server.gateway.status import HTTP_STATUS, FieldViolation, make_status, refusal
from server.gateway.transcoding.codec import Codec, MalformedJsonError
from server.gateway.transcoding.wellknown import find_type

PROTO_TYPE = "application/proto"
CONTENT_TYPES = f"{JSON_TYPE} or {PROTO_TYPE}"
TRAILER_PREFIX = "trailer-"

# What curl says of a body without being asked. A page may send it without leave, so a browser's is not taken.
_CURLS_DEFAULT = "application/x-www-form-urlencoded"

_VERSION = "connect-protocol-version"
_TYPE_PREFIX = "type.googleapis.com/"

# The names of the codes are those of google.rpc.Code in lower case, but for one.
_NAMES = {number: name.lower() for name, number in code_pb2.Code.items()} | {code_pb2.CANCELLED: "canceled"}

NO_STREAMS = make_status(code_pb2.UNIMPLEMENTED, "a method with a stream of responses is not served over Connect")


def is_connect(request: HttpRequest) -> bool:
    """Whether a request on the path of an RPC is Connect's, or plain enough to be read as such."""
    essence = request.media_type().essence
    if essence == _CURLS_DEFAULT:
        return request.header("origin") is None
    return essence in {"", JSON_TYPE, PROTO_TYPE}


def speaks_connect(request: HttpRequest) -> bool:
    """Whether the client reads errors in Connect's form."""
    return request.header(_VERSION) is not None and is_connect(request)


class ConnectEdge:
    """Serves unary calls over Connect."""

    def __init__(self, dispatcher: Dispatcher, codec: Codec, pages: ErrorPages, message_limit: int) -> None:
        self._dispatcher = dispatcher
        self._codec = codec
        self._pages = pages
        self._limit = message_limit

    async def handle(self, request: HttpRequest, method: Method | None) -> HttpResponse:
        """One call."""
        context = HttpContext(request)
        if method is None or method.is_streaming:
            return self._respond(request, context, Outcome(status=UNKNOWN_METHOD if method is None else NO_STREAMS))
        is_proto = request.media_type().essence == PROTO_TYPE

        async def decode() -> tuple[Message, list[FieldViolation]]:
            _check_head(request)
            body = await self._read(request)
            if is_proto:
                return decode_protobuf(method, body)
            message = method.request_class()
            try:
                return message, self._codec.decode(body, message)
            except MalformedJsonError as error:
                raise refusal(code_pb2.INVALID_ARGUMENT, str(error)) from None

        encode = encode_protobuf if is_proto else self._codec.encode
        return self._respond(request, context, await self._dispatcher.unary(method, context, decode, encode))

    async def _read(self, request: HttpRequest) -> bytes:
        body = await request.read(self._limit, 0)
        if not body or request.content_encoding() != GZIP:
            return body
        try:
            return gunzip(body, self._limit)
        except NotGzipError:
            raise refusal(code_pb2.INVALID_ARGUMENT, "the body does not decompress") from None

    def _respond(self, request: HttpRequest, context: HttpContext, outcome: Outcome) -> HttpResponse:
        status = outcome.status
        if status is None:
            content_type = PROTO_TYPE if request.media_type().essence == PROTO_TYPE else JSON_TYPE
            response = HttpResponse(200, [("content-type", content_type)], outcome.body)
        else:
            response = self._pages.response(outcome)
            if speaks_connect(request):
                # A path that nobody serves is a 404 whatever the protocol; its code is that of an unknown method.
                response.status = 404 if status is UNKNOWN_METHOD else HTTP_STATUS[status.code]
                response.body = self._error(status)
            if status.code == code_pb2.UNIMPLEMENTED:
                response.headers.append(("accept-encoding", GZIP))
        response.headers += to_headers(context.initial_metadata())
        response.headers += to_headers(context.trailers(), TRAILER_PREFIX)
        return response

    def _error(self, status: status_pb2.Status) -> bytes:
        error: dict[str, object] = {"code": _NAMES[status.code], "message": status.message}
        if status.details:
            error["details"] = [self._detail(detail) for detail in status.details]
        return orjson.dumps(error)

    def _detail(self, detail: any_pb2.Any) -> dict[str, object]:
        """A detail's type and bytes, and where its type is known its JSON, for those who debug."""
        entry: dict[str, object] = {
            "type": detail.type_url.removeprefix(_TYPE_PREFIX),
            "value": to_base64(detail.value),
        }
        descriptor = find_type(descriptor_pool.Default(), detail.type_url)
        if descriptor is not None:
            # Whether the bytes are of the type that they claim is the servicer's business, and not worth an error.
            with suppress(DecodeError, ValueError):
                message = GetMessageClass(descriptor).FromString(detail.value)
                entry["debug"] = orjson.Fragment(self._codec.encode(message))
        return entry


def _check_head(request: HttpRequest) -> None:
    """Raises StatusError for what the headers say of a body that cannot be read."""
    if request.header(_VERSION) not in {None, "1"}:
        raise refusal(code_pb2.INVALID_ARGUMENT, f"{_VERSION} must be 1")
    if not is_utf8(request):
        raise unsupported_media_type(f"{CONTENT_TYPES}, in UTF-8")
    if request.content_encoding() not in {"identity", GZIP}:
        raise refusal(code_pb2.UNIMPLEMENTED, f"content-encoding must be identity or {GZIP}")
