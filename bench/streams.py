"""The load generator of server streams: several streams at a time, each followed by the next when it has ended.

A stream is checked by its length alone, and its messages are not copied: their content is checked once, before the
measurement. Over HTTP/2, window updates acknowledge what was read.
"""

import struct
from array import array
from dataclasses import dataclass

from bench import feed
from bench.http2 import (
    ACK,
    CONNECTIONS,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_HEAD,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    header_block,
)
from bench.http2 import frame as http2_frame
from bench.load import CallError, Load, SocketLoad
from bench.requests import WEB_TYPE, frame
from bench.subjects import post

STREAMS = 8
"""Streams at a time."""

_WINDOW = 2**20
"""Of a stream; a connection has as much for each of its streams."""
_FIRST_WINDOW = 65_535
_INITIAL_WINDOW_SIZE = 4
_PADDED = 0x8
_FRAME_PREFIX = 5
"""Bytes before each message of gRPC."""


@dataclass(slots=True)
class _Stream:
    began: float
    received: int = 0
    """Bytes of the body."""
    unacknowledged: int = 0


class GrpcStreams:
    """A connection over HTTP/2 with `at_once` streams, whose bodies have `length` bytes each."""

    in_flight = 0

    def __init__(self, at_once: int, headers: bytes, request: bytes, length: int) -> None:
        self._at_once = at_once
        self._headers = headers
        self._request = frame(0, request)
        self._length = length
        self._number = -1
        self._streams: dict[int, _Stream] = {}
        self._unacknowledged = 0
        # The beginning of a frame, and how many bytes of DATA that was counted are still to come.
        self._received = b""
        self._skip = 0

    def greet(self) -> bytes:
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _WINDOW)
        grant = _WINDOW * self._at_once - _FIRST_WINDOW
        return PREFACE + http2_frame(SETTINGS, 0, 0, settings) + _window_update(0, grant)

    def call(self, now: float) -> bytes:
        return b"".join(self._call(now) for _ in range(self._at_once))

    def _call(self, now: float) -> bytes:
        self._number += 2
        self._streams[self._number] = _Stream(now)
        self.in_flight += 1
        head = http2_frame(HEADERS, END_HEADERS, self._number, self._headers)
        return head + http2_frame(DATA, END_STREAM, self._number, self._request)

    def take(self, data: bytes, now: float, latencies: "array[float]", *, is_over: bool) -> bytes:
        out: list[bytes] = []
        if self._received:
            data = self._received + data
        start, end = self._skip, len(data)
        while start + FRAME_HEAD.size <= end:
            high, low, kind, flags, stream = FRAME_HEAD.unpack_from(data, start)
            behind = start + FRAME_HEAD.size + (high << 16) + low
            if kind == DATA:
                self._count(stream, flags, (high << 16) + low, out)
            elif behind > end:
                break
            elif kind == HEADERS and flags & END_STREAM:
                latencies.append(now - self._end(stream))
                if not is_over:
                    out.append(self._call(now))
            else:
                self._control(kind, flags, data[start + FRAME_HEAD.size : behind], out)
            start = behind
        self._skip = max(start - end, 0)
        self._received = data[start:]
        return b"".join(out)

    def _count(self, number: int, flags: int, length: int, out: list[bytes]) -> None:
        """Count the payload of a DATA frame before it is there, and open the windows when half of them is used."""
        if flags & (_PADDED | END_STREAM):
            raise CallError("padding, or a stream without trailers")
        stream = self._streams[number]
        stream.received += length
        stream.unacknowledged += length
        self._unacknowledged += length
        if stream.unacknowledged >= _WINDOW // 2:
            out.append(_window_update(number, stream.unacknowledged))
            stream.unacknowledged = 0
        if self._unacknowledged >= _WINDOW * self._at_once // 2:
            out.append(_window_update(0, self._unacknowledged))
            self._unacknowledged = 0

    def _end(self, number: int) -> float:
        """Check that a stream was whole and return when it began."""
        self.in_flight -= 1
        stream = self._streams.pop(number)
        if stream.received != self._length:
            raise CallError(f"a stream of {stream.received} bytes instead of {self._length}")
        return stream.began

    def _control(self, kind: int, flags: int, payload: bytes, out: list[bytes]) -> None:
        if kind in {SETTINGS, PING} and not flags & ACK:
            out.append(http2_frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind in {RST_STREAM, GOAWAY}:
            raise CallError(f"the server ended a stream or the connection: {payload!r}")


def _window_update(stream: int, increment: int) -> bytes:
    return http2_frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


class WebStream:
    """A persistent HTTP/1.1 connection with one stream of gRPC-Web at a time, whose messages have `length` bytes."""

    in_flight = 0

    def __init__(self, request: bytes, length: int) -> None:
        self._request = request
        self._length = length
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        self._began = now
        self._in_body = False
        self._body = 0
        self._trailers = b""
        # The beginning of a head or of a chunk, and how many bytes of a chunk that was counted are still to come.
        self._received = b""
        self._skip = 0

    def greet(self) -> bytes:
        return b""

    def call(self, now: float) -> bytes:
        self._begin(now)
        self.in_flight = 1
        return self._request

    def take(self, data: bytes, now: float, latencies: "array[float]", *, is_over: bool) -> bytes:
        if self._received:
            data = self._received + data
        start = self._skip
        if not self._in_body:
            start = data.find(b"\r\n\r\n") + 4
            if start < 4:
                self._received = data
                return b""
            head = data[:start].lower()
            if not head.startswith(b"http/1.1 200 ") or b"\r\ntransfer-encoding: chunked\r\n" not in head:
                raise CallError(f"unexpected response: {head!r}")
            self._in_body = True
        if not self._walk(data, start):
            return b""
        if self._body != self._length or not _is_success(self._trailers):
            raise CallError(f"a stream of {self._body} bytes instead of {self._length}, then {self._trailers!r}")
        latencies.append(now - self._began)
        self.in_flight = 0
        return b"" if is_over else self.call(now)

    def _walk(self, data: bytes, start: int) -> bool:
        """Go through the chunks from `start` and return whether the body has ended."""
        end = len(data)
        while start < end:
            line = data.find(b"\r\n", start)
            if line < 0:
                break
            size = int(data[start:line], 16)
            behind = line + 2 + size + 2
            if size and self._body + size <= self._length:
                self._body += size
            elif behind > end:
                break
            elif size == 0:
                return True
            else:
                # The last messages, or none, and the trailers.
                messages = self._length - self._body
                self._trailers += data[line + 2 + messages : behind - 2]
                self._body = self._length
            start = behind
        self._skip = max(start - end, 0)
        self._received = data[start:]
        return False


def _is_success(trailers: bytes) -> bool:
    # Not every server writes a space after a trailer's colon.
    return trailers.startswith(b"\x80") and b"grpc-status:0\r\n" in trailers.replace(b" ", b"")


def _length(size: int, count: int) -> int:
    return (_FRAME_PREFIX + size) * count


def grpc_streams(port: int, size: int, count: int) -> Load:
    """Return a load of streams over gRPC with `count` messages of `size` bytes."""
    headers = header_block(feed.METHOD, f"127.0.0.1:{port}", {})
    at_once, request, length = STREAMS // CONNECTIONS, feed.request(size, count), _length(size, count)
    return SocketLoad(port, CONNECTIONS, lambda: GrpcStreams(at_once, headers, request, length), messages=count)


def web_streams(port: int, size: int) -> Load:
    """Return a load of streams over gRPC-Web with messages of `size` bytes."""
    count = feed.MESSAGES[size]
    request = post(feed.METHOD, WEB_TYPE, frame(0, feed.request(size, count)))
    return SocketLoad(port, STREAMS, lambda: WebStream(request, _length(size, count)), messages=count)
