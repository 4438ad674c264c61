"""Frames gRPC-Web responses with sonora's WSGI application, which does nothing else here.

sonora is one of the packages that this project is asked to build on. It frames messages and trailers, in base64 if the
client asked for it. It is given finished outcomes, so nothing inside it waits. Requests are read elsewhere, since
sonora accepts one frame of any kind, knows neither limits nor compression, and compares content types letter by letter.
Headers are written elsewhere, too.
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
"""The content types of responses."""


def frame(content_type: str, outcome: Outcome, trailing: Metadata) -> bytes:
    """Return the whole body of a unary call's response."""
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
    """Return the trailers of a successful call without trailing metadata: always the same."""
    return Frames(content_type).end(Outcome(), ())


class Frames:
    """The body of a streamed response, piece by piece. In text, each piece has its own padding."""

    def __init__(self, content_type: str) -> None:
        self._context = _Context()
        self._pieces: Iterator[bytes] = iter(_framer(_environ(content_type, _STREAM, self._context), _ignore))

    def message(self, data: bytes) -> bytes:
        """Return the piece with a message."""
        self._context.message = data
        return next(self._pieces)

    def end(self, outcome: Outcome, trailing: Metadata) -> bytes:
        """Return the last piece, with the trailers."""
        self._context.end(outcome, trailing)
        return next(self._pieces)


class _Message(bytes):
    """A message's bytes, always truthy: sonora leaves out the frame of a falsy message, such as an empty one."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


class _Context(sonora.wsgi.ServicerContext):  # type: ignore[misc]  # sonora is untyped
    """sonora's context of a call whose outcome is known, or of a stream whose next message is."""

    def __init__(self) -> None:
        super().__init__()
        self.message: bytes | None = None

    def end(self, outcome: Outcome, trailing: Metadata) -> None:
        """Set the trailers."""
        trailers = to_headers(trailing)
        status = outcome.status
        if status is not None:
            self.code = GRPC_CODES[status.code]
            # Not by `details`: sonora would encode spaces, which some clients do not decode.
            if status.message:
                trailers.append(("grpc-message", percent_encode(status.message)))
            details = details_trailer(status)
            if details is not None:
                trailers.append((DETAILS_KEY, to_base64(details)))
        self._trailing_metadata = trailers

    def messages(self) -> Iterator[bytes]:
        """Yield the messages, each set before sonora asks for it. There is none when it asks for the trailers."""
        while self.message is not None:
            message, self.message = self.message, None
            yield message


class _Framer(sonora.wsgi.grpcWSGI):  # type: ignore[misc]  # sonora is untyped
    """sonora's application, with two methods: a call that has ended, and a stream of messages."""

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


def _messages(_request: bytes, context: _Context) -> Iterator[bytes]:
    return context.messages()


_framer = _Framer(enable_cors=False)
_UNARY = grpc.unary_unary_rpc_method_handler(_finished, _identity, _identity)
_STREAM = grpc.unary_stream_rpc_method_handler(_messages, _identity, _identity)
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
    """Ignore WSGI's start_response: the status is always 200, and the edge writes the headers."""
