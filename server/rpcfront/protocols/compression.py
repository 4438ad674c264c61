"""gzip, the one compression of requests: decompressed up to a limit, so that a small body cannot become a large one."""

import zlib

from rpcfront.limits import too_large

GZIP = "gzip"
_WINDOW = 16 + zlib.MAX_WBITS


class NotGzipError(ValueError):
    """Bytes that do not decompress, or that go on behind their end."""


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompresses `data`. Raises NotGzipError, and StatusError when the result is longer than `limit` bytes."""
    inflater = zlib.decompressobj(_WINDOW)
    try:
        plain = inflater.decompress(data, limit + 1)
    except zlib.error:
        raise NotGzipError from None
    if len(plain) > limit:
        raise too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise NotGzipError
    return plain
