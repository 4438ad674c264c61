"""Small servicers that read and send metadata."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from tests.rpcfront.servicers.forms import Does, Tells

Pair = tuple[str, str | bytes]

INITIAL: tuple[Pair, ...] = (("x-initial", "one"), ("x-twice", "a, b"), ("x-twice", "c"), ("x-initial-bin", b"\xff\0"))
TRAILING: tuple[Pair, ...] = (("x-trailing", "two"), ("x-again", "a, b"), ("x-again", "c"), ("x-trailing-bin", b"\1"))
LATE: tuple[Pair, ...] = (("x-late", "three"),)

# What would break an answer, or say of it what is not so.
UNSENDABLE: tuple[tuple[Any, Any], ...] = (
    ("x-crlf", "a\r\ngrpc-status: 0"),
    ("x-lf", "a\nb"),
    ("x-null", "a\0b"),
    ("x-not-ascii", "ü"),
    ("x-not-ascii", b"\xff"),
    ("x-not-text", 1),
    ("x-not-bytes-bin", "text"),
    ("x key", "a space in the key"),
    ("x-key:", "a colon in the key"),
    ("x-kéy", "not ASCII"),
    ("", "no key"),
    (b"x-key", "a key in bytes"),
    (":status", "200"),
    ("grpc-status", "0"),
    ("grpc-message", "well"),
    ("grpc-encoding", "gzip"),
    ("content-length", "0"),
    ("content-type", "text/html"),
    ("content-encoding", "gzip"),
    ("transfer-encoding", "chunked"),
    ("connection", "close"),
    ("date", "today"),
)


class SendsMetadata(Does):
    """Sends metadata before and after its answer."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_trailing_metadata(TRAILING)
        yield context.send_initial_metadata(INITIAL)


class SendsAioMetadata(Does):
    """Sends metadata of grpc.aio's own kind."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_trailing_metadata(grpc.aio.Metadata(*TRAILING))
        yield context.send_initial_metadata(grpc.aio.Metadata(*INITIAL))


class SendsMetadataAndAborts(SendsMetadata):
    """Sends metadata and no answer."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield from super().do(request, context)
        yield context.abort(grpc.StatusCode.ABORTED, "no")


class SendsMetadataAndRaises(SendsMetadata):
    """Sends metadata and fails."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield from super().do(request, context)
        raise RuntimeError


class AbortsWithTrailers(SendsMetadata):
    """Sets trailing metadata and gives some more to abort, as grpc.aio's takes it."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield from super().do(request, context)
        yield context.abort(grpc.StatusCode.ABORTED, "no", LATE)


class SetsTrailersInTheMiddle(Does):
    """Sets trailing metadata when a stream has begun."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_trailing_metadata(TRAILING)
        yield None


class SetsTrailersTwice(Does):
    """Sets trailing metadata and thinks better of it."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_trailing_metadata(LATE)
        context.set_trailing_metadata(TRAILING)
        yield None


class SendsInitialTwice(Does):
    """Sends initial metadata where some has been sent."""

    catches = True

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.send_initial_metadata(INITIAL)
        yield context.send_initial_metadata(LATE)


class SendsInitialTooLate(Does):
    """Sends initial metadata when a stream has begun."""

    before = 1
    catches = True

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.send_initial_metadata(LATE)


class SetsUnsendable(Tells):
    """Tries to send what cannot be sent, and tells what came of each."""

    def tell(self, context: Any) -> str:
        setters = (context.send_initial_metadata, context.set_trailing_metadata)
        return "\n".join(f"{pair}: {outcome_of(setter, (pair,))}" for setter in setters for pair in UNSENDABLE)


class LetsUnsendableFail(Does):
    """Does not see that what it sends cannot be sent."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_trailing_metadata((UNSENDABLE[0],))
        yield None


class TellsMetadata(Tells):
    """Tells the metadata that it was called with, but for what clients and servers add of themselves."""

    def tell(self, context: Any) -> str:
        asked = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]
        return "\n".join(f"{key}={value!r}" for key, value in asked if key != "x-request-id")


def outcome_of(function: Callable[..., object], *arguments: Any) -> str:
    """What comes of a call."""
    try:
        function(*arguments)
    except (TypeError, ValueError):
        return "refused"
    return "taken"
