"""The interface of an HTTP/2 engine: one connection's state, without a socket (RFC 9113).

An engine turns bytes into events, and calls into bytes. It keeps the flow-control windows, but opens them only by what
`consumed` says, so that a connection holds no more than its windows allow.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Header fields in order, names in lower case."""

NO_ERROR = 0x0
INTERNAL_ERROR = 0x2
CANCEL = 0x8
ENHANCE_YOUR_CALM = 0xB
"""Error codes (RFC 9113, section 7)."""


class StreamGoneError(Exception):
    """The stream has ended meanwhile, as when its client has reset it."""


class EngineOverError(Exception):
    """The connection is broken beyond a GOAWAY. Nothing can be read or written any more."""


class StreamEvent(Protocol):
    """Something happened to a stream."""

    @property
    def stream_id(self) -> int: ...


class RequestReceived(StreamEvent, Protocol):
    """A request's head."""

    @property
    def headers(self) -> Fields: ...
    @property
    def end_stream(self) -> bool: ...


class DataReceived(StreamEvent, Protocol):
    """Bytes of a request's body."""

    @property
    def data(self) -> bytes: ...
    @property
    def end_stream(self) -> bool: ...


class StreamClosed(StreamEvent, Protocol):
    """A stream has ended in both directions, or was reset by either side."""

    @property
    def error_code(self) -> int: ...


class Engine(Protocol):
    """The server's side of one connection."""

    # The classes of the events that matter here; others are ignored. Events of a trailer section end the body.
    REQUEST: ClassVar[type[Any]]
    DATA: ClassVar[type[Any]]
    TRAILERS: ClassVar[type[Any]]
    CLOSED: ClassVar[type[Any]]
    PONG: ClassVar[type[Any]]
    OVER: ClassVar[type[Any]]

    def receive(self, data: bytes) -> Iterable[Any]:
        """Return the events of received bytes. Raises EngineOverError."""

    def events(self) -> Iterable[Any]:
        """Return the events that `take` has added."""

    def take(self, limit: int) -> bytes:
        """Return bytes to send, roughly `limit` at the most. Raises EngineOverError."""

    def answer(self, stream: int, headers: Fields, data: bytes, trailers: Fields) -> None:
        """Send a whole response; empty data and trailers are left out. All from here on raise StreamGoneError."""

    def respond(self, stream: int, headers: Fields) -> None:
        """Send the head of a response."""

    def inform(self, stream: int, headers: Fields) -> None:
        """Send an informational response."""

    def send(self, stream: int, data: bytes, *, end: bool) -> None:
        """Send bytes of a response's body."""

    def trailers(self, stream: int, headers: Fields) -> None:
        """Send trailers, which end a response."""

    def reset(self, stream: int, code: int) -> None:
        """Reset a stream. What was sent to it before goes out first."""

    def consumed(self, stream: int, size: int) -> None:
        """Open the windows by so many bytes of a request's body. The stream may be gone."""

    def queued(self, stream: int | None) -> int:
        """Return how many bytes of response bodies wait for a window: of a stream, or of all of them."""

    def ping(self) -> None:
        """Send a PING."""

    def notice(self) -> None:
        """Send the first GOAWAY of a graceful shutdown: the connection is going to end, requests are still taken."""

    def goaway(self, code: int = NO_ERROR) -> None:
        """Send the GOAWAY that names the last stream: requests after that are not taken."""
