"""What granian refuses before any code of ours runs, as docs/rpcfront-decisions.md lists it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.actiond import ServerProcess
from tests.support.waiting import WAIT

TAIL = b"Host: t\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory: Path = tmp_path_factory.mktemp("refusals")
    with ServerProcess(directory) as server:
        yield server


def answer(server: ServerProcess, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.http_port), WAIT) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + TAIL, b"431", id="a URI of 70,000 bytes"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n" + TAIL, b"431", id="a header of 70,000 bytes"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + TAIL, b"431", id="200 headers"),
        pytest.param(b"GARBAGE\r\n\r\n", b"400", id="no request line"),
        pytest.param(b"GET / HTTP/3.0\r\n" + TAIL, b"400", id="another version"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n" + TAIL, b"400", id="no header line"),
        pytest.param(b"GET /\0 HTTP/1.1\r\n" + TAIL, b"400", id="a control character in the URI"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + TAIL, b"400", id="two content lengths"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + TAIL, b"400", id="an unknown transfer encoding"
        ),
    ],
)
def test_what_is_not_http_or_too_large_is_refused_with_an_empty_body(
    server: ServerProcess, request_bytes: bytes, status: bytes
) -> None:
    head, _, body = answer(server, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert body == b""


@pytest.mark.parametrize("target", [b"foo", b"*"])
def test_a_request_target_without_a_path_is_invalid(server: ServerProcess, target: bytes) -> None:
    head, _, body = answer(server, b"GET " + target + b" HTTP/1.1\r\n" + TAIL).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body == b'{"code":3,"message":"the path does not start with a slash","details":[]}'
