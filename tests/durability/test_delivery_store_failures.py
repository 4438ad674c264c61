"""The disk is full, the database is gone or locked while events are delivered: nothing is attempted without a claim.

And everything goes on without a restart once the store works again.
"""

import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.clients.json_api import JsonApi, LostResponseError, on_event
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.deliveries import QUICK, content_of, only_delivery, outcomes, until_content, until_settled
from tests.support.targets.answers import held, ok
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

ADDED = on_event("target.added")
SMALL = 65_536
"""Bytes. The server's log is shorter, and SQLite's is longer."""
UNAVAILABLE = "the store is unavailable"


@contextmanager
def full_disk(server: ServerProcess) -> Iterator[None]:
    """Let no file grow any more."""
    log = server.data_dir / "actiond.db-wal"
    api = JsonApi.of(server)
    while log.stat().st_size < SMALL:
        api.create_target()
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (SMALL, limits[1]))
    yield
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def gone(server: ServerProcess) -> Iterator[None]:
    elsewhere = server.data_dir.with_name("elsewhere")
    server.data_dir.rename(elsewhere)
    yield
    elsewhere.rename(server.data_dir)


@contextmanager
def locked(server: ServerProcess) -> Iterator[None]:
    with closing(sqlite3.connect(server.data_dir / "actiond.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


Failure = Callable[[ServerProcess], AbstractContextManager[None]]
FAILURES: dict[str, Failure] = {"full disk": full_disk, "database gone": gone, "database locked": locked}


@pytest.fixture(params=list(FAILURES.values()), ids=list(FAILURES))
def failure(request: pytest.FixtureRequest) -> Failure:
    chosen: Failure = request.param
    return chosen


@pytest.fixture
def receiver() -> Iterator[TargetServer]:
    with TargetServer() as server:
        yield server


def start(tmp_path: Path, receiver: TargetServer, *arguments: str) -> ServerProcess:
    """Start a server that delivers one event to `/hook`; others are delivered to nobody."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    server = ServerProcess(tmp_path, *QUICK, *arguments, data_dir=data_dir).start()
    api = JsonApi.of(server)
    target_id = api.create_target(receiver.url("/hook"))["id"]
    api.set_execution(on_event("target.removed"), target_id)
    api.delete_target(api.create_target()["id"])
    return server


def is_ready(server: ServerProcess) -> bool:
    with closing(HTTPConnection("127.0.0.1", server.http_port, timeout=20)) as connection:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200


def test_nothing_is_attempted_without_a_durable_claim_and_all_goes_on_without_a_restart(
    tmp_path: Path, receiver: TargetServer, failure: Failure
) -> None:
    receiver.script("/hook", ok(status=500), ok())
    server = start(tmp_path, receiver, "--retry-delays", "2s")
    content = until_content(server, lambda content: bool(content.attempts), "the first attempt has failed")
    due_ms = only_delivery(content).due_ms
    assert due_ms is not None
    with failure(server):
        until(lambda: time.time() * 1000 > due_ms + 1_000, "the next attempt is due")
        until(lambda: UNAVAILABLE in server.stderr, "the server has noticed")
        until(lambda: not is_ready(server), "the server is not ready")
        with pytest.raises(LostResponseError):
            JsonApi.of(server).create_target()
        assert len(receiver.requests) == 1
    assert outcomes(until_settled(server)) == ["status", "ok"]
    until(lambda: is_ready(server), "the server is ready")
    assert server.stop() == 0


def test_a_result_that_cannot_be_stored_is_kept_until_it_can(
    tmp_path: Path, receiver: TargetServer, failure: Failure
) -> None:
    receiver.script("/hook", held)
    server = start(tmp_path, receiver, "--delivery-lease", "60s")
    receiver.wait_until(lambda: len(receiver.requests) == 1)
    with failure(server):
        receiver.release()
        until(lambda: UNAVAILABLE in server.stderr, "the server has tried to store the result")
    assert outcomes(until_settled(server)) == ["ok"]
    assert len(receiver.requests) == 1
    assert server.stop() == 0


def test_a_result_that_cannot_be_stored_until_its_lease_is_over_is_dropped_and_the_delivery_sent_again(
    tmp_path: Path, receiver: TargetServer
) -> None:
    receiver.script("/hook", held, ok())
    server = start(tmp_path, receiver)
    receiver.wait_until(lambda: len(receiver.requests) == 1)
    with gone(server):
        receiver.release()
        until(lambda: "results of deliveries are dropped" in server.stderr, "the result is dropped")
    assert outcomes(until_settled(server)) == ["lost", "ok"]
    assert len(receiver.requests) == 2
    assert {each.header("webhook-id") for each in receiver.requests} == {receiver.requests[0].header("webhook-id")}
    assert content_of(server).deliveries == []
    assert server.stop() == 0
