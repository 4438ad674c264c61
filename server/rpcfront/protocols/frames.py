"""Length-prefixed messages, as gRPC, gRPC-Web and Connect's streams have them: in binary, and gRPC-Web's in base64.

The rules are those of PROTOCOL-HTTP2.md ("Length-Prefixed-Message", "Message-Encoding") and PROTOCOL-WEB.md.
"""

import base64
import binascii
import struct
from contextlib import suppress

from google.rpc import code_pb2

from rpcfront.calls.protobuf import MORE_MESSAGES, NO_MESSAGE
from rpcfront.limits import too_large
from rpcfront.protocols.compression import GZIP, DecompressionError, gunzip
from rpcfront.protocols.http import HttpRequest
from rpcfront.status import StatusError, make_status, status_error

_PREFIX = struct.Struct(">BI")
PREFIX_BYTES = _PREFIX.size
_COMPRESSED = 0x01

_NOT_A_MESSAGE = "a request's frame must be a message"
_KNOWN = {None, "", "identity", GZIP}

ENCODINGS = f"identity,{GZIP}"
UNKNOWN_ENCODING = make_status(code_pb2.UNIMPLEMENTED, f"the encoding must be one of {ENCODINGS}")
"""The status of a request in an unknown encoding. Its response has the header `grpc-accept-encoding`."""


def _malformed(text: str) -> StatusError:
    return status_error(code_pb2.INTERNAL, text)


def framing(message_limit: int, *, text: bool) -> int:
    """Return how much longer a body may be than its message of `message_limit` bytes."""
    size = PREFIX_BYTES + message_limit
    # Base64 may be padded after every flush, so it gets some extra.
    return ((size + 2) // 3 * 4 + 64 if text else size) - message_limit


def decode_text(body: bytes) -> bytes:
    """Decode a body in base64. Every flush may have added padding, so it is decoded quad by quad."""
    if b"=" not in body:
        body += b"=" * (-len(body) % 4)
    size = len(body) if b"=" not in body.rstrip(b"=") else 4
    if len(body) % 4 == 0:
        with suppress(binascii.Error):
            quads = (body[start : start + size] for start in range(0, len(body), max(size, 4)))
            return b"".join(base64.b64decode(quad, validate=True) for quad in quads)
    raise _malformed("the request's body is not base64")


def read_message(body: bytes, encoding: str | None, limit: int) -> bytes:
    """Return the message in the body of a request. Raises StatusError unless there is exactly one."""
    size = len(body) - PREFIX_BYTES
    if encoding is None and body[:1] == b"\0" and size == int.from_bytes(body[1:PREFIX_BYTES], "big") and size <= limit:
        return body[PREFIX_BYTES:]  # the common case, without the questions below
    if encoding not in _KNOWN:
        raise StatusError(UNKNOWN_ENCODING)
    if not body:
        raise StatusError(NO_MESSAGE)
    if len(body) < PREFIX_BYTES:
        raise _malformed("the request's frame is cut short")
    flags, length = _PREFIX.unpack_from(body)
    if flags & ~_COMPRESSED:
        raise _malformed(_NOT_A_MESSAGE)
    if length > limit:
        raise too_large(limit)
    end = PREFIX_BYTES + length
    if len(body) < end:
        raise _malformed("the request's frame is cut short")
    if len(body) > end:
        raise _more(body, end)
    message = body[PREFIX_BYTES:]
    return _decompress(message, encoding, limit) if flags & _COMPRESSED else message


class FrameReader:
    """Reads the frames of a request's body one by one. It holds one frame, and what arrived together with its end."""

    def __init__(self, request: HttpRequest, encoding: str | None, limit: int) -> None:
        """Take a request whose messages have up to `limit` bytes. Raises StatusError for an unknown encoding."""
        if encoding not in _KNOWN:
            raise StatusError(UNKNOWN_ENCODING)
        self._request = request
        self._limit = limit
        self._data = b""
        self._start = 0

    async def next(self) -> bytes | None:
        """Return the next frame, with its prefix; None at the end of the body. Raises StatusError.

        A client may be silent between two frames, but within one it must go on.
        """
        while len(self._data) - self._start < PREFIX_BYTES:
            rest = self._data[self._start :]
            data = await self._request.receive(timely=bool(rest))
            self._data, self._start = rest + data, 0
            if not data:
                if rest:
                    raise _malformed("the request's frame is cut short")
                return None
        flags, length = _PREFIX.unpack_from(self._data, self._start)
        if flags & ~_COMPRESSED:
            raise _malformed(_NOT_A_MESSAGE)
        if length > self._limit:
            raise too_large(self._limit)
        start, end = self._start, self._start + PREFIX_BYTES + length
        if len(self._data) < end:
            await self._receive_more(end - len(self._data))
            start, end = 0, end - start
        self._start = end
        return self._data[start:end]

    async def _receive_more(self, missing: int) -> None:
        """Receive at least `missing` bytes behind those that are unread."""
        parts = [self._data[self._start :]]
        while missing > 0:
            data = await self._request.receive(timely=True)
            if not data:
                raise _malformed("the request's frame is cut short")
            parts.append(data)
            missing -= len(data)
        self._data, self._start = b"".join(parts), 0

    async def only(self) -> bytes:
        """Return the only frame of the body. Raises StatusError if there is none, or another, or if it is late."""
        self._request.bound_reading()
        frame = await self.next()
        if frame is None:
            raise StatusError(NO_MESSAGE)
        if await self.next() is not None:
            raise StatusError(MORE_MESSAGES)
        return frame


def prefixed(message: bytes, flags: int = 0) -> bytes:
    """Return the frame of a message."""
    return _PREFIX.pack(flags, len(message)) + message


def _more(body: bytes, end: int) -> StatusError:
    """Return the error for what follows the first message: more messages, or something malformed."""
    while len(body) - end >= PREFIX_BYTES:
        flags, length = _PREFIX.unpack_from(body, end)
        end += PREFIX_BYTES + length
        if flags & ~_COMPRESSED:
            return _malformed(_NOT_A_MESSAGE)
    if end == len(body):
        return StatusError(MORE_MESSAGES)
    return _malformed("the request has bytes behind its message")


def _decompress(message: bytes, encoding: str | None, limit: int) -> bytes:
    if encoding != GZIP:
        raise _malformed("the message is compressed, but the request names no compression")
    try:
        return gunzip(message, limit)
    except DecompressionError:
        raise _malformed("the message does not decompress") from None
