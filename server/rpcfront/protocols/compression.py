"""gzip, the only compression of requests. Decompresses up to a limit: a small body must not become a large one."""

import zlib

from rpcfront.limits import too_large

GZIP = "gzip"
_WINDOW = 16 + zlib.MAX_WBITS


_PIECE = 64 * 1024
"""Bytes that are decompressed at once: what follows a member's end is copied for the next one."""
_MAX_MEMBERS = 1_000
"""Members of one file. Empty ones cost time, and count towards no other limit."""


class NotGzipError(ValueError):
    """The data does not decompress, or there is more after its end."""


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompress a series of members (RFC 1952, 2.2).

    Raises NotGzipError, and StatusError if the result is longer than `limit` bytes.
    """
    parts: list[bytes] = []
    left, members = limit + 1, 0
    inflater = None
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        while piece:
            if inflater is None:
                members += 1
                if members > _MAX_MEMBERS:
                    raise NotGzipError
                inflater = zlib.decompressobj(_WINDOW)
            try:
                part = inflater.decompress(piece, left)
            except zlib.error:
                raise NotGzipError from None
            parts.append(part)
            left -= len(part)
            if left <= 0:
                raise too_large(limit)
            piece = inflater.unused_data
            if inflater.eof:
                inflater = None
    if inflater is not None or not members:
        raise NotGzipError
    return b"".join(parts)
