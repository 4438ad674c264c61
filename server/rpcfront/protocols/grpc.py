"""Native gRPC: PROTOCOL-HTTP2.md, over a server whose responses have trailers.

Heads and trailers are bytes here, as the connection writes them: those of a call that succeeds are always the same.
"""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from google.rpc import code_pb2, status_pb2

from rpcfront.calls.dispatch import INTERNAL, Dispatcher, Outcome, Parsed
from rpcfront.calls.methods import Method
from rpcfront.calls.protobuf import UNKNOWN_METHOD, decode_protobuf, details_trailer, encode_protobuf
from rpcfront.metadata import DETAILS_KEY, Metadata, percent_encode, to_base64, to_headers
from rpcfront.protocols.frames import ENCODINGS, PREFIX_BYTES, UNKNOWN_ENCODING, FrameReader, prefixed, read_message
from rpcfront.protocols.http import (
    HttpContext,
    HttpRequest,
    HttpResponse,
    RawHeaders,
    TrailersRequest,
    Write,
    parse_media_type,
)
from rpcfront.status import StatusError, make_status

_PREFIX = "application/grpc"
_WEB_PREFIX = "application/grpc-web"
_TYPES = {"application/grpc", "application/grpc+proto"}

_OK_TRAILERS: RawHeaders = ((b"grpc-status", b"0"),)
_UNSUPPORTED = make_status(code_pb2.INTERNAL, "the content type must be application/grpc or application/grpc+proto")

MAX_METADATA_BYTES = 48 * 1024
"""Size of a response's initial or trailing metadata, status included. A connection can send little more at once, and
clients accept 8 KiB unless they are told to accept more."""

_log = logging.getLogger(__name__)


class GrpcEdge:
    """Serves calls over native gRPC."""

    # Pages of other origins cannot call: browsers have no access to trailers.
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()

    def __init__(self, dispatcher: Dispatcher, message_limit: int) -> None:
        self._dispatcher = dispatcher
        self._limit = message_limit

    def claims(self, request: HttpRequest, method: Method | None) -> bool:
        """Return whether the content type is gRPC's, and the connection can carry its trailers."""
        return is_grpc(request) and (method is not None or request.method == "POST")

    async def handle(self, request: HttpRequest, method: Method | None) -> HttpResponse | None:
        """Run one call; None, since its response is sent in bytes."""
        request = cast("TrailersRequest", request)  # or it would not have been claimed
        head = _head(request.content_type)
        context = HttpContext(request, "grpc")
        if method is None or head is None:
            status, http_status = (_UNSUPPORTED, b"415") if head is None else (UNKNOWN_METHOD, b"200")
            self._dispatcher.refused(status.code, HttpContext(request, "http"))
            refuse_grpc(request, status, http_status)
            return None
        wire = _Wire(request, method, self._limit + method.extra_bytes)
        if method.streams_responses:
            sink = _Sink(request, context, head)
            sink.end(await self._dispatcher.stream(method, context, wire, sink))
            return None
        outcome = await self._dispatcher.unary(method, context, wire)
        if outcome.status is None and not context.has_metadata:
            request.respond_raw(head, prefixed(outcome.body), _OK_TRAILERS)
        else:
            _respond(request, context, head, outcome)
        return None


def is_grpc(request: HttpRequest) -> bool:
    """Return whether the content type is gRPC's, and the connection can carry its trailers."""
    return request.carries_trailers and is_grpc_type(request.content_type)


def refuse_grpc(request: TrailersRequest, status: status_pb2.Status, http_status: bytes = b"200") -> None:
    """Respond to a request that reaches no method."""
    request.respond_raw(
        ((b":status", http_status), (b"content-type", _PREFIX.encode()), *_trailers(status, ())), b"", ()
    )


@dataclass(slots=True, eq=False)
class _Wire:
    """The messages of one call."""

    request: TrailersRequest
    method: Method
    limit: int
    reader: FrameReader | None = field(default=None, init=False)
    offloads_encoding = False
    encode = staticmethod(encode_protobuf)

    def room(self) -> Awaitable[None] | None:
        return self.request.room()

    def whole(self) -> bytes | None:
        return self.request.whole(self.limit, PREFIX_BYTES)

    def read(self) -> Awaitable[bytes]:
        return self._frames().only()

    def receive(self) -> Awaitable[bytes | None]:
        if self.reader is None:
            self.reader = self._frames()
        return self.reader.next()

    def _frames(self) -> FrameReader:
        return FrameReader(self.request, self.request.header("grpc-encoding"), self.limit)

    def parse(self, body: bytes) -> Parsed:
        return decode_protobuf(self.method, read_message(body, self.request.header("grpc-encoding"), self.limit))


class _Sink:
    """Sends a stream of responses."""

    def __init__(self, request: TrailersRequest, context: HttpContext, head: RawHeaders) -> None:
        self._request = request
        self._context = context
        self._head = head
        self._write: Write | None = None
        self.room = request.room

    async def start(self) -> None:
        if self._write is None:
            self._context.initial_is_sent = True
            self._write = self._request.begin_raw((*self._head, *_initial(self._context)))

    async def send(self, message: bytes) -> None:
        if self._write is None:
            await self.start()
        if self._write is not None:
            await self._write(prefixed(message))

    def end(self, outcome: Outcome) -> None:
        """End the call."""
        if self._write is None:
            _respond(self._request, self._context, self._head, outcome, has_message=False)
        else:
            self._request.end_raw(_trailers(outcome.status, self._context.trailers()))


def _respond(
    request: TrailersRequest, context: HttpContext, head: RawHeaders, outcome: Outcome, *, has_message: bool = True
) -> None:
    """Send the response of a call that has sent nothing yet."""
    try:
        initial = _initial(context)
    except StatusError as error:
        initial, outcome = (), Outcome(status=error.status)
    trailers = _trailers(outcome.status, context.trailers())
    if outcome.status is UNKNOWN_ENCODING:
        initial = (*initial, (b"grpc-accept-encoding", ENCODINGS.encode()))
    if outcome.status is None and has_message:
        request.respond_raw((*head, *initial), prefixed(outcome.body), trailers)
    elif initial:
        request.respond_raw((*head, *initial), b"", trailers)
    else:
        # "Trailers-Only": one block of headers.
        request.respond_raw((*head, *trailers), b"", ())


def _initial(context: HttpContext) -> RawHeaders:
    """Return the initial metadata. Raises StatusError for what no connection could send."""
    metadata = context.initial_metadata()
    if not metadata:
        return ()
    pairs = _encoded(metadata)
    if _size(pairs) > MAX_METADATA_BYTES:
        _log.error("the initial metadata of a call is larger than %d bytes", MAX_METADATA_BYTES)
        raise StatusError(INTERNAL)
    return pairs


def _trailers(status: status_pb2.Status | None, trailing: Metadata) -> RawHeaders:
    """Return the trailers. Those that no connection could send become INTERNAL."""
    if status is None and not trailing:
        return _OK_TRAILERS
    pairs = [*_status_pairs(status), *_encoded(trailing)]
    if _size(pairs) > MAX_METADATA_BYTES:
        _log.error("the trailing metadata and the status of a call are larger than %d bytes", MAX_METADATA_BYTES)
        return _status_pairs(INTERNAL)
    return pairs


def _status_pairs(status: status_pb2.Status | None) -> list[tuple[bytes, bytes]]:
    if status is None:
        return [*_OK_TRAILERS]
    pairs = [(b"grpc-status", b"%d" % status.code)]
    if status.message:
        pairs.append((b"grpc-message", percent_encode(status.message).encode("ascii")))
    details = details_trailer(status)
    if details is not None:
        pairs.append((DETAILS_KEY.encode(), to_base64(details).encode()))
    return pairs


def _encoded(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    return [(key.encode(), value.encode()) for key, value in to_headers(metadata)]


def _size(pairs: RawHeaders) -> int:
    """Return the size of headers as RFC 9113, 6.5.2 counts it."""
    return sum(len(key) + len(value) + 32 for key, value in pairs)


@lru_cache(maxsize=64)  # there are few kinds of clients
def is_grpc_type(content_type: str) -> bool:
    """Return whether a content type is native gRPC's."""
    essence = parse_media_type(content_type).essence
    return essence.startswith(_PREFIX) and not essence.startswith(_WEB_PREFIX)


@lru_cache(maxsize=64)
def _head(content_type: str) -> RawHeaders | None:
    """Return the head of a response: in the client's content type. None if that is not served."""
    essence = parse_media_type(content_type).essence
    return ((b":status", b"200"), (b"content-type", essence.encode())) if essence in _TYPES else None
