"""WatchExecutions with a real server: the same stream over every protocol."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), "--execution-function", "first") as server:
        yield server


def open_watch(protocol: str, server: ServerProcess) -> Stream:
    return STREAMS[protocol](Ports(server.grpc_port, server.http_port), ADMIN_TOKEN, NOTHING)


@pytest.fixture(params=STREAMS)
def watch(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[Iterator[pb.WatchExecutionsResponse]]:
    with closing(open_watch(request.param, server)) as stream:
        yield iter(stream)


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
    assert [next(watch) for _ in range(2)] == [first] * 2
    assert time.monotonic() - began < 2 * HEARTBEAT_SECONDS + SLACK


def test_every_watch_ends_with_ok_when_the_server_stops(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, ExitStack() as stack:
        watches = [iter(stack.enter_context(closing(open_watch(protocol, server)))) for protocol in STREAMS]
        for watch in watches:
            next(watch)
        assert server.stop() == 0
        for watch in watches:
            assert len(list(watch)) < 4 * STOP_TIMEOUT  # it ends
