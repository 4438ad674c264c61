"""A minimal gRPC client: HTTP/2 (RFC 9113) as far as unary calls to a server need it.

Header blocks are sent uncompressed and built once; those received are not read. A call is good if its message is good
and its trailers ended the stream, since a call that fails has no message.
"""

import ssl
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping

from bench.load import IN_FLIGHT, CallError, Load, SocketLoad

CONNECTIONS = 4
"""Connections that the calls share, as the channels of a busy client do."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD = struct.Struct(">BHBBI")
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
_LARGEST_WINDOW = 2**31 - 1
_FIRST_WINDOW = 65_535

# RFC 7541, appendix A: indexes of the static table.
_AUTHORITY, _PATH = 1, 4
_METHOD_POST = b"\x83"
_SCHEME_HTTP, _SCHEME_HTTPS = b"\x86", b"\x87"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame with its header."""
    return FRAME_HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def header_block(method: str, authority: str, metadata: Mapping[str, str], *, is_secure: bool = False) -> bytes:
    """Return the header block of every call: literals without indexing (RFC 7541, 6.2.2)."""
    scheme = _SCHEME_HTTPS if is_secure else _SCHEME_HTTP
    named = (("content-type", "application/grpc"), ("te", "trailers"), *metadata.items())
    literals = (b"\0" + _text(name) + _text(value) for name, value in named)
    indexed = bytes([_AUTHORITY]) + _text(authority) + bytes([_PATH]) + _text(method)
    return _METHOD_POST + scheme + indexed + b"".join(literals)


def _text(text: str) -> bytes:
    data = text.encode("ascii")
    if len(data) > 126:  # longer lengths take several bytes
        raise ValueError(f"too long for this client: {text}")
    return bytes([len(data)]) + data


class GrpcConversation:
    """A connection with `at_once` concurrent calls."""

    in_flight = 0

    def __init__(
        self, at_once: int, headers: bytes, next_message: Callable[[], bytes], is_good: Callable[[bytes], bool]
    ) -> None:
        self._at_once = at_once
        self._headers = headers
        self._next_message = next_message
        self._is_good = is_good
        self._received = b""
        self._stream = -1
        # For each open stream: when its call was sent, and what has arrived of its message.
        self._sent: dict[int, float] = {}
        self._messages: dict[int, bytes] = {}

    def greet(self) -> bytes:
        # The responses of a whole round fit into the connection's window, so it never needs another update.
        grant = (_LARGEST_WINDOW - _FIRST_WINDOW).to_bytes(4, "big")
        return PREFACE + frame(SETTINGS, 0, 0, b"") + frame(WINDOW_UPDATE, 0, 0, grant)

    def call(self, now: float) -> bytes:
        return b"".join(self._call(now) for _ in range(self._at_once))

    def _call(self, now: float) -> bytes:
        self._stream += 2
        self._sent[self._stream] = now
        self.in_flight += 1
        message = self._next_message()
        data = b"\0" + len(message).to_bytes(4, "big") + message
        return frame(HEADERS, END_HEADERS, self._stream, self._headers) + frame(DATA, END_STREAM, self._stream, data)

    def take(self, data: bytes, now: float, latencies: "array[float]", *, is_over: bool) -> bytes:
        out = []
        for kind, flags, stream, payload in self._frames(data):
            if kind == DATA:
                self._messages[stream] = self._messages.get(stream, b"") + payload
            elif kind == HEADERS and flags & END_STREAM:
                latencies.append(now - self._end(stream))
                if not is_over:
                    out.append(self._call(now))
            elif kind in {SETTINGS, PING} and not flags & ACK:
                out.append(frame(kind, ACK, 0, payload if kind == PING else b""))
            elif kind in {RST_STREAM, GOAWAY}:
                raise CallError(f"the server ended a stream or the connection: {payload!r}")
        return b"".join(out)

    def _end(self, stream: int) -> float:
        """Check the message of a call that has ended and return when the call was sent."""
        self.in_flight -= 1
        message = self._messages.pop(stream, b"")
        if not self._is_good(message[5:]):
            raise CallError(f"unexpected message: {message!r}")
        return self._sent.pop(stream)

    def _frames(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield the complete frames: kind, flags, stream and payload. Keep the rest."""
        data = self._received + data
        start = 0
        while start + FRAME_HEAD.size <= len(data):
            high, low, kind, flags, stream = FRAME_HEAD.unpack_from(data, start)
            end = start + FRAME_HEAD.size + (high << 16) + low
            if end > len(data):
                break
            yield kind, flags, stream, data[start + FRAME_HEAD.size : end]
            start = end
        self._received = data[start:]


def grpc_load(
    port: int,
    method: str,
    metadata: Mapping[str, str],
    next_message: Callable[[], bytes],
    is_good: Callable[[bytes], bool],
    in_flight: int = IN_FLIGHT,
    tls: ssl.SSLContext | None = None,
) -> Load:
    """Return a load whose calls in flight are spread over CONNECTIONS connections."""
    headers = header_block(method, f"127.0.0.1:{port}", metadata, is_secure=tls is not None)
    at_once = in_flight // CONNECTIONS
    return SocketLoad(port, CONNECTIONS, lambda: GrpcConversation(at_once, headers, next_message, is_good), tls=tls)
