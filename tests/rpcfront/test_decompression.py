"""Decompression of messages: gzip and deflate, up to a limit."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront import DecompressedSizeError, DecompressionError, decompress

COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}

encodings = pytest.mark.parametrize("encoding", COMPRESS)


@encodings
@given(data=st.binary(max_size=500))
def test_what_was_compressed_comes_back_if_it_is_within_the_limit(encoding: str, data: bytes) -> None:
    packed = COMPRESS[encoding](data)
    assert decompress(packed, encoding, len(data)) == data
    if data:
        with pytest.raises(DecompressedSizeError):
            decompress(packed, encoding, len(data) - 1)


@encodings
def test_a_small_body_that_becomes_a_large_one_is_refused(encoding: str) -> None:
    with pytest.raises(DecompressedSizeError):
        decompress(COMPRESS[encoding](bytes(50_000_000)), encoding, 1_000_000)


@encodings
@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: data[:-1], lambda data: data + b"x", lambda data: b"x"]
)
def test_what_does_not_decompress_to_its_end_is_refused(encoding: str, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DecompressionError):
        decompress(spoil(COMPRESS[encoding](b"message")), encoding, 1000)


def test_gzip_may_have_members_and_deflate_may_not() -> None:
    assert decompress(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 10) == b"ab"
    with pytest.raises(DecompressionError):
        decompress(zlib.compress(b"a") + zlib.compress(b"b"), "deflate", 10)
