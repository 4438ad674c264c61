"""A store that fails: the caller learns that it is no fault of theirs and nothing else, the log learns the cause."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.support.action_service import expect
from tests.support.action_service.connections import DRIVERS, Ports
from tests.support.action_service.model import Outcome
from tests.support.action_service.requests import create, get, request
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.envoy import EnvoyProcess
from tests.support.waiting import until


def _drop_targets(server: ServerProcess) -> None:
    with closing(sqlite3.connect(server.directory / "actiond.db", timeout=10)) as database:
        database.execute("DROP TABLE targets")
        database.commit()


def test_a_store_that_fails_is_internal_with_a_fixed_text_over_every_protocol(
    other_server: Callable[[], ServerProcess], tmp_path: Path
) -> None:
    server = other_server()
    (tmp_path / "envoy").mkdir()
    with EnvoyProcess(tmp_path / "envoy", server.grpc_port) as envoy:
        ports = Ports(server.grpc_port, server.http_port, envoy.port)
        _drop_targets(server)
        outcomes: dict[str, list[Outcome]] = {}
        for name, (_, connect) in DRIVERS.items():
            driver = connect(ports, ADMIN_TOKEN)
            outcomes[name] = [driver(create(request("a failing store"))), driver(get("1"))]
            driver.close()
    expected = expect.STORE_FAILED
    for name, both in outcomes.items():
        for outcome in both:
            assert (outcome.code, outcome.message, list(outcome.details)) == (expected.code, expected.message, []), name
            if DRIVERS[name][0] == "json":
                assert outcome.http_status == 500
    until(lambda: "no such table" in server.stderr, "the reason is in the log")
