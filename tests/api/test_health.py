"""grpc.health.v1 over a real port: who asks is answered, who watches is told of the drain and let go."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from actiond.api.health import HealthServicer

Status = health_pb2.HealthCheckResponse


class Served:
    def __init__(self, draining: asyncio.Event, stub: Any) -> None:
        self.draining = draining
        self.stub = stub


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    draining = asyncio.Event()
    servicer = HealthServicer(["a.Service"], draining)
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Served(draining, health_pb2_grpc.HealthStub(channel))
    await server.stop(0)


def asked(service: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", ["", "a.Service"])
async def test_a_known_service_serves_until_the_drain(served: Served, service: str) -> None:
    assert (await served.stub.Check(asked(service))).status == Status.SERVING
    served.draining.set()
    assert (await served.stub.Check(asked(service))).status == Status.NOT_SERVING


async def test_an_unknown_service_is_not_found(served: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub.Check(asked("no.Service"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("service", "statuses"),
    [("a.Service", [Status.SERVING, Status.NOT_SERVING]), ("no.Service", [Status.SERVICE_UNKNOWN])],
)
async def test_a_watcher_is_told_of_the_drain_and_let_go(served: Served, service: str, statuses: list[int]) -> None:
    told = []
    async with asyncio.timeout(5):
        async for response in served.stub.Watch(asked(service)):
            told.append(response.status)
            served.draining.set()
    assert told == statuses
