"""The fence around sonora: its WSGI app frames gRPC-Web answers, and is given nothing else to do.

sonora makes the frames of messages and trailers, and base64 where the client asked for it. It is handed outcomes, so
nothing inside it waits. Requests are read elsewhere, since sonora takes one frame of any kind, knows no limit and no
compression, and compares content types letter by letter; headers are written elsewhere too.
"""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

import grpc
import sonora.protocol
import sonora.wsgi

from rpcfront.calls.dispatch import Outcome
from rpcfront.calls.protobuf import details_trailer
from rpcfront.metadata import DETAILS_KEY, Metadata, percent_encode, to_base64, to_headers
from rpcfront.status import GRPC_CODES

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"
"""The content types of answers."""


def frame(content_type: str, outcome: Outcome, trailing: Metadata) -> bytes:
    """The whole body of a unary call's answer."""
    if outcome.status is None and not trailing:
        message: bytes = _WRAP[content_type](False, False, outcome.body)
        return message + _ok_trailers(content_type)
    context = _Context()
    context.end(outcome, trailing)
    if outcome.status is None:
        context.message = _Message(outcome.body)
    return b"".join(_framer(_environ(content_type, _UNARY, context), _ignore))


@cache
def _ok_trailers(content_type: str) -> bytes:
    """The trailers of a call that ended well and has none of its own: always the same."""
    return Frames(content_type).end(Outcome(), ())


class Frames:
    """The body of a streamed answer, piece by piece. In text, each piece has padding of its own."""

    def __init__(self, content_type: str) -> None:
        self._context = _Context()
        self._pieces: Iterator[bytes] = iter(_framer(_environ(content_type, _STREAM, self._context), _ignore))

    def message(self, data: bytes) -> bytes:
        """The piece with one message."""
        self._context.message = data
        return next(self._pieces)

    def end(self, outcome: Outcome, trailing: Metadata) -> bytes:
        """The last piece, with the trailers."""
        self._context.end(outcome, trailing)
        return next(self._pieces)


class _Message(bytes):
    """An answer's bytes. sonora leaves out a frame whose message is falsy, which an empty one is."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


class _Context(sonora.wsgi.ServicerContext):  # type: ignore[misc]  # sonora is untyped
    """sonora's context of a call whose outcome is known, or of a stream of which the next message is."""

    def __init__(self) -> None:
        super().__init__()
        self.message: bytes | None = None

    def end(self, outcome: Outcome, trailing: Metadata) -> None:
        """Sets the trailers."""
        trailers = to_headers(trailing)
        status = outcome.status
        if status is not None:
            self.code = GRPC_CODES[status.code]
            # Not through `details`: sonora would encode spaces, which some clients show as they come.
            if status.message:
                trailers.append(("grpc-message", percent_encode(status.message)))
            details = details_trailer(status)
            if details is not None:
                trailers.append((DETAILS_KEY, to_base64(details)))
        self._trailing_metadata = trailers

    def taken(self) -> Iterator[bytes]:
        """The messages, each set before sonora asks for it; none is left when it asks for the trailers."""
        while self.message is not None:
            message, self.message = self.message, None
            yield message


class _Framer(sonora.wsgi.grpcWSGI):  # type: ignore[misc]  # sonora is untyped
    """sonora's app for the methods that there are: a call that has ended, and a stream of messages."""

    def _get_rpc_handler(self, environ: dict[str, Any]) -> "grpc.RpcMethodHandler[bytes, bytes]":
        handler: grpc.RpcMethodHandler[bytes, bytes] = environ["rpcfront.handler"]
        return handler

    def _create_context(self, environ: dict[str, Any]) -> _Context:
        context: _Context = environ["rpcfront.context"]
        return context


def _identity(data: bytes) -> bytes:
    return data


def _finished(_request: bytes, context: _Context) -> bytes | None:
    return context.message


def _taken(_request: bytes, context: _Context) -> Iterator[bytes]:
    return context.taken()


_framer = _Framer(enable_cors=False)
_UNARY = grpc.unary_unary_rpc_method_handler(_finished, _identity, _identity)
_STREAM = grpc.unary_stream_rpc_method_handler(_taken, _identity, _identity)
_EMPTY_FRAME = bytes(5)
_WRAP = {BINARY: sonora.protocol.wrap_message, TEXT: sonora.protocol.b64_wrap_message}
_SONORA_TYPES = {BINARY: BINARY, TEXT: "application/grpc-web-text"}


def _environ(content_type: str, handler: "grpc.RpcMethodHandler[bytes, bytes]", context: _Context) -> dict[str, object]:
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": BINARY,
        "CONTENT_LENGTH": str(len(_EMPTY_FRAME)),
        "HTTP_ACCEPT": _SONORA_TYPES[content_type],
        "wsgi.input": BytesIO(_EMPTY_FRAME),
        "rpcfront.handler": handler,
        "rpcfront.context": context,
    }


def _ignore(_status: str, _headers: list[tuple[str, str]]) -> None:
    """start_response: the status is always 200, and the headers are written by the edge."""
