"""Health and reflection of a running server: how they are seen, and how they end."""

import json
import signal
import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.process.conftest import Start
from tests.support.action_service.http_calls import create_target
from tests.support.clients.http import ask
from tests.support.metrics import Reading
from tests.support.waiting import until

CHECK = "grpc.health.v1.Health/Check"


def test_a_watcher_learns_of_the_shutdown_and_does_not_hold_it_up(start: Start) -> None:
    server = start("--shutdown-grace-period", "20")
    with grpc.insecure_channel(server.grpc_target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(10)]
        assert [next(watch).status for watch in watches] == [health_pb2.HealthCheckResponse.SERVING] * 10
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        for watch in watches:
            assert [response.status for response in watch] == [health_pb2.HealthCheckResponse.NOT_SERVING]
            assert watch.code() is grpc.StatusCode.OK
        assert server.wait() == 0
        assert time.monotonic() - began < 10
    assert "Traceback" not in server.stderr


def test_watches_take_no_more_than_a_quarter_of_the_calls(start: Start) -> None:
    server = start("--max-concurrent", "8")
    with grpc.insecure_channel(server.grpc_target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
        assert all(next(watch) for watch in watches)
        refused = stub.Watch(health_pb2.HealthCheckRequest())
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.details() == "too many watches"
        assert create_target(server, "beside the watches") == 201
        for watch in watches:
            watch.cancel()


async def test_health_is_json_over_http_and_not_in_the_openapi_document(start: Start) -> None:
    server = start()
    checked = await ask(server.http_port, "POST", f"/{CHECK}", b"{}", {"content-type": "application/json"})
    assert json.loads(checked.body) == {"status": "SERVING"}
    assert b"grpc." not in (await ask(server.http_port, "GET", "/openapi.json")).body


async def test_a_check_is_logged_without_an_owner_and_counted(start: Start) -> None:
    server = start("--access-log", "json")
    with grpc.insecure_channel(server.grpc_target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        stub.Check(health_pb2.HealthCheckRequest())

    def lines() -> list[dict[str, object]]:
        return [json.loads(line) for line in server.stderr.splitlines() if CHECK in line]

    until(lambda: bool(lines()), "the check is in the log")
    (line,) = lines()
    assert (line["protocol"], line["method"], line["code"], line["owner"]) == ("grpc", CHECK, "OK", None)
    counted = Reading((await ask(server.http_port, "GET", "/metrics")).body)
    assert counted("actiond_calls_total", method=CHECK, protocol="grpc", code="OK") == 1
