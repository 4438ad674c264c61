"""WatchExecutions with a real server: the same stream over every protocol."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from actiond_protos.actiond.v1 import execution_service_pb2 as pb

from tests.parity.calls import on_function, on_request, set_execution
from tests.parity.streams import STREAMS, Stream
from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import Json
from tests.support.action_service.model import Call
from tests.support.servers.actiond import ADMIN_TOKEN, STOP_TIMEOUT, ServerProcess

HEARTBEAT_SECONDS = 0.5
"""A change, or the same revision again, is seen at the latest after this time."""
SLACK = 2.0
"""Seconds more that a busy machine may take."""
NOTHING = pb.WatchExecutionsRequest()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, "--execution-function", "first") as server:
        yield server


@pytest.fixture(params=STREAMS)
def watch(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[Iterator[pb.WatchExecutionsResponse]]:
    stream: Stream = STREAMS[request.param](Ports(server.grpc_port, server.http_port), ADMIN_TOKEN, NOTHING)
    yield iter(stream)
    stream.close()


def change(server: ServerProcess, call: Call) -> None:
    driver = Json(server.http_port, ADMIN_TOKEN)
    assert driver(call).code == 0
    driver.close()


def until_higher(watch: Iterator[pb.WatchExecutionsResponse], revision: int) -> tuple[int, float]:
    """Return the next higher revision, and the longest time between two messages until then."""
    longest, last = 0.0, time.monotonic()
    for response in watch:
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        assert response.revision >= revision
        if response.revision > revision:
            return response.revision, longest
    raise AssertionError("the watch has ended")


def test_the_revision_comes_at_once_and_after_each_change(
    server: ServerProcess, watch: Iterator[pb.WatchExecutionsResponse]
) -> None:
    first = next(watch).revision
    change(server, set_execution(on_request(all=True)))
    second, waited = until_higher(watch, first)
    assert waited < HEARTBEAT_SECONDS + SLACK
    change(server, set_execution(on_function("first")))
    third, waited = until_higher(watch, second)
    assert waited < HEARTBEAT_SECONDS + SLACK
    assert first < second < third


def test_the_same_revision_is_repeated_while_nothing_changes(watch: Iterator[pb.WatchExecutionsResponse]) -> None:
    first = next(watch)
    began = time.monotonic()
    assert [next(watch) for _ in range(4)] == [first] * 4
    assert time.monotonic() - began < 4 * HEARTBEAT_SECONDS + SLACK


def test_the_watch_ends_with_ok_when_the_server_stops(
    server: ServerProcess, watch: Iterator[pb.WatchExecutionsResponse]
) -> None:
    next(watch)
    assert server.stop() == 0
    assert len(list(watch)) < 4 * STOP_TIMEOUT  # it ends
