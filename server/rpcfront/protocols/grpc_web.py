"""gRPC-Web. Responses are HTTP 200 whatever the status: clients do not read it on any other."""

import re
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache

from google.rpc import code_pb2

from rpcfront.calls.dispatch import Dispatcher, Outcome, Parsed
from rpcfront.calls.methods import Method
from rpcfront.calls.protobuf import UNKNOWN_METHOD, decode_protobuf, encode_protobuf
from rpcfront.metadata import DETAILS_KEY, to_headers
from rpcfront.protocols.frames import ENCODINGS, UNKNOWN_ENCODING, decode_text, framing, read_message
from rpcfront.protocols.http import Headers, HttpContext, HttpRequest, HttpResponse, parse_media_type
from rpcfront.protocols.http_streams import HttpStream
from rpcfront.protocols.sonora_adapter import BINARY, TEXT, Frames, frame
from rpcfront.status import make_status

_NOT_ACCEPTABLE = re.compile(r";[ \t]*q=0(?:\.0{0,3})?[ \t]*(?:;|$)", re.IGNORECASE)  # RFC 9110, 12.4.2
# The content types that clients may name. A response always has one of the two, without parameters, since some clients
# compare the whole string.
_TYPES = {"application/grpc-web": BINARY, BINARY: BINARY, "application/grpc-web-text": TEXT, TEXT: TEXT}


NO_REQUEST_STREAMS = make_status(
    code_pb2.UNIMPLEMENTED, "gRPC-Web has no streams of requests: call the method over gRPC or Connect"
)


class GrpcWebEdge:
    """Serves calls over gRPC-Web, binary and text."""

    allow_headers: tuple[str, ...] = ("grpc-timeout", "x-grpc-web", "x-user-agent")
    expose_headers: tuple[str, ...] = ("grpc-status", "grpc-message", DETAILS_KEY)

    def __init__(self, dispatcher: Dispatcher, message_limit: int) -> None:
        self._dispatcher = dispatcher
        self._limit = message_limit

    def claims(self, request: HttpRequest, method: Method | None) -> bool:
        """Return whether the content type, in any letter case and with any parameters, is one of gRPC-Web's."""
        return request.media_type().essence in _TYPES and (method is not None or request.method == "POST")

    async def handle(self, request: HttpRequest, method: Method | None) -> HttpResponse | None:
        """Run one call; None once its response has been sent as a stream."""
        is_text, content_type = _types(request.content_type, request.header("accept") or "")
        context = HttpContext(request, "grpc-web")
        if method is None:
            self._dispatcher.refused(UNKNOWN_METHOD.code, HttpContext(request, "http"))
            return _respond(content_type, Outcome(status=UNKNOWN_METHOD), context)

        wire = _Wire(request, method, self._limit + method.extra_bytes, is_text)
        if method.streams_requests:
            self._dispatcher.refused(NO_REQUEST_STREAMS.code, HttpContext(request, "http"))
            return _respond(content_type, Outcome(status=NO_REQUEST_STREAMS), context)
        if not method.streams_responses:
            outcome = await self._dispatcher.unary(method, context, wire)
            return _respond(content_type, outcome, context)
        stream = _Stream(request, context, content_type)
        outcome = await self._dispatcher.stream(method, context, wire, stream)
        if stream.has_started:
            await stream.end(stream.frames.end(outcome, context.trailers()))
            return None
        return HttpResponse(200, _head(content_type, outcome, context), stream.frames.end(outcome, context.trailers()))


@dataclass(slots=True, eq=False)
class _Wire:
    """The messages of one call."""

    request: HttpRequest
    method: Method
    limit: int
    is_text: bool
    offloads_encoding = False
    encode = staticmethod(encode_protobuf)

    def room(self) -> Awaitable[None] | None:
        return self.request.room()

    def whole(self) -> bytes | None:
        return self.request.whole(self.limit, framing(self.limit, text=self.is_text))

    def read(self) -> Awaitable[bytes]:
        return self.request.read(self.limit, framing(self.limit, text=self.is_text))

    def receive(self) -> Awaitable[bytes | None]:
        raise NotImplementedError  # see NO_REQUEST_STREAMS

    def parse(self, body: bytes) -> Parsed:
        if self.is_text:
            body = decode_text(body)
        return decode_protobuf(self.method, read_message(body, self.request.header("grpc-encoding"), self.limit))


class _Stream(HttpStream):
    """Sends a frame for each message."""

    def __init__(self, request: HttpRequest, context: HttpContext, content_type: str) -> None:
        super().__init__(request, context)
        self._content_type = content_type
        self.frames = Frames(content_type)

    def headers(self) -> Headers:
        return [("content-type", self._content_type)]

    def frame(self, message: bytes) -> bytes:
        return self.frames.message(message)


@lru_cache(maxsize=64)  # there are few kinds of clients
def _types(content_type: str, accept: str) -> tuple[bool, str]:
    """Return whether a request is text, and the content type of its response: the first accepted one, or its own."""
    own = _TYPES[parse_media_type(content_type).essence]
    ranges = (each for each in accept.split(",") if _NOT_ACCEPTABLE.search(each) is None)
    named = (_TYPES.get(parse_media_type(each).essence) for each in ranges)
    return own is TEXT, next(filter(None, named), own)


def _respond(content_type: str, outcome: Outcome, context: HttpContext) -> HttpResponse:
    return HttpResponse(200, _head(content_type, outcome, context), frame(content_type, outcome, context.trailers()))


def _head(content_type: str, outcome: Outcome, context: HttpContext) -> Headers:
    headers = [("content-type", content_type)]
    if context.has_metadata:
        headers += to_headers(context.initial_metadata())
    if outcome.status is UNKNOWN_ENCODING:
        headers.append(("grpc-accept-encoding", ENCODINGS))
    return headers
