"""Heads that `actiond serve` refuses, by RFC 9110 and 9112, each with a page like that of any other error."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.actiond import ServerProcess
from tests.support.waiting import WAIT

TAIL = b"Host: t\r\nConnection: close\r\n\r\n"
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 3, 8, 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory: Path = tmp_path_factory.mktemp("refusals")
    with ServerProcess(directory) as server:
        yield server


def answer(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), WAIT) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("address", ["http", "grpc"])
@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        pytest.param(
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + TAIL, 431, RESOURCE_EXHAUSTED, id="a URI of 70,000 bytes"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n" + TAIL,
            431,
            RESOURCE_EXHAUSTED,
            id="a header of 70,000 bytes",
        ),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + TAIL, 431, RESOURCE_EXHAUSTED, id="200 headers"),
        pytest.param(b"GARBAGE\r\n\r\n", 501, UNIMPLEMENTED, id="no request line"),
        pytest.param(b"BREW / HTTP/1.1\r\n" + TAIL, 501, UNIMPLEMENTED, id="an unknown method"),
        pytest.param(b"GET / HTTP/3.0\r\n" + TAIL, 505, INVALID_ARGUMENT, id="another version"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n" + TAIL, 400, INVALID_ARGUMENT, id="no header line"),
        pytest.param(b"GET /\0 HTTP/1.1\r\n" + TAIL, 400, INVALID_ARGUMENT, id="a control character in the URI"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: t\r\n" + TAIL, 400, INVALID_ARGUMENT, id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, INVALID_ARGUMENT, id="no host"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + TAIL,
            400,
            INVALID_ARGUMENT,
            id="two content lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + TAIL,
            400,
            INVALID_ARGUMENT,
            id="a transfer encoding without an end",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" + TAIL,
            501,
            UNIMPLEMENTED,
            id="an unknown transfer encoding",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nExpect: x\r\n" + TAIL, 417, INVALID_ARGUMENT, id="an unknown expectation"),
    ],
)
def test_a_head_that_is_malformed_or_too_large_is_refused_with_an_error_in_json(
    server: ServerProcess, address: str, request_bytes: bytes, status: int, code: int
) -> None:
    port = server.http_port if address == "http" else server.grpc_port
    head, _, body = answer(port, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncontent-type: application/json\r\n" in head
    assert b"connection: close" in head
    error = json.loads(body)
    assert (list(error), error["code"], error["details"]) == (["code", "message", "details"], code, [])


@pytest.mark.parametrize(
    ("target", "text"),
    [
        pytest.param(b"foo", "the request is not well-formed HTTP/1.1", id="a word"),
        pytest.param(b"*", "the path does not start with a slash", id="an asterisk"),
    ],
)
def test_a_request_target_without_a_path_is_invalid(server: ServerProcess, target: bytes, text: str) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\n" + TAIL
    head, _, body = answer(server.http_port, request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body.decode() == f'{{"code":3,"message":"{text}","details":[]}}'
