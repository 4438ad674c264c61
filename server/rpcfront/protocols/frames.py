"""gRPC-Web's framing of a request: one length-prefixed message, in binary or in base64.

The rules are those of PROTOCOL-WEB.md and PROTOCOL-HTTP2.md ("Length-Prefixed-Message", "Message-Encoding").
"""

import base64
import binascii
import struct
from contextlib import suppress

from google.rpc import code_pb2

from rpcfront.calls.protobuf import MORE_MESSAGES, NO_MESSAGE
from rpcfront.limits import too_large
from rpcfront.protocols.compression import GZIP, NotGzipError, gunzip
from rpcfront.status import StatusError, make_status, status_error

_PREFIX = struct.Struct(">BI")
_COMPRESSED = 0x01

_KNOWN = {None, "", "identity", GZIP}

ENCODINGS = f"identity,{GZIP}"
UNKNOWN_ENCODING = make_status(code_pb2.UNIMPLEMENTED, f"the encoding must be one of {ENCODINGS}")
"""The status of a request in an unknown encoding. Its response has the header `grpc-accept-encoding`."""


def _malformed(text: str) -> StatusError:
    return status_error(code_pb2.INTERNAL, text)


def framing(message_limit: int, *, text: bool) -> int:
    """Return how much longer a body may be than its message of `message_limit` bytes."""
    size = _PREFIX.size + message_limit
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
    if encoding not in _KNOWN:
        raise StatusError(UNKNOWN_ENCODING)
    if not body:
        raise StatusError(NO_MESSAGE)
    if len(body) < _PREFIX.size:
        raise _malformed("the request's frame is cut short")
    flags, length = _PREFIX.unpack_from(body)
    if flags & ~_COMPRESSED:
        raise _malformed("a request's frame must be a message")
    if length > limit:
        raise too_large(limit)
    end = _PREFIX.size + length
    if len(body) < end:
        raise _malformed("the request's frame is cut short")
    if len(body) > end:
        raise _more(body, end)
    message = body[_PREFIX.size :]
    return _decompress(message, encoding, limit) if flags & _COMPRESSED else message


def _more(body: bytes, end: int) -> StatusError:
    """Return the error for what follows the first message: more messages, or something malformed."""
    while len(body) - end >= _PREFIX.size:
        flags, length = _PREFIX.unpack_from(body, end)
        end += _PREFIX.size + length
        if flags & ~_COMPRESSED:
            return _malformed("a request's frame must be a message")
    if end == len(body):
        return StatusError(MORE_MESSAGES)
    return _malformed("the request has bytes behind its message")


def _decompress(message: bytes, encoding: str | None, limit: int) -> bytes:
    if encoding != GZIP:
        raise _malformed("the message is compressed, but grpc-encoding names no compression")
    try:
        return gunzip(message, limit)
    except NotGzipError:
        raise _malformed("the message does not decompress") from None
