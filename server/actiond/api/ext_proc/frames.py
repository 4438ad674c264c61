"""Messages in the bodies of a proxied call: gRPC's frames, in whatever chunks they come.

The rules are those of PROTOCOL-HTTP2.md ("Length-Prefixed-Message", "Message-Encoding").
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from google.rpc import code_pb2

from rpcfront import DecompressedSizeError, DecompressionError, StatusError, decompress, status_error

_PREFIX = struct.Struct(">BI")
PREFIX_BYTES = _PREFIX.size
_COMPRESSED = 0x01

IDENTITY = "identity"
ENCODINGS = (IDENTITY, "deflate", "gzip")
"""The encodings of messages that can be read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it was sent."""

    data: bytes
    """The prefix of five bytes, and the message behind it."""
    is_compressed: bool


class Deframer:
    """Cuts frames out of the chunks of one body. It holds one incomplete frame, within the limit."""

    def __init__(self, subject: str, limit: int) -> None:
        """Take what the body is, `request` or `response`, for texts of errors; and the most bytes of a message."""
        self._subject = subject
        self._limit = limit
        self._held = bytearray()
        self._needed = PREFIX_BYTES
        """How long `_held` must become before there is more to see in it."""

    @property
    def is_within_frame(self) -> bool:
        """Whether the bytes of an incomplete frame are held back."""
        return bool(self._held)

    def feed(self, chunk: bytes) -> Sequence[Frame]:
        """Return the frames that this chunk completes.

        Raises StatusError for what is no message (INTERNAL), and for one that is too large (RESOURCE_EXHAUSTED), as
        soon as its prefix is there.
        """
        if not self._held:
            if len(chunk) >= PREFIX_BYTES:
                flags, size = self._prefix(chunk, 0)
                if len(chunk) == size:  # the common case, in which nothing is copied
                    return (Frame(chunk, bool(flags)),)
            elif not chunk:
                return ()
        self._held += chunk
        if len(self._held) < self._needed:
            return ()
        return self._cut()

    def end(self) -> None:
        """See the end of the body. Raises StatusError (INTERNAL) within a frame."""
        if self._held:
            raise self._malformed("is cut short within a message")

    def _cut(self) -> Sequence[Frame]:
        held, frames, start = self._held, [], 0
        self._needed = PREFIX_BYTES
        while len(held) - start >= PREFIX_BYTES:
            flags, size = self._prefix(held, start)
            if len(held) - start < size:
                self._needed = size
                break
            frames.append(Frame(bytes(held[start : start + size]), bool(flags)))
            start += size
        del held[:start]
        return frames

    def _prefix(self, data: bytes | bytearray, start: int) -> tuple[int, int]:
        """Return the flags and the size of the frame that begins at `start`."""
        flags, length = _PREFIX.unpack_from(data, start)
        if flags & ~_COMPRESSED:
            raise self._malformed("has something that is not a message")
        if length > self._limit:
            raise too_large(self._subject, self._limit)
        return flags, PREFIX_BYTES + length

    def _malformed(self, text: str) -> StatusError:
        return status_error(code_pb2.INTERNAL, f"the {self._subject} {text}")


def unpacked(frame: Frame, encoding: str, subject: str, limit: int) -> bytes:
    """Return the message in a frame, decompressed.

    encoding: one of ENCODINGS, as `grpc-encoding` names it.

    Raises StatusError if it does not decompress (INTERNAL), or to more than `limit` bytes (RESOURCE_EXHAUSTED).
    """
    message = frame.data[PREFIX_BYTES:]
    if not frame.is_compressed:
        return message
    if encoding == IDENTITY:
        raise status_error(code_pb2.INTERNAL, f"a message is compressed, but the {subject} names no compression")
    try:
        return decompress(message, encoding, limit)
    except DecompressionError:
        raise status_error(code_pb2.INTERNAL, f"a message of the {subject} does not decompress") from None
    except DecompressedSizeError:
        raise too_large(subject, limit) from None


def framed(message: bytes) -> bytes:
    """Return the frame of a message, not compressed: that is allowed whatever `grpc-encoding` says."""
    return _PREFIX.pack(0, len(message)) + message


def too_large(subject: str, limit: int) -> StatusError:
    """Return the error for a message of more than `limit` bytes."""
    return status_error(
        code_pb2.RESOURCE_EXHAUSTED, f"a message of the {subject} is larger than the limit of {limit} bytes"
    )
