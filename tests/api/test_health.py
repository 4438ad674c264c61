"""grpc.health.v1 over a real port: who asks is answered, who watches is told of the drain and let go."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc

from actiond.api.health import HEALTH, HealthServicer
from rpcfront import CallNext, Gateway, ServicerContext
from tests.support.servers.faces import listener
from tests.support.waiting import WAIT

Status = health_pb2.HealthCheckResponse
MAX_WATCHES = 3
LIST_REQUEST = GetMessageClass(HEALTH.methods_by_name["List"].input_type)()  # the stubs of health_pb2 lack it


class Served:
    def __init__(self, draining: asyncio.Event, stub: Any) -> None:
        self.draining = draining
        self.stub = stub


async def _pass_on(call_next: CallNext, request: Any, context: ServicerContext) -> Any:
    return await call_next(request, context)


@pytest.fixture(params=["bare", "intercepted"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """A gateway's stream takes another way when there are interceptors."""
    draining = asyncio.Event()
    servicer = HealthServicer(["a.Service"], draining, MAX_WATCHES)
    interceptors = [_pass_on] if request.param == "intercepted" else []
    async with (
        listener(Gateway(services=[(HEALTH, servicer)], interceptors=interceptors)) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Served(draining, health_pb2_grpc.HealthStub(channel))


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


async def test_all_services_are_listed_with_the_server_as_a_whole(served: Served) -> None:
    for expected in (Status.SERVING, Status.NOT_SERVING):
        listed = (await served.stub.List(LIST_REQUEST)).statuses
        assert {name: response.status for name, response in listed.items()} == {"": expected, "a.Service": expected}
        served.draining.set()


@pytest.mark.parametrize(
    ("service", "statuses"),
    [("a.Service", [Status.SERVING, Status.NOT_SERVING]), ("no.Service", [Status.SERVICE_UNKNOWN])],
)
async def test_a_watcher_is_told_of_the_drain_and_let_go(served: Served, service: str, statuses: list[int]) -> None:
    told = []
    watch = served.stub.Watch(asked(service))
    async with asyncio.timeout(WAIT):
        async for response in watch:
            told.append(response.status)
            served.draining.set()
        assert told == statuses
        assert await watch.code() == grpc.StatusCode.OK


async def test_a_watch_that_begins_during_the_drain_ends_at_once(served: Served) -> None:
    served.draining.set()
    async with asyncio.timeout(WAIT):
        assert [response.status async for response in served.stub.Watch(asked(""))] == [Status.NOT_SERVING]


async def test_one_watch_too_many_is_refused_until_another_has_ended(served: Served) -> None:
    watches = [served.stub.Watch(asked(service)) for service in ("", "a.Service", "no.Service")]
    assert len(watches) == MAX_WATCHES
    for watch in watches:
        await watch.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub.Watch(asked("")).read()
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await served.stub.Check(asked(""))).status == Status.SERVING
    watches[0].cancel()
    async with asyncio.timeout(WAIT):
        while not await _watches(served):  # noqa: ASYNC110  # nothing tells that the server has ended the stream
            await asyncio.sleep(0.01)


async def _watches(served: Served) -> bool:
    watch = served.stub.Watch(asked(""))
    try:
        return bool(await watch.read())
    except grpc.aio.AioRpcError:
        return False
    finally:
        watch.cancel()
