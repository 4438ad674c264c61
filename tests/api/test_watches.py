"""Watching deliveries over a real port: what a watch tells, how many there may be, and how each ends."""

import asyncio
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1 import delivery_pb2
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions.deliveries import DeathReason, DeliveryState
from actiond.actions.watching import ChangeKind, Notice, WatchedChange, WatchEvent
from tests.api.delivery_service import BEARER, Served, serve
from tests.support.waiting import WAIT

HEARTBEAT = WatchEvent("1", Notice.HEARTBEAT)
FAILED = WatchEvent(
    "2", WatchedChange(ChangeKind.FAILED, 5, 17, "42", "order.placed", DeliveryState.WAITING, 3, "status", 503)
)
DIED = WatchEvent(
    "3", WatchedChange(ChangeKind.DIED, 6, 17, "42", "", DeliveryState.DEAD, reason=DeathReason.CANCELLED)
)
MISSED = WatchEvent("4", Notice.MISSED)
RESPONSES = [
    pb.WatchDeliveriesResponse(position="1", heartbeat={}),
    pb.WatchDeliveriesResponse(
        position="2",
        change=delivery_pb2.DeliveryChange(
            kind=delivery_pb2.DELIVERY_CHANGE_KIND_FAILED,
            change_time=Timestamp(nanos=5_000_000),
            delivery_id="17",
            target_id="42",
            event_type="order.placed",
            state=delivery_pb2.DELIVERY_STATE_WAITING,
            attempt=3,
            outcome="status",
            http_status=503,
        ),
    ),
    pb.WatchDeliveriesResponse(
        position="3",
        change=delivery_pb2.DeliveryChange(
            kind=delivery_pb2.DELIVERY_CHANGE_KIND_DIED,
            change_time=Timestamp(nanos=6_000_000),
            delivery_id="17",
            target_id="42",
            state=delivery_pb2.DELIVERY_STATE_DEAD,
            death_reason=delivery_pb2.DEATH_REASON_CANCELLED,
        ),
    ),
    pb.WatchDeliveriesResponse(position="4", missed={}),
]


def begin(served: Served, position: str = "") -> Any:
    return served.stub.WatchDeliveries(pb.WatchDeliveriesRequest(position=position), metadata=BEARER)


async def end(watch: Any) -> grpc.StatusCode:
    """Wait for the end of a stream that says nothing more, and return its code."""
    async with asyncio.timeout(WAIT):
        assert await watch.read() is grpc.aio.EOF
        code: grpc.StatusCode = await watch.code()
        return code


async def until_closed(served: Served) -> None:
    async with asyncio.timeout(WAIT):
        while served.watch.open:  # noqa: ASYNC110  # a stand-in notifies nobody
            await asyncio.sleep(0.01)


async def test_what_happens_is_streamed_from_a_position_on() -> None:
    async with serve() as served:
        watch = begin(served, "the position")
        for event, response in zip((HEARTBEAT, FAILED, DIED, MISSED), RESPONSES, strict=True):
            served.watch.events.put_nowait(event)
            assert await watch.read() == response
        assert [position for _, _, position in served.watch.asked] == ["the position"]
        watch.cancel()
        await until_closed(served)


async def test_a_watch_ends_with_the_drain() -> None:
    async with serve() as served:
        watch = begin(served)
        served.watch.events.put_nowait(HEARTBEAT)
        await watch.read()
        served.draining.set()
        assert await end(watch) is grpc.StatusCode.OK
        assert served.watch.open == 0


async def test_a_watch_that_begins_during_the_drain_ends_at_once() -> None:
    async with serve() as served:
        served.draining.set()
        assert await end(begin(served)) is grpc.StatusCode.OK


async def test_a_watch_ends_after_a_while_so_that_its_token_is_looked_at_again() -> None:
    async with serve(max_seconds=0.1) as served:
        assert await end(begin(served)) is grpc.StatusCode.OK
        await until_closed(served)


async def test_a_watch_that_fails_is_an_internal_error() -> None:
    async with serve() as served:
        served.watch.events.put_nowait(ValueError("for the log only"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await begin(served).read()
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INTERNAL, "internal error")
        await until_closed(served)


async def test_one_watch_too_many_is_refused_until_another_has_ended() -> None:
    async with serve(max_calls=16) as served:
        watches = [begin(served) for _ in range(3)]
        async with asyncio.timeout(WAIT):
            while served.watch.open < len(watches):  # noqa: ASYNC110  # a stand-in notifies nobody
                await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await begin(served).read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert caught.value.details() == "Too many watches at once (ACTIOND-watches)"
        for watch in watches:
            watch.cancel()
        await until_closed(served)
        again = begin(served)
        served.watch.events.put_nowait(HEARTBEAT)
        assert await again.read() == RESPONSES[0]
        again.cancel()
