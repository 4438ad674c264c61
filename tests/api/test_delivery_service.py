"""DeliveryService: what its requests ask of the use cases, and how their results are returned."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1 import delivery_pb2, target_health_pb2
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions.deliveries import DeathReason, DeliveryState
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, DeliveryRecord, TargetReport
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases.deliveries import Bulk
from actiond.executions.event_payloads import body_of
from tests.api.delivery_service import (
    BEARER,
    CREATED_MS,
    DELIVERY,
    EVENT,
    ID,
    INSTANCE,
    OWNER,
    RECORD,
    TOKEN,
    Served,
    serve,
)

DEAD = delivery_pb2.DELIVERY_STATE_DEAD
WAITING = delivery_pb2.DELIVERY_STATE_WAITING
DELIVERED = delivery_pb2.DELIVERY_STATE_DELIVERED
MESSAGE = delivery_pb2.Delivery(
    delivery_id=str(ID),
    target_id="42",
    state=DEAD,
    death_reason=delivery_pb2.DEATH_REASON_ATTEMPTS,
    create_time=Timestamp(seconds=1_767_225_600, nanos=123_000_000),
    update_time=Timestamp(seconds=1_767_225_600, nanos=124_000_000),
    attempt_count=3,
    last_outcome="status",
    last_http_status=503,
    execution="event/order.placed",
    event=delivery_pb2.Event(
        type="order.placed",
        aggregate_type="order",
        aggregate_id="4711",
        sequence=2,
        create_time=Timestamp(seconds=1_767_225_600, nanos=123_000_456),
        editor_id="editor",
    ),
)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as started:
        yield started


async def call(served: Served, request: Any, **options: Any) -> Any:
    method = type(request).__name__.removesuffix("Request")
    return await getattr(served.stub, method)(request, metadata=BEARER, **options)


async def failure(served: Served, request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(served, request)
    return caught.value.code(), caught.value.details() or ""


FILTERS: dict[str, tuple[delivery_pb2.DeliveryFilter, DeliveryFilter]] = {
    "nothing": (delivery_pb2.DeliveryFilter(), DeliveryFilter()),
    "everything": (
        delivery_pb2.DeliveryFilter(
            target_id="42",
            event_type="order.placed",
            aggregate_type="order",
            aggregate_id="4711",
            states=[DEAD, WAITING, DEAD],
            start_time=Timestamp(seconds=1),
            end_time=Timestamp(seconds=2, nanos=1_000_000),
        ),
        DeliveryFilter(
            "42", "order.placed", "order", "4711", frozenset({DeliveryState.DEAD, DeliveryState.WAITING}), 1_000, 2_001
        ),
    ),
    "moments between milliseconds": (
        delivery_pb2.DeliveryFilter(start_time=Timestamp(nanos=1), end_time=Timestamp(nanos=1_000_001)),
        DeliveryFilter(from_ms=1, until_ms=2),
    ),
    "the epoch": (
        delivery_pb2.DeliveryFilter(start_time=Timestamp(), end_time=Timestamp(seconds=-1, nanos=1)),
        DeliveryFilter(from_ms=0, until_ms=-999),
    ),
}


@pytest.mark.parametrize("case", FILTERS)
async def test_a_filter_means_the_same_in_every_method(served: Served, case: str) -> None:
    message, wanted = FILTERS[case]
    await call(served, pb.ListDeliveriesRequest(filter=message))
    await call(served, pb.CountDeliveriesRequest(filter=message))
    await call(served, pb.RetryDeliveriesRequest(filter=message))
    await call(served, pb.CancelDeliveriesRequest(filter=message, count_only=True))
    assert served.deliveries.asked == [(DeliveryQuery(wanted, 101),), (wanted,), ("retry", wanted), (wanted,)]
    watch = served.stub.WatchDeliveries(pb.WatchDeliveriesRequest(filter=message), metadata=BEARER)
    while not served.watch.asked:  # noqa: ASYNC110  # a stand-in notifies nobody
        await asyncio.sleep(0.01)
    assert served.watch.asked == [(OWNER, wanted, "")]
    watch.cancel()


async def test_a_delivery_is_returned_with_its_event(served: Served) -> None:
    assert list((await call(served, pb.ListDeliveriesRequest())).deliveries) == [MESSAGE]


SHOWN: dict[str, tuple[DeliveryRecord, dict[str, Any]]] = {
    "it waits": (
        DeliveryRecord(replace(DELIVERY, state=DeliveryState.WAITING, due_ms=5, reason=None), EVENT),
        {"state": WAITING, "death_reason": 0, "next_attempt_time": Timestamp(nanos=5_000_000)},
    ),
    "it is attempted": (
        DeliveryRecord(
            replace(DELIVERY, state=DeliveryState.WAITING, due_ms=5, claim=1, claimed_ms=3, reason=None),
            EVENT,
            is_claimed=True,
        ),
        {"state": WAITING, "death_reason": 0, "running": True, "update_time": Timestamp(nanos=3_000_000)},
    ),
    "it has had no result": (
        DeliveryRecord(replace(DELIVERY, last_outcome="", last_status=None, last_ms=0, attempts=0), EVENT),
        {"last_outcome": "", "last_http_status": 0, "update_time": None, "attempt_count": 0},
    ),
    "it is delivered": (
        DeliveryRecord(replace(DELIVERY, state=DeliveryState.DELIVERED, reason=None), EVENT),
        {"state": DELIVERED, "death_reason": 0},
    ),
    "its target was removed": (
        DeliveryRecord(replace(DELIVERY, reason=DeathReason.TARGET_REMOVED), EVENT),
        {"death_reason": delivery_pb2.DEATH_REASON_TARGET_REMOVED},
    ),
    "its event is gone": (DeliveryRecord(DELIVERY, None), {"event": None}),
}


@pytest.mark.parametrize("case", SHOWN)
async def test_a_delivery_shows_what_it_is_about_to_do(served: Served, case: str) -> None:
    record, differences = SHOWN[case]
    served.deliveries.records = [record]
    expected = delivery_pb2.Delivery()
    expected.CopyFrom(MESSAGE)
    for name, value in differences.items():
        expected.ClearField(name)
        if value is not None:
            expected.MergeFrom(delivery_pb2.Delivery(**{name: value}))
    (shown,) = (await call(served, pb.ListDeliveriesRequest())).deliveries
    assert shown == expected


async def test_pages_follow_each_other(served: Served) -> None:
    served.deliveries.records = [replace(RECORD, delivery=replace(DELIVERY, id=number)) for number in (9, 8, 7)]
    wanted = delivery_pb2.DeliveryFilter(target_id="42", states=[DEAD])
    first = await call(served, pb.ListDeliveriesRequest(filter=wanted, page_size=2))
    assert [delivery.delivery_id for delivery in first.deliveries] == ["9", "8"]
    served.deliveries.records = served.deliveries.records[2:]
    token = first.next_page_token
    last = await call(served, pb.ListDeliveriesRequest(filter=wanted, page_size=2, page_token=token))
    assert [delivery.delivery_id for delivery in last.deliveries] == ["7"]
    assert last.next_page_token == ""
    queries: list[Any] = [query for (query,) in served.deliveries.asked]
    assert [(query.limit, query.before_id) for query in queries] == [(3, None), (3, 8)]


@pytest.mark.parametrize(("wanted", "limit"), [(0, 101), (1, 2), (1_000, 1_001), (1_001, 1_001), (2**31 - 1, 1_001)])
async def test_a_page_has_a_size_within_limits(served: Served, wanted: int, limit: int) -> None:
    await call(served, pb.ListDeliveriesRequest(page_size=wanted))
    ((query,),) = served.deliveries.asked
    assert isinstance(query, DeliveryQuery)
    assert query.limit == limit


async def test_a_page_token_is_good_for_its_filter_alone(served: Served) -> None:
    served.deliveries.records = [RECORD, RECORD]
    token = (await call(served, pb.ListDeliveriesRequest(page_size=1))).next_page_token
    other = delivery_pb2.DeliveryFilter(target_id="42")
    for request in (
        pb.ListDeliveriesRequest(filter=other, page_token=token),
        pb.ListDeliveriesRequest(page_token=f"{token}x"),
        pb.ListDeliveriesRequest(page_token=token[:-2]),
        pb.ListDeliveriesRequest(page_token="\N{OCTOPUS}"),
        pb.ListDeliveriesRequest(page_token="____________________" + token[20:]),
    ):
        code, text = await failure(served, request)
        assert (code, text) == (grpc.StatusCode.INVALID_ARGUMENT, "Page token is invalid (ACTIOND-page-token)")
    assert (await call(served, pb.ListDeliveriesRequest(page_size=9, page_token=token))).deliveries


async def test_counts_are_sorted_by_target_and_state(served: Served) -> None:
    served.deliveries.counts = {
        (DeliveryState.DEAD, "2"): 3,
        (DeliveryState.WAITING, "2"): 1,
        (DeliveryState.DELIVERED, "1"): 7,
        (DeliveryState.PARKED, "1"): 0,
    }
    counted = (await call(served, pb.CountDeliveriesRequest())).counts
    assert [(one.target_id, one.state, one.count) for one in counted] == [
        ("1", DELIVERED, 7),
        ("2", WAITING, 1),
        ("2", DEAD, 3),
    ]


async def test_a_delivery_is_shown_as_it_is_sent(served: Served) -> None:
    response = await call(served, pb.GetDeliveryRequest(delivery_id=str(ID)))
    assert response.delivery == MESSAGE
    assert response.payload.encode() == body_of(EVENT, INSTANCE)
    assert response.headers == {
        "Content-Type": "application/json",
        "webhook-id": str(ID),
        "actiond-attempt": "3",
    }
    assert list(response.attempts) == [
        delivery_pb2.Attempt(
            number=1,
            kind=delivery_pb2.ATTEMPT_KIND_QUEUED,
            start_time=Timestamp(seconds=1_767_225_600, nanos=123_000_000),
            duration=Duration(seconds=1, nanos=500_000_000),
            outcome="timeout",
            worker=3,
        ),
        delivery_pb2.Attempt(
            number=2,
            kind=delivery_pb2.ATTEMPT_KIND_MANUAL,
            start_time=Timestamp(seconds=1_767_225_600, nanos=124_000_000),
            duration=Duration(nanos=9_000_000),
            outcome="status",
            http_status=503,
            worker=4,
        ),
    ]
    assert served.deliveries.asked == [(ID,)]


async def test_a_delivery_without_its_event_or_attempts_has_the_headers_of_the_first(served: Served) -> None:
    served.deliveries.records = [DeliveryRecord(replace(DELIVERY, attempts=0), None)]
    response = await call(served, pb.GetDeliveryRequest(delivery_id=str(ID)))
    assert response.payload == ""
    assert response.headers["actiond-attempt"] == "1"


@pytest.mark.parametrize("unknown", ["x", "-1", "007", "1.0", "1_0", "\u0661", "9" * 19, str(2**63), "1" * 200])
async def test_what_is_no_id_is_a_delivery_that_does_not_exist(served: Served, unknown: str) -> None:
    for request in (
        pb.GetDeliveryRequest(delivery_id=unknown),
        pb.RetryDeliveryRequest(delivery_id=unknown),
        pb.CancelDeliveryRequest(delivery_id=unknown),
    ):
        assert await failure(served, request) == (
            grpc.StatusCode.NOT_FOUND,
            "Delivery not found (ACTIOND-delivery)",
        )
    assert served.deliveries.asked == []


async def test_one_delivery_is_retried_or_cancelled(served: Served) -> None:
    assert (await call(served, pb.RetryDeliveryRequest(delivery_id="17"))).delivery == MESSAGE
    assert (await call(served, pb.CancelDeliveryRequest(delivery_id="18"))).delivery == MESSAGE
    assert served.deliveries.asked == [("retry", 17), ("cancel", 18)]


async def test_many_deliveries_are_retried_or_cancelled(served: Served) -> None:
    served.deliveries.bulk = Bulk(1_000, is_complete=False)
    retried = await call(served, pb.RetryDeliveriesRequest(filter={"target_id": "42"}))
    cancelled = await call(served, pb.CancelDeliveriesRequest(filter={}))
    assert (retried.count, retried.complete) == (cancelled.count, cancelled.complete) == (1_000, False)
    assert served.deliveries.asked == [("retry", DeliveryFilter("42")), ("cancel", DeliveryFilter())]


async def test_many_deliveries_are_only_counted_if_so_wanted(served: Served) -> None:
    served.deliveries.counts = {(DeliveryState.DEAD, "a"): 3, (DeliveryState.DEAD, "b"): 4}
    for request in (
        pb.RetryDeliveriesRequest(filter={}, count_only=True),
        pb.CancelDeliveriesRequest(filter={}, count_only=True),
    ):
        response = await call(served, request)
        assert (response.count, response.complete) == (7, True)


async def test_many_deliveries_are_changed_on_purpose_alone(served: Served) -> None:
    for request in (pb.RetryDeliveriesRequest(), pb.CancelDeliveriesRequest(count_only=True)):
        assert await failure(served, request) == (grpc.StatusCode.INVALID_ARGUMENT, "filter: value is required")
    assert served.deliveries.asked == []


async def test_a_change_of_many_stops_in_time(served: Served) -> None:
    await call(served, pb.RetryDeliveriesRequest(filter={}))
    assert not served.deliveries.is_late()
    await call(served, pb.CancelDeliveriesRequest(filter={}), timeout=0.2)
    end = time.monotonic() + 0.2
    while not served.deliveries.is_late():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_a_test_of_a_target_returns_how_it_went(served: Served) -> None:
    response = await call(served, pb.TestTargetRequest(target_id="42"))
    assert response == pb.TestTargetResponse(
        outcome="status", http_status=503, duration=Duration(seconds=1, nanos=234_000_000)
    )


STATUS = target_health_pb2.TargetHealthStatus
FAILING = TargetHealth("42", OWNER, failures=3, failing_since_ms=5, reason="status 503")
HEALTH: dict[str, tuple[TargetHealth | None, dict[str, Any]]] = {
    "healthy": (None, {"status": "TARGET_HEALTH_STATUS_HEALTHY"}),
    "failing": (
        FAILING,
        {
            "status": "TARGET_HEALTH_STATUS_HEALTHY",
            "failure_count": 3,
            "failing_since_time": Timestamp(nanos=5_000_000),
            "last_failure": "status 503",
        },
    ),
    "paused": (
        replace(FAILING, paused_until_ms=9, pauses=1),
        {
            "status": "TARGET_HEALTH_STATUS_PAUSED",
            "failure_count": 3,
            "failing_since_time": Timestamp(nanos=5_000_000),
            "last_failure": "status 503",
            "next_probe_time": Timestamp(nanos=9_000_000),
        },
    ),
    "probed": (
        TargetHealth("42", OWNER, paused_until_ms=9, probe=ID),
        {"status": "TARGET_HEALTH_STATUS_PAUSED"},
    ),
    "held": (TargetHealth("42", OWNER, is_held=True), {"status": "TARGET_HEALTH_STATUS_HELD"}),
    "recovering": (
        TargetHealth("42", OWNER, portion=32, pending=32, reason="status 503"),
        {"status": "TARGET_HEALTH_STATUS_RECOVERING"},
    ),
}


@pytest.mark.parametrize("case", HEALTH)
async def test_the_health_of_a_target_is_told_and_repaired(served: Served, case: str) -> None:
    health, fields = HEALTH[case]
    unfinished = {DeliveryState.WAITING: 1, DeliveryState.BEHIND: 2, DeliveryState.PARKED: 3}
    served.deliveries.target_report = TargetReport(health, 7, unfinished)
    expected = target_health_pb2.TargetHealth(
        target_id="42",
        last_success_time=Timestamp(nanos=7_000_000),
        waiting_count=1,
        behind_count=2,
        parked_count=3,
        **fields,
    )
    assert (await call(served, pb.GetTargetHealthRequest(target_id="42"))).health == expected
    assert (await call(served, pb.ResumeTargetRequest(target_id="42"))).health == expected
    assert served.deliveries.asked == [("report", "42"), ("resume", "42")]


async def test_a_caller_learns_who_it_is(served: Served) -> None:
    response = await call(served, pb.GetCallerRequest())
    assert response == pb.GetCallerResponse(token_id=TOKEN, name=TOKEN, resource_owner=OWNER, permissions=["*"])


def test_the_time_of_the_samples_is_that_of_their_id() -> None:
    assert MESSAGE.create_time.ToMilliseconds() == CREATED_MS
