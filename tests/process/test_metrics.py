"""`GET /metrics` of a running server: what it counts, who reads it, and that all its workers answer as one."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.process.conftest import Start
from tests.support.action_service.http_calls import create_target
from tests.support.metrics import Reading
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer
from tests.support.waiting import WAIT, until

CREATED = {"method": "zitadel.action.v3alpha.ActionService/CreateTarget", "protocol": "json", "code": "OK"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def scrape(server: ServerProcess, method: str = "GET", token: str | None = None) -> Answer:
    """One answer, on a connection of its own, so that any worker may give it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT)
    try:
        connection.request(method, "/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def created(server: ServerProcess) -> float | None:
    return Reading(scrape(server).body)("actiond_calls_total", **CREATED)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for tests that count different things."""
    with ServerProcess(tmp_path_factory.mktemp("metrics")) as server:
        yield server


def test_calls_and_batches_are_counted(server: ServerProcess) -> None:
    assert [create_target(server, name) for name in ("one", "two", "two")] == [201, 201, 409]
    answer = scrape(server)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    reading = Reading(answer.body)
    assert reading("actiond_calls_total", **CREATED) == 2
    assert reading("actiond_calls_total", **{**CREATED, "code": "ALREADY_EXISTS"}) == 1
    labels = {"method": CREATED["method"], "protocol": "json"}
    assert reading("actiond_call_duration_seconds_count", **labels) == 3
    assert (reading("actiond_store_batch_size_sum") or 0) >= 3
    assert reading("actiond_store_changes_waiting") == 0
    assert reading.labels("process_open_fds", "worker") == {"1"}


def test_what_reaches_no_method_is_counted_without_its_path(server: ServerProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT)
    connection.request("GET", "/a-strangers-path")
    assert connection.getresponse().status == 404
    connection.close()
    answer = scrape(server)
    assert b"strangers" not in answer.body
    assert Reading(answer.body)("actiond_calls_total", method="none", protocol="http", code="NOT_FOUND") == 1


def test_two_workers_answer_as_one(start: Start) -> None:
    server = start(workers=2)
    for number in range(30):
        assert create_target(server, f"target {number}") == 201
    assert {created(server) for _ in range(30)} == {30}
    assert Reading(scrape(server).body).labels("process_open_fds", "worker") == {"1", "2"}


def test_killed_workers_take_no_counts_with_them(start: Start) -> None:
    server = start("--log-level", "debug", workers=2)
    for number in range(20):
        assert create_target(server, f"target {number}") == 201
    for worker in server.children():
        os.kill(worker, signal.SIGKILL)
    until(lambda: server.stderr.count(" serves") == 4, "both replacements serve")
    for number in range(10):
        assert create_target(server, f"later {number}") == 201
    assert {created(server) for _ in range(10)} == {30}
    assert server.stop() == 0


def test_private_metrics_want_a_token(start: Start) -> None:
    server = start("--metrics", "private")
    refused = scrape(server)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert b"actiond_" not in refused.body
    assert scrape(server, token="none-of-ours").status == 401
    answer = scrape(server, token=server.token)
    assert answer.status == 200
    assert b"actiond_calls_total" in answer.body


def test_metrics_that_nobody_may_read_are_no_path(start: Start) -> None:
    assert scrape(start("--metrics", "none")).status == 404


def test_the_page_is_for_reading(server: ServerProcess) -> None:
    head, options, post = (scrape(server, method) for method in ("HEAD", "OPTIONS", "POST"))
    assert (head.status, options.status, post.status) == (200, 204, 405)
    assert head.body == b""
    assert options.headers["allow"] == post.headers["allow"] == "GET, HEAD, OPTIONS"


def call(server: ServerProcess, method: str, path: str, body: object = None) -> Any:
    """What the JSON face answers to a call that goes well."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status in {200, 201}, response.read()
        return json.loads(response.read())
    finally:
        connection.close()


def test_calls_to_targets_are_counted_those_under_way_too(start: Start) -> None:
    server = start("--allow-address", "127.0.0.0/8")
    with TargetServer() as receiver:
        ids = []
        for path, kind in (("/status/503", "restWebhook"), ("/hold", "restAsync")):
            target = {"name": path, kind: {}, "timeout": "60s", "endpoint": receiver.url(path)}
            ids.append(call(server, "POST", "/v3alpha/targets", target)["id"])
        condition = {"request": {"method": "/zitadel.action.v3alpha.ActionService/ListExecutionFunctions"}}
        targets = [{"target": target_id} for target_id in ids]
        call(server, "PUT", "/v3alpha/executions", {"condition": condition, "targets": targets})
        call(server, "GET", "/v3alpha/executions/functions")

        reading = Reading(scrape(server).body)
        assert reading("actiond_target_calls_total", target=ids[0], outcome="status") == 1
        assert reading("actiond_target_failures_ignored_total", target=ids[0]) == 1
        assert reading("actiond_target_call_duration_seconds_count", outcome="status") == 1
        assert reading("actiond_target_calls_total", target=ids[1], outcome="ok") is None
        assert reading("actiond_started_target_calls") == 1

        receiver.release()
        until(lambda: Reading(scrape(server).body)("actiond_started_target_calls") == 0, "the started call has ended")
        assert Reading(scrape(server).body)("actiond_target_calls_total", target=ids[1], outcome="ok") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_deliveries_are_counted_by_all_workers_and_their_backlog_by_one(start: Start, workers: int) -> None:
    server = start("--allow-address", "127.0.0.0/8", "--retry-delays", "1h", workers=workers)
    with TargetServer() as receiver:
        for path, event in (("/ok", "target.added"), ("/status/503", "target.removed")):
            target = {"name": path, "restWebhook": {}, "timeout": "5s", "endpoint": receiver.url(path)}
            created = call(server, "POST", "/v3alpha/targets", target)
            condition = {"event": {"event": event}}
            targets = [{"target": created["id"]}]
            call(server, "PUT", "/v3alpha/executions", {"condition": condition, "targets": targets})
        for name in ("one", "two"):
            target = {"name": name, "restWebhook": {}, "timeout": "5s", "endpoint": "https://example.com/"}
            created = call(server, "POST", "/v3alpha/targets", target)
            call(server, "DELETE", f"/v3alpha/targets/{created['id']}")

        def counted(name: str, **labels: str) -> float:
            return Reading(scrape(server).body)(name, **labels) or 0

        attempts = "actiond_delivery_attempts_total"
        # The target whose addition was delivered last is that of the second execution.
        until(lambda: counted(attempts, outcome="ok") == 3, "three additions are delivered")
        until(lambda: counted(attempts, outcome="status") == 2, "two removals are refused")
        until(lambda: counted("actiond_deliveries", state="waiting") == 2, "the keeper has counted those that wait")
        assert counted("actiond_delivery_lag_seconds_count") == 5
        assert counted("actiond_delivery_age_seconds_count") == 3
        assert counted("actiond_delivery_claim_size_sum") == 5
        assert counted("actiond_deliveries", state="dead") == 0
