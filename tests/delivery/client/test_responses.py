"""Responses by themselves, byte by byte: where they end, what of them counts towards a limit, what follows them."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.delivery.http1.response import (
    MAX_HEAD_BYTES,
    MAX_INTERIM_RESPONSES,
    BodyLimit,
    ConnectionLostError,
    ResponseError,
    ResponseReader,
    ResponseTooLargeError,
)

LIMIT = BodyLimit(1_000, is_kept=True)
UNUSED = BodyLimit(1_000, is_kept=False)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


@dataclass(frozen=True)
class Read:
    """A response that was read, or the error of one."""

    status: int = 0
    body: bytes = b""
    is_reusable: bool = False
    error: type[Exception] | None = None


def read(data: bytes, step: int = 0, limit: BodyLimit = LIMIT) -> Read:
    """Feed the bytes, so many at once, until the response is complete, then the end of the connection."""
    reader = ResponseReader(limit)
    step = step or len(data) or 1
    try:
        for start in range(0, len(data), step):
            if not reader.is_complete:
                reader.feed(data[start : start + step])
        if not reader.is_complete:
            reader.feed_eof()
    except (ResponseError, ResponseTooLargeError, ConnectionLostError) as error:
        return Read(error=type(error))
    return Read(reader.status, bytes(reader.body), reader.is_reusable)


def head(size: int) -> bytes:
    """A response whose head has so many bytes."""
    start, end = OK + b"Content-Length: 2\r\nContent-Security-Policy: ", b"\r\n\r\n"
    return start + b"a" * (size - len(start) - len(end)) + end + b"{}"


ANSWERS = {
    "with a length": (OK + b"Content-Length: 2\r\n\r\n{}", Read(200, b"{}", True)),
    "in chunks": (CHUNKED + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nTrailer: 1\r\n\r\n", Read(200, b"{}", True)),
    "until the end": (OK + b"\r\n{}", Read(200, b"{}", False)),
    "with an unknown coding": (OK + b"Transfer-Encoding: gzip\r\n\r\n{}", Read(200, b"{}", False)),
    "that closes": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", Read(200, b"{}", False)),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Read(200, b"{}", False)),
    "of HTTP/1.2": (b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\n{}", Read(200, b"{}", True)),
    "of HTTP/1.9": (b"HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\n{}", Read(200, b"{}", True)),
    "of HTTP/2": (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Read(error=ResponseError)),
    "after interim ones": (
        EARLY_HINTS * MAX_INTERIM_RESPONSES + OK + b"Content-Length: 0\r\n\r\n",
        Read(200, b"", True),
    ),
    "after too many interim ones": (EARLY_HINTS * (MAX_INTERIM_RESPONSES + 1), Read(error=ResponseError)),
    "after an interim one with a body": (
        b"HTTP/1.1 199 -\r\nContent-Length: 2\r\n\r\n{}" + OK + b"Content-Length: 0\r\n\r\n",
        Read(error=ResponseError),
    ),
    "after empty lines": (b"\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", Read(200, b"{}", True)),
    "after endless empty lines": (b"\r\n" * 40_000, Read(error=ResponseError)),
    "with a head of 64 KiB less a byte": (head(MAX_HEAD_BYTES - 1), Read(200, b"{}", True)),
    "with a larger head": (head(MAX_HEAD_BYTES + 1), Read(error=ResponseError)),
    "that switches protocols": (b"HTTP/1.1 101 -\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", Read(101)),
    "that is not HTTP": (b"220 mail.example.com ESMTP\r\n", Read(error=ResponseError)),
    "with a longer body": (OK + b"Content-Length: 1001\r\n\r\n" + bytes(1001), Read(error=ResponseTooLargeError)),
    "cut in its head": (OK + b"Content-", Read(error=ConnectionLostError)),
    "cut in its body": (OK + b"Content-Length: 2\r\n\r\n{", Read(error=ResponseError)),
    "cut between chunks": (CHUNKED + b"2\r\n{}\r\n", Read(error=ResponseError)),
    "without bytes": (b"", Read(error=ConnectionLostError)),
    "without content": (b"HTTP/1.1 204 No Content\r\n\r\n", Read(204, b"", True)),
    "without content, of length 0": (b"HTTP/1.1 204 -\r\nContent-Length: 0\r\n\r\n", Read(204, b"", True)),
    "without content, of length 4": (b"HTTP/1.1 204 -\r\nContent-Length: 4\r\n\r\n", Read(204, b"", False)),
    "without content, in chunks": (b"HTTP/1.1 204 -\r\nTransfer-Encoding: chunked\r\n\r\n", Read(204, b"", False)),
}


@pytest.mark.parametrize("case", ANSWERS)
@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_response_is_the_same_however_its_bytes_arrive(case: str, step: int) -> None:
    data, expected = ANSWERS[case]
    assert read(data, step) == expected


FOLLOWED = {
    "a body that a 204 cannot have": (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", b"null", 204, b""),
    "chunks that a 204 cannot have": (b"HTTP/1.1 204 -\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n", 204, b""),
    "a body that a 304 cannot have": (b"HTTP/1.1 304 -\r\nContent-Length: 2\r\n\r\n", b"{}", 304, b""),
    "more than the length": (OK + b"Content-Length: 2\r\n\r\n{}", b"xx", 200, b"{}"),
    "more than the last chunk": (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", b"xx", 200, b"{}"),
    "another response": (
        OK + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 500 -\r\nContent-Length: 1\r\n\r\nx",
        200,
        b"{}",
    ),
    "half a response": (OK + b"Content-Length: 2\r\n\r\n{}", b"HTTP/1.1 5", 200, b"{}"),
    "more after the end of the connection": (
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"xx",
        200,
        b"{}",
    ),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_what_follows_a_complete_response_is_no_part_of_it_and_ends_the_connection(case: str) -> None:
    response, rest, status, body = FOLLOWED[case]
    assert read(response + rest) == Read(status, body, False)


@given(st.binary(min_size=1, max_size=20).filter(lambda rest: rest.strip(b"\r\n") != b""))
def test_nothing_that_follows_a_complete_response_fails_it(rest: bytes) -> None:
    assert read(OK + b"Content-Length: 2\r\n\r\n{}" + rest) == Read(200, b"{}", False)


ENDLESS = {
    "interim responses": (b"", EARLY_HINTS),
    "bytes before the status line": (b"", b"\r\n"),
    "header lines": (OK, b"a: b\r\n"),
    "a header line": (OK + b"a: ", b"bbbb"),
    "a status line": (b"HTTP/1.1 200 ", b"bbbb"),
    "a chunk's extension": (CHUNKED + b"2;", b"abcd"),
    "a trailer": (CHUNKED + b"0\r\na: ", b"abcd"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
    "zeros of a chunk's size": (CHUNKED, b"0000"),
    "chunks of a byte": (CHUNKED, b"1\r\nx\r\n"),
}


@pytest.mark.parametrize("case", ENDLESS)
@pytest.mark.parametrize(
    "limit", [BodyLimit(2**31, is_kept=True), BodyLimit(2**31, is_kept=False)], ids=["kept", "unused"]
)
def test_every_byte_of_a_response_counts_towards_a_limit(case: str, limit: BodyLimit) -> None:
    """However long a body may be, what is around it is bounded."""
    start, again = ENDLESS[case]
    reader = ResponseReader(limit)
    reader.feed(start)
    taken = 0
    try:
        while not reader.is_complete:
            assert taken < 500_000
            reader.feed(again * 1_000)
            taken += len(again) * 1_000
    except ResponseError:
        return
    assert not limit.is_kept
    assert not reader.is_reusable


def test_chunks_of_a_few_bytes_are_no_abuse() -> None:
    body = b"6\r\nabcdef\r\n" * 100_000
    read_whole = read(CHUNKED + body + b"0\r\n\r\n", 1_000, BodyLimit(1_000_000, is_kept=True))
    assert (read_whole.status, len(read_whole.body)) == (200, 600_000)


def test_a_body_that_is_not_used_is_read_to_the_limit_and_no_further() -> None:
    assert read(OK + b"Content-Length: 1000\r\n\r\n" + bytes(1000), limit=UNUSED) == Read(200, b"", True)
    assert read(OK + b"Content-Length: 1001\r\n\r\n" + bytes(1001), limit=UNUSED) == Read(200, b"", False)


def test_of_an_unsuccessful_response_the_body_is_not_waited_for() -> None:
    assert read(b"HTTP/1.1 503 -\r\nContent-Length: 1000000\r\n\r\n") == Read(503, b"", False)
    assert read(b"HTTP/1.1 503 -\r\nContent-Length: 2\r\n\r\n{}").is_reusable


ASKED = b"Retry-After: 120\r\n"
RETRY_AFTER = {
    "of a 503": (b"HTTP/1.1 503 -\r\n" + ASKED + b"\r\n", b"120"),
    "of a 429": (b"HTTP/1.1 429 -\r\n" + ASKED + b"\r\n", b"120"),
    "of a 500": (b"HTTP/1.1 500 -\r\n" + ASKED + b"\r\n", b""),
    "of a redirect": (b"HTTP/1.1 301 -\r\n" + ASKED + b"\r\n", b""),
    "of a success": (OK + ASKED + b"Content-Length: 0\r\n\r\n", b""),
    "in capitals": (b"HTTP/1.1 503 -\r\nRETRY-AFTER:1\r\n\r\n", b"1"),
    "of an interim response": (b"HTTP/1.1 103 -\r\n" + ASKED + b"\r\nHTTP/1.1 503 -\r\n\r\n", b""),
    "in a trailer": (b"HTTP/1.1 503 -\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + ASKED + b"\r\n", b""),
    "twice": (b"HTTP/1.1 503 -\r\n" + ASKED + b"Retry-After: 7\r\n\r\n", b"120"),
}


@pytest.mark.parametrize("case", RETRY_AFTER)
@pytest.mark.parametrize("step", [0, 1])
def test_the_time_to_wait_is_kept_of_those_responses_that_ask_to_retry_later(case: str, step: int) -> None:
    data, expected = RETRY_AFTER[case]
    reader = ResponseReader(UNUSED)
    for start in range(0, len(data), step or len(data)):
        if not reader.is_complete:
            reader.feed(data[start : start + (step or len(data))])
    assert reader.is_complete
    assert reader.retry_after == expected
