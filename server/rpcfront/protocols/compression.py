"""gzip, the only compression of requests. Decompresses up to a limit: a small body must not become a large one."""

import zlib

from rpcfront.limits import too_large

GZIP = "gzip"
_WINDOW = 16 + zlib.MAX_WBITS


class NotGzipError(ValueError):
    """The data does not decompress, or there is more after its end."""


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompress `data`. Raises NotGzipError, and StatusError if the result is longer than `limit` bytes."""
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
