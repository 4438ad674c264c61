"""Connect for methods with streams: `application/connect+json` and `application/connect+proto`.

The rules are those of the Connect specification ("Streaming-Request", "Streaming-Response"). Responses are HTTP 200
whatever the outcome, which is in the last envelope.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field

import orjson
from google.protobuf.message import Message

from rpcfront.calls.dispatch import Dispatcher, Outcome, Parsed
from rpcfront.calls.methods import Method
from rpcfront.calls.protobuf import decode_protobuf, encode_protobuf
from rpcfront.metadata import Metadata, to_headers
from rpcfront.protocols.compression import GZIP
from rpcfront.protocols.connect_errors import ConnectErrors
from rpcfront.protocols.connect_unary import ALLOW_HEADERS, check_version, decode_json
from rpcfront.protocols.frames import FrameReader, framing, prefixed, read_message
from rpcfront.protocols.http import Headers, HttpContext, HttpRequest, HttpResponse
from rpcfront.protocols.http_streams import HttpStream
from rpcfront.transcoding.json.codec import JsonCodec

_JSON = "application/connect+json"
_PROTO = "application/connect+proto"
_END = 0x02
_ENCODING = "connect-content-encoding"


class ConnectStreamEdge:
    """Serves methods with a stream of requests, of responses, or of both over Connect.

    Over HTTP/1.1, most clients read the first response only after they have sent the last request.
    """

    allow_headers: tuple[str, ...] = ALLOW_HEADERS
    expose_headers: tuple[str, ...] = ()

    def __init__(self, dispatcher: Dispatcher, codec: JsonCodec, errors: ConnectErrors, message_limit: int) -> None:
        self._dispatcher = dispatcher
        self._codec = codec
        self._errors = errors
        self._limit = message_limit

    def claims(self, request: HttpRequest, method: Method | None) -> bool:
        """Return whether the content type is one of Connect's for streams, and the method has a stream."""
        return (
            method is not None
            and (method.streams_requests or method.streams_responses)
            and request.media_type().essence in {_JSON, _PROTO}
        )

    async def handle(self, request: HttpRequest, method: Method | None) -> HttpResponse | None:
        """Run one call; None once its response has been sent as a stream."""
        if method is None:
            raise ValueError("a request that names no method is never claimed")
        content_type = request.media_type().essence
        context = HttpContext(request, "connect")
        wire = _Wire(request, method, self._codec, self._limit + method.extra_bytes, content_type == _PROTO)
        stream = _Stream(request, context, content_type)
        message = b""
        if method.streams_responses:
            outcome = await self._dispatcher.stream(method, context, wire, stream)
        else:
            outcome = await self._dispatcher.unary(method, context, wire)
            if outcome.status is None:
                message = prefixed(outcome.body)
        end = prefixed(orjson.dumps(self._end(outcome, context.trailers())), _END)
        if stream.has_started:
            await stream.end(end)
            return None
        return HttpResponse(200, stream.headers() + to_headers(context.initial_metadata()), message + end)

    def _end(self, outcome: Outcome, trailing: Metadata) -> dict[str, object]:
        """Return the content of the last envelope: the trailing metadata, and the error if there is one."""
        end: dict[str, object] = {}
        if outcome.status is not None:
            end["error"] = self._errors.to_json(outcome.status)
        metadata: dict[str, list[str]] = {}
        for key, value in to_headers(trailing):
            metadata.setdefault(key, []).append(value)
        if metadata:
            end["metadata"] = metadata
        return end


@dataclass(slots=True, eq=False)
class _Wire:
    """The messages of one call, in JSON or in protobuf."""

    request: HttpRequest
    method: Method
    codec: JsonCodec
    limit: int
    is_proto: bool
    reader: FrameReader | None = field(default=None, init=False)
    offloads_encoding = False

    def room(self) -> Awaitable[None] | None:
        return self.request.room()

    def whole(self) -> bytes | None:
        check_version(self.request)
        return self.request.whole(self.limit, framing(self.limit, text=False))

    def read(self) -> Awaitable[bytes]:
        return self.request.read(self.limit, framing(self.limit, text=False))

    def receive(self) -> Awaitable[bytes | None]:
        if self.reader is None:
            check_version(self.request)
            self.reader = FrameReader(self.request, self.request.header(_ENCODING), self.limit)
        return self.reader.next()

    def parse(self, body: bytes) -> Parsed:
        data = read_message(body, self.request.header(_ENCODING), self.limit)
        return decode_protobuf(self.method, data) if self.is_proto else decode_json(self.method, self.codec, data)

    def encode(self, message: Message, /) -> bytes:
        return encode_protobuf(message) if self.is_proto else self.codec.encode(message)


class _Stream(HttpStream):
    """Sends an envelope for each message."""

    def __init__(self, request: HttpRequest, context: HttpContext, content_type: str) -> None:
        super().__init__(request, context)
        self._content_type = content_type

    def headers(self) -> Headers:
        return [("content-type", self._content_type), ("connect-accept-encoding", GZIP)]

    def frame(self, message: bytes) -> bytes:
        return prefixed(message)
