"""Connect for unary calls, in JSON and protobuf, on the paths of the RPCs.

The rules are those of the Connect specification ("Unary-Request", "Unary-Response", "Error Codes"). A request without
`connect-protocol-version` is the same call: plain curl sends none, nor do some clients that read Connect's errors.
"""

from collections.abc import Awaitable
from dataclasses import dataclass

from google.protobuf.message import Message
from google.rpc import code_pb2

from rpcfront.calls.dispatch import Dispatcher, Outcome, Parsed
from rpcfront.calls.methods import Method
from rpcfront.calls.protobuf import UNKNOWN_METHOD, decode_protobuf, encode_protobuf
from rpcfront.metadata import CONNECT_TRAILER_PREFIX, to_headers
from rpcfront.protocols.compression import GZIP, DecompressionError, gunzip
from rpcfront.protocols.connect_errors import ConnectErrors
from rpcfront.protocols.frames import UNKNOWN_ENCODING
from rpcfront.protocols.http import JSON_TYPE, HttpContext, HttpRequest, HttpResponse, unsupported_media_type
from rpcfront.protocols.rest_bodies import is_utf8
from rpcfront.status import StatusError, make_status, status_error
from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError

PROTO_TYPE = "application/proto"
CONTENT_TYPES = f"{JSON_TYPE} or {PROTO_TYPE}"
STREAM_CONTENT_TYPES = "application/connect+json or application/connect+proto"

# curl's default for a body. A page of any origin may send it without a preflight, so it is not accepted from browsers.
_CURLS_DEFAULT = "application/x-www-form-urlencoded"

VERSION = "connect-protocol-version"
ALLOW_HEADERS = (VERSION, "connect-timeout-ms")

A_STREAM = make_status(code_pb2.UNIMPLEMENTED, f"a method with a stream is called with {STREAM_CONTENT_TYPES}")


def _is_connect(request: HttpRequest) -> bool:
    """Return whether a request on the path of an RPC is Connect's, or can be read as such."""
    essence = request.media_type().essence
    if essence == _CURLS_DEFAULT:
        return request.header("origin") is None
    return essence in {"", JSON_TYPE, PROTO_TYPE}


class ConnectEdge:
    """Serves unary calls over Connect."""

    allow_headers: tuple[str, ...] = ALLOW_HEADERS
    expose_headers: tuple[str, ...] = ()

    def __init__(self, dispatcher: Dispatcher, codec: JsonCodec, errors: ConnectErrors, message_limit: int) -> None:
        self._dispatcher = dispatcher
        self._codec = codec
        self._errors = errors
        self._limit = message_limit

    def claims(self, request: HttpRequest, method: Method | None) -> bool:
        """Return whether the content type is one of Connect's for unary calls, or none.

        On a path that names no method, only the version shows that the client reads errors in Connect's form.
        """
        if method is None and (request.method != "POST" or request.header(VERSION) is None):
            return False
        return _is_connect(request)

    async def handle(self, request: HttpRequest, method: Method | None) -> HttpResponse:
        """Run one call."""
        context = HttpContext(request, "connect")
        if method is None or method.streams_requests or method.streams_responses:
            status = UNKNOWN_METHOD if method is None else A_STREAM
            self._dispatcher.refused(status.code, HttpContext(request, "http"))
            return self._errors.response(Outcome(status=status))
        make_wire = _ProtoWire if request.media_type().essence == PROTO_TYPE else _JsonWire
        wire = make_wire(request, method, self._codec, self._limit + method.extra_bytes)
        return self._respond(request, context, await self._dispatcher.unary(method, context, wire))

    def _respond(self, request: HttpRequest, context: HttpContext, outcome: Outcome) -> HttpResponse:
        if outcome.status is None:
            content_type = PROTO_TYPE if request.media_type().essence == PROTO_TYPE else JSON_TYPE
            response = HttpResponse(200, [("content-type", content_type)], outcome.body)
        else:
            response = self._errors.response(outcome)
            if outcome.status is UNKNOWN_ENCODING:
                response.headers.append(("accept-encoding", GZIP))
        response.headers += to_headers(context.initial_metadata())
        response.headers += to_headers(context.trailers(), CONNECT_TRAILER_PREFIX)
        return response


@dataclass(slots=True, eq=False)
class _JsonWire:
    """The bodies of one call, in JSON."""

    request: HttpRequest
    method: Method
    codec: JsonCodec
    limit: int
    offloads_encoding = True

    def room(self) -> Awaitable[None] | None:
        return self.request.room()

    def whole(self) -> bytes | None:
        _check_head(self.request)
        return self.request.whole(self.limit, 0)

    def read(self) -> Awaitable[bytes]:
        return self.request.read(self.limit, 0)

    def receive(self) -> Awaitable[bytes | None]:
        raise NotImplementedError  # see A_STREAM

    def parse(self, body: bytes) -> Parsed:
        return decode_json(self.method, self.codec, self._decompressed(body))

    def encode(self, message: Message, /) -> bytes:
        return self.codec.encode(message)

    def _decompressed(self, body: bytes) -> bytes:
        if not body or self.request.content_encoding() != GZIP:
            return body
        try:
            return gunzip(body, self.limit)
        except DecompressionError:
            raise status_error(code_pb2.INVALID_ARGUMENT, "the body does not decompress") from None


class _ProtoWire(_JsonWire):
    """The bodies of one call, in protobuf."""

    __slots__ = ()
    offloads_encoding = False

    def parse(self, body: bytes) -> Parsed:
        return decode_protobuf(self.method, self._decompressed(body))

    def encode(self, message: Message, /) -> bytes:
        return encode_protobuf(message)


def decode_json(method: Method, codec: JsonCodec, body: bytes) -> Parsed:
    """Return a request from its JSON. Raises StatusError (INVALID_ARGUMENT) for what is no JSON object."""
    message = method.request_class()
    try:
        return message, codec.decode(body, message)
    except MalformedJsonError as error:
        raise status_error(code_pb2.INVALID_ARGUMENT, str(error)) from None


def check_version(request: HttpRequest) -> None:
    """Raise StatusError for an unknown version of the protocol."""
    if request.header(VERSION) not in {None, "1"}:
        raise status_error(code_pb2.INVALID_ARGUMENT, f"{VERSION} must be 1")


def _check_head(request: HttpRequest) -> None:
    """Raise StatusError if the headers show that the body cannot be read."""
    check_version(request)
    if not is_utf8(request):
        raise unsupported_media_type(f"{CONTENT_TYPES}, in UTF-8")
    if request.content_encoding() not in {"identity", GZIP}:
        raise StatusError(UNKNOWN_ENCODING)
