"""Standard error and standard output that nobody reads: the server goes on, and ends as it should."""

import fcntl
import http.client
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.action_service.http_calls import HalfSentCall, accepts, create_target
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.ports import free_port
from tests.support.waiting import WAIT, until


class Unread(ServerProcess):
    """A server whose standard error, or both streams, is a full pipe that nobody reads."""

    reading = -1

    def start_unread(self, fill: Callable[[int], None]) -> None:
        """Start with ports that are known, since nobody reads them."""
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        fill(writing)
        self._process = subprocess.Popen(
            self.command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
        os.close(writing)


def to_the_brim(writing: int) -> None:
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x")
    except BlockingIOError:
        """It is full."""
    os.set_blocking(writing, True)


@pytest.fixture(params=[1, 2])
def unread(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Unread]:
    http_port, grpc_port = free_port(), free_port()
    server = Unread(
        tmp_path,
        "--access-log",
        "text",
        "--log-level",
        "debug",
        workers=request.param,
        http_address=f"127.0.0.1:{http_port}",
        grpc_address=f"127.0.0.1:{grpc_port}",
    )
    server.http_port, server.grpc_port = http_port, grpc_port
    server.start_unread(to_the_brim)
    try:
        until(lambda: accepts(http_port), "it serves")
        yield server
    finally:
        server.kill()
        os.close(server.reading)


def answers(server: ServerProcess) -> bool:
    """Whether a request is answered. It makes a line in the access log."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT)
    try:
        connection.request("GET", "/nothing", headers={"X-Request-Id": "r" * 128})
        return connection.getresponse().status == 404
    finally:
        connection.close()


def test_a_server_whose_streams_nobody_reads_serves_and_ends_with_0(unread: Unread) -> None:
    assert all(answers(unread) for _ in range(200))
    with HalfSentCall(unread, "in flight") as call:
        assert create_target(unread, "before") == 201
        unread.signal(signal.SIGTERM)
        until(lambda: not accepts(unread.http_port), "HTTP refuses connections")
        assert call.finish().startswith(b"HTTP/1.1 201 ")
    assert unread.wait() == 0
    # The last connection of a store that is closed takes the log into the database.
    assert not (unread.data_dir / "actiond.db-wal").exists()


def test_once_the_streams_are_read_the_log_goes_on(unread: Unread) -> None:
    assert all(answers(unread) for _ in range(100))
    unread.signal(signal.SIGTERM)
    with os.fdopen(os.dup(unread.reading), "rb") as end:
        text = end.read()
    assert unread.wait() == 0
    assert b"draining" in text
    assert text.count(b" request_id=" + b"r" * 128) == 100
