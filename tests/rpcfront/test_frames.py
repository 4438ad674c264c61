"""The framing of a gRPC-Web request."""

import base64
import gzip
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.protocols.frames import decode_text, framing, read_message
from rpcfront.status import StatusError

UNIMPLEMENTED, INTERNAL, RESOURCE_EXHAUSTED = 12, 13, 8
LIMIT = 100


def frame(message: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(message)) + message


def code_of(body: bytes, encoding: str | None = None) -> int:
    with pytest.raises(StatusError) as caught:
        read_message(body, encoding, LIMIT)
    return int(caught.value.status.code)


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (frame(b"hi"), None, b"hi"),
        (frame(b""), None, b""),
        (frame(b"x" * LIMIT), None, b"x" * LIMIT),
        (frame(b"hi"), "gzip", b"hi"),
        (frame(b"hi"), "identity", b"hi"),
        (frame(gzip.compress(b"hi", mtime=0), 1), "gzip", b"hi"),
        (frame(gzip.compress(b"", mtime=0), 1), "gzip", b""),
        (frame(gzip.compress(b"x" * LIMIT, mtime=0), 1), "gzip", b"x" * LIMIT),
    ],
)
def test_one_message_frame_is_read(body: bytes, encoding: str | None, message: bytes) -> None:
    assert read_message(body, encoding, LIMIT) == message


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        pytest.param(b"", None, UNIMPLEMENTED, id="no message"),
        pytest.param(frame(b"a") + frame(b"b"), None, UNIMPLEMENTED, id="two messages"),
        pytest.param(frame(b"a") * 5, None, UNIMPLEMENTED, id="five messages"),
        pytest.param(b"\0\0", None, INTERNAL, id="a cut prefix"),
        pytest.param(frame(b"hello")[:-1], None, INTERNAL, id="a cut message"),
        pytest.param(frame(b"hi") + b"xx", None, INTERNAL, id="bytes behind the message"),
        pytest.param(frame(b"hi") + frame(b"hello")[:-1], None, INTERNAL, id="a cut second message"),
        pytest.param(frame(b"hi") + frame(b"x: y\r\n", 0x80), None, INTERNAL, id="a trailer frame behind"),
        pytest.param(frame(b"x: y\r\n", 0x80), None, INTERNAL, id="a trailer frame"),
        pytest.param(frame(b"hi", 2), None, INTERNAL, id="a reserved flag"),
        pytest.param(frame(b"hi", 1), None, INTERNAL, id="compressed without an encoding"),
        pytest.param(frame(b"hi", 1), "identity", INTERNAL, id="compressed with identity"),
        pytest.param(frame(b"hi", 1), "br", UNIMPLEMENTED, id="an unknown encoding"),
        pytest.param(frame(b"hi", 1), "gzip", INTERNAL, id="not gzip"),
        pytest.param(frame(gzip.compress(b"hi")[:-3], 1), "gzip", INTERNAL, id="cut gzip"),
        pytest.param(frame(gzip.compress(b"hi") + b"x", 1), "gzip", INTERNAL, id="bytes behind the gzip"),
        pytest.param(frame(b"x" * (LIMIT + 1)), None, RESOURCE_EXHAUSTED, id="over the limit"),
        pytest.param(b"\0\xff\xff\xff\xff\x12", None, RESOURCE_EXHAUSTED, id="a huge declared length"),
        pytest.param(frame(gzip.compress(b"x" * 100_000), 1), "gzip", RESOURCE_EXHAUSTED, id="a bomb"),
    ],
)
def test_a_body_that_is_not_one_message_is_refused(body: bytes, encoding: str | None, code: int) -> None:
    assert code_of(body, encoding) == code


@given(st.binary(max_size=200), st.sampled_from([None, "gzip", "identity", "br"]))
def test_any_bytes_are_a_message_or_a_status(body: bytes, encoding: str | None) -> None:
    with suppress(StatusError):
        assert isinstance(read_message(body, encoding, LIMIT), bytes)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6))
def test_base64_with_padding_after_any_flush_is_read(flushes: list[bytes]) -> None:
    assert decode_text(b"".join(map(base64.b64encode, flushes))) == b"".join(flushes)


@pytest.mark.parametrize("body", [b"A", b"AA=A", b"AAAA=", b"AA\nA", b"*AAA", "é".encode()])
def test_what_is_not_base64_is_refused(body: bytes) -> None:
    with pytest.raises(StatusError) as caught:
        decode_text(body)
    assert caught.value.status.code == INTERNAL


@given(st.integers(min_value=0, max_value=10_000))
def test_a_message_of_the_limit_fits_into_a_body_of_the_limit(size: int) -> None:
    body = frame(bytes(size))
    assert len(body) <= size + framing(size, text=False)
    assert len(base64.b64encode(body)) <= size + framing(size, text=True)
