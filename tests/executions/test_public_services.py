"""Health and reflection: no execution runs for them, whoever calls, and none can name their methods."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    ListExecutionMethodsRequest,
    ListExecutionServicesRequest,
    ListTargetsRequest,
)
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc

from actiond.api.health import HEALTH
from tests.executions.api import FAILED, Api, of_all
from tests.support.clients.http import ask
from tests.support.targets.server import TargetServer

LIST_SERVICES = b"\x3a\x00"
"""A ServerReflectionRequest: field 7, list_services, empty."""

_LIST_REQUEST = GetMessageClass(HEALTH.methods_by_name["List"].input_type)()  # the stubs of health_pb2 lack it


@pytest.fixture
async def channel(api: Api) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(api.server.grpc_target) as channel:
        yield channel


async def test_executions_on_all_requests_and_responses_do_not_run_for_them(
    api: Api, receiver: TargetServer, channel: grpc.aio.Channel
) -> None:
    failing = await api.target(receiver.url("/status/503"))
    await api.set(of_all("request"), failing)
    await api.set(of_all("response"), failing)
    # With the token of the owner whose executions these are.
    token = ("authorization", f"Bearer {api.token}")
    health: Any = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    assert (await health.Check(health_pb2.HealthCheckRequest(), metadata=[token])).status == serving
    assert (await health.List(_LIST_REQUEST, metadata=[token])).statuses[""].status == serving
    watch = health.Watch(health_pb2.HealthCheckRequest(), metadata=[token])
    assert (await watch.read()).status == serving
    watch.cancel()
    for version in ("v1", "v1alpha"):
        info: Any = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        (listed,) = [response async for response in info(iter([LIST_SERVICES]), metadata=[token])]
        assert b"ActionService" in listed
    headers = {"content-type": "application/json", "authorization": f"Bearer {api.token}"}
    checked = await ask(api.server.http_port, "POST", "/grpc.health.v1.Health/Check", b"{}", headers)
    assert (checked.status, checked.body) == (200, b'{"status":"SERVING"}')
    assert receiver.requests == []
    # They would have run.
    assert (await api.call(ListTargetsRequest())).end == FAILED
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Basic eDp5"])
async def test_a_token_is_neither_needed_nor_looked_at(token: str | None, channel: grpc.aio.Channel) -> None:
    metadata = [("authorization", token)] if token else None
    health: Any = health_pb2_grpc.HealthStub(channel)
    checked = await health.Check(health_pb2.HealthCheckRequest(), metadata=metadata)
    assert checked.status == health_pb2.HealthCheckResponse.SERVING


async def test_executions_cannot_name_them(api: Api) -> None:
    methods = (await api.look(ListExecutionMethodsRequest())).methods
    services = (await api.look(ListExecutionServicesRequest())).services
    assert [name for name in (*methods, *services) if "grpc." in name] == []
