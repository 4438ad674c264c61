"""gRPC's frames in any chunks: what is complete comes out whole and in order, and nothing too large is held."""

import gzip
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from google.rpc import code_pb2
from hypothesis import given
from hypothesis import strategies as st

from actiond.api.ext_proc.frames import Deframer, Frame, framed, unpacked
from rpcfront import StatusError
from tests.support.wire.grpc_web import frame

LIMIT = 1000

messages = st.lists(st.binary(max_size=50), max_size=6)


def cut(data: bytes, points: list[int]) -> list[bytes]:
    """Cut data at points, which may be anywhere and repeated."""
    places = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(messages, st.lists(st.integers(0, 1000), max_size=10))
def test_frames_come_out_whole_whatever_the_chunks(sent: list[bytes], points: list[int]) -> None:
    deframer = Deframer("request", LIMIT)
    body = b"".join(map(frame, sent))
    got = [each for chunk in cut(body, points) for each in deframer.feed(chunk)]
    deframer.end()
    assert got == [Frame(frame(message), False) for message in sent]


@given(messages, st.lists(st.integers(0, 1000), max_size=10), st.binary(min_size=1, max_size=4))
def test_a_body_that_ends_within_a_frame_is_malformed(sent: list[bytes], points: list[int], rest: bytes) -> None:
    deframer = Deframer("request", LIMIT)
    for chunk in cut(b"".join(map(frame, sent)) + b"\0" + rest[1:], points):
        deframer.feed(chunk)
    assert deframer.is_within_frame
    with pytest.raises(StatusError) as raised:
        deframer.end()
    assert raised.value.status.code == code_pb2.INTERNAL


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_garbage_raises_a_status_and_nothing_else(body: bytes, points: list[int]) -> None:
    deframer = Deframer("request", LIMIT)
    with suppress(StatusError):
        for chunk in cut(body, points):
            deframer.feed(chunk)
        deframer.end()


@pytest.mark.parametrize("before", [b"", frame(b"one"), frame(b"one")[:7]])
def test_a_message_over_the_limit_is_refused_by_its_prefix(before: bytes) -> None:
    deframer = Deframer("response", LIMIT)
    deframer.feed(before)
    rest = frame(b"one")[len(before) :] if before else b""
    with pytest.raises(StatusError, match="the response is larger than the limit of 1000 bytes") as raised:
        deframer.feed(rest + b"\0" + (LIMIT + 1).to_bytes(4))
    assert raised.value.status.code == code_pb2.RESOURCE_EXHAUSTED


def test_a_message_of_the_limit_is_taken() -> None:
    assert len(Deframer("request", LIMIT).feed(frame(bytes(LIMIT)))) == 1


@pytest.mark.parametrize("flags", [2, 0x80, 0x81, 0xFF])
def test_what_is_no_message_is_refused(flags: int) -> None:
    with pytest.raises(StatusError) as raised:
        Deframer("request", LIMIT).feed(frame(b"", flags))
    assert raised.value.status.code == code_pb2.INTERNAL


def test_a_whole_frame_is_not_copied() -> None:
    chunk = frame(b"message")
    (got,) = Deframer("request", LIMIT).feed(chunk)
    assert got.data is chunk


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_messages_are_unpacked_by_their_flag(encoding: str, compress: "type[bytes]") -> None:
    packed = Frame(frame(compress(b"message"), 1), True)
    assert unpacked(packed, encoding, "request", LIMIT) == b"message"
    assert unpacked(Frame(frame(b"plain"), False), encoding, "request", LIMIT) == b"plain"


@pytest.mark.parametrize(
    ("data", "encoding", "code"),
    [
        (gzip.compress(bytes(LIMIT + 1)), "gzip", code_pb2.RESOURCE_EXHAUSTED),
        (zlib.compress(bytes(LIMIT + 1)), "deflate", code_pb2.RESOURCE_EXHAUSTED),
        (b"no", "gzip", code_pb2.INTERNAL),
        (gzip.compress(b"message"), "deflate", code_pb2.INTERNAL),
        (gzip.compress(b"message"), "identity", code_pb2.INTERNAL),
    ],
    ids=["a bomb", "a bomb of deflate", "no gzip", "another", "no encoding"],
)
def test_what_cannot_be_unpacked_is_refused(data: bytes, encoding: str, code: int) -> None:
    with pytest.raises(StatusError) as raised:
        unpacked(Frame(frame(data, 1), True), encoding, "request", LIMIT)
    assert raised.value.status.code == code


def test_a_frame_of_our_own_is_not_compressed() -> None:
    assert framed(b"message") == frame(b"message", 0)
