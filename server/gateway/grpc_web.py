"""The gRPC-Web edge, and the fence around sonora.

sonora's WSGI app frames the answer: the message, the trailers, and base64 where the client asked for it. It is handed
a finished outcome, so nothing inside it waits. Requests are read here, since sonora takes one frame of any kind, knows
no limit and no compression, and compares content types letter by letter; headers are written here too.
"""

from io import BytesIO
from typing import Any

import grpc
import sonora.wsgi
from google.protobuf.message import Message
from google.rpc import code_pb2

from server.gateway.dispatch import Dispatcher, Outcome
from server.gateway.frames import ENCODINGS, decode_text, framing, read_message
from server.gateway.http import HttpContext, HttpRequest, HttpResponse, parse_media_type
from server.gateway.metadata import DETAILS_KEY, Metadata, percent_encode, to_base64, to_headers
from server.gateway.methods import Method
from server.gateway.protobuf import decode_protobuf, details_trailer, encode_protobuf
from server.gateway.status import GRPC_CODES, FieldViolation, make_status

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"
# What the content types a client may name mean. The answer's is always one of the two above, without parameters:
# some clients compare the whole string.
_TYPES = {"application/grpc-web": BINARY, BINARY: BINARY, "application/grpc-web-text": TEXT, TEXT: TEXT}

# grpcio's own words, so that a client reads the same over both.
UNKNOWN_METHOD = make_status(code_pb2.UNIMPLEMENTED, "Method not found!")


def is_grpc_web(request: HttpRequest) -> bool:
    """Whether the content type, in any letter case and with any parameters, is one of gRPC-Web's."""
    return request.media_type().essence in _TYPES


class GrpcWebEdge:
    """Serves unary calls over gRPC-Web, binary and text."""

    def __init__(self, dispatcher: Dispatcher, message_limit: int) -> None:
        self._dispatcher = dispatcher
        self._limit = message_limit

    async def handle(self, request: HttpRequest, method: Method | None) -> HttpResponse:
        """One call; HTTP 200 whatever its status, as clients read no status from anything else."""
        text = _TYPES[request.media_type().essence] is TEXT
        context = HttpContext(request)
        if method is None:
            outcome = Outcome(status=UNKNOWN_METHOD)
        else:
            bound = method

            async def decode() -> tuple[Message, list[FieldViolation]]:
                body = await request.read(self._limit, framing(self._limit, text=text))
                if text:
                    body = decode_text(body)
                return decode_protobuf(bound, read_message(body, request.header("grpc-encoding"), self._limit))

            outcome = await self._dispatcher.unary(bound, context, decode, encode_protobuf)
        return _respond(_answer_type(request), outcome, context)


def _answer_type(request: HttpRequest) -> str:
    for accepted in (request.header("accept") or "").split(","):
        named = _TYPES.get(parse_media_type(accepted).essence)
        if named is not None:
            return named
    return _TYPES[request.media_type().essence]


def _respond(content_type: str, outcome: Outcome, context: HttpContext) -> HttpResponse:
    headers = [("content-type", content_type), *to_headers(context.initial_metadata())]
    if outcome.status is not None and outcome.status.code == code_pb2.UNIMPLEMENTED:
        headers.append(("grpc-accept-encoding", ENCODINGS))
    return HttpResponse(200, headers, _frame(content_type, outcome, context.trailing_metadata()))


class _Message(bytes):
    """An answer's bytes. sonora leaves out a frame whose message is falsy, which an empty one is."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


class _Finished(sonora.wsgi.ServicerContext):  # type: ignore[misc]  # sonora is untyped
    """sonora's context of a call that has ended."""

    def __init__(self, outcome: Outcome, trailing: Metadata) -> None:
        super().__init__()
        trailers = to_headers(trailing)
        self.answer: bytes | None = None
        status = outcome.status
        if status is None:
            self.answer = _Message(outcome.body)
        else:
            self.code = GRPC_CODES[status.code]
            # Not through `details`: sonora would encode spaces, which some clients show as they come.
            if status.message:
                trailers.append(("grpc-message", percent_encode(status.message)))
            details = details_trailer(status)
            if details is not None:
                trailers.append((DETAILS_KEY, to_base64(details)))
        self._trailing_metadata = trailers


def _identity(data: bytes) -> bytes:
    return data


def _finished(_request: bytes, context: _Finished) -> bytes | None:
    return context.answer


_HANDLER = grpc.unary_unary_rpc_method_handler(_finished, _identity, _identity)
_EMPTY_FRAME = bytes(5)
_SONORA_TYPES = {BINARY: BINARY, TEXT: "application/grpc-web-text"}


class _Framer(sonora.wsgi.grpcWSGI):  # type: ignore[misc]  # sonora is untyped
    """sonora's app for the one method there is: the call that has ended."""

    def _get_rpc_handler(self, _environ: dict[str, Any]) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return _HANDLER

    def _create_context(self, environ: dict[str, Any]) -> _Finished:
        context: _Finished = environ["actiond.context"]
        return context


_framer = _Framer(enable_cors=False)


def _frame(content_type: str, outcome: Outcome, trailing: Metadata) -> bytes:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": BINARY,
        "CONTENT_LENGTH": str(len(_EMPTY_FRAME)),
        "HTTP_ACCEPT": _SONORA_TYPES[content_type],
        "wsgi.input": BytesIO(_EMPTY_FRAME),
        "actiond.context": _Finished(outcome, trailing),
    }
    return b"".join(_framer(environ, _ignore))


def _ignore(_status: str, _headers: list[tuple[str, str]]) -> None:
    """start_response: the status is always 200, and the headers are written by this edge."""
