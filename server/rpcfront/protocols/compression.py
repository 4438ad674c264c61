"""Decompression, up to a limit: a small body must not become a large one. Requests may be in gzip alone."""

import zlib

from rpcfront.limits import too_large

GZIP = "gzip"
DEFLATE = "deflate"
_WINDOWS = {GZIP: 16 + zlib.MAX_WBITS, DEFLATE: zlib.MAX_WBITS}
"""By the encoding's name in HTTP (RFC 9110, 8.4.1) and gRPC, where "deflate" is zlib's format (RFC 1950)."""


_PIECE = 64 * 1024
"""Bytes that are decompressed at once: what follows a member's end is copied for the next one."""
_MAX_MEMBERS = 1_000
"""Members of one file. Empty ones cost time, and count towards no other limit."""


class DecompressionError(ValueError):
    """The data does not decompress, or there is more after its end."""


class DecompressedSizeError(ValueError):
    """The data is longer than the limit once it is decompressed."""


def decompress(data: bytes, encoding: str, limit: int) -> bytes:
    """Decompress `gzip` or `deflate`; of gzip a series of members (RFC 1952, 2.2).

    Raises DecompressionError, and DecompressedSizeError if the result is longer than `limit` bytes.
    """
    window = _WINDOWS[encoding]
    max_members = _MAX_MEMBERS if encoding == GZIP else 1
    parts: list[bytes] = []
    left, members = limit + 1, 0
    inflater = None
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        while piece:
            if inflater is None:
                members += 1
                if members > max_members:
                    raise DecompressionError
                inflater = zlib.decompressobj(window)
            try:
                part = inflater.decompress(piece, left)
            except zlib.error:
                raise DecompressionError from None
            parts.append(part)
            left -= len(part)
            if left <= 0:
                raise DecompressedSizeError
            piece = inflater.unused_data
            if inflater.eof:
                inflater = None
    if inflater is not None or not members:
        raise DecompressionError
    return b"".join(parts)


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompress gzip. Raises DecompressionError, and StatusError if the result is longer than `limit` bytes."""
    try:
        return decompress(data, GZIP, limit)
    except DecompressedSizeError:
        raise too_large(limit) from None
