"""Rows: how deliveries are listed, counted, shown, retried and cancelled, and how those of a target go."""

from actiond_protos.actiond.v1 import delivery_pb2, target_health_pb2
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from actiond_protos.actiond.v1.delivery_pb2 import DeliveryCount, DeliveryFilter
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions.deliveries import Attempt
from actiond.api.v1.pages import page_token
from tests.parity import delivery_calls as errors
from tests.parity import delivery_shelf as shelf
from tests.parity.callers import PERMISSIONS
from tests.parity.calls import OWNER, answer, id_of
from tests.parity.delivery_calls import MY_TARGET, TOKEN, call, delivery_named
from tests.parity.rows_fields import LONG_NAME, REQUIRED, TOO_SHORT
from tests.parity.scenario import JSON, PROTOBUF, Differs, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Http, Outcome
from tests.support.action_service.requests import create, request

WAITING = delivery_pb2.DELIVERY_STATE_WAITING
BEHIND = delivery_pb2.DELIVERY_STATE_BEHIND
PARKED = delivery_pb2.DELIVERY_STATE_PARKED
DEAD = delivery_pb2.DELIVERY_STATE_DEAD
DELIVERED = delivery_pb2.DELIVERY_STATE_DELIVERED
_BY = shelf.TOKEN


def _listed(id: str, wanted: DeliveryFilter | None, *found: shelf.Shelved) -> Scenario:
    expected = pb.ListDeliveriesResponse(deliveries=[one.message() for one in found])
    return Scenario(id, call(pb.ListDeliveriesRequest(filter=wanted), by=_BY), answer(expected))


_PAID = DeliveryFilter(states=[DEAD, WAITING, BEHIND], target_id=shelf.TARGET)
_NEXT = page_token(shelf.DEAD.id(), _PAID)

LISTS = [
    _listed("all deliveries, the newest first", None, *shelf.ALL),
    _listed(
        "deliveries that everything holds for",
        DeliveryFilter(
            target_id=shelf.TARGET,
            event_type="order.placed",
            aggregate_type="order",
            aggregate_id="3",
            states=[DEAD, PARKED],
            start_time=shelf.DEAD.message().create_time,
            end_time=shelf.CANCELLED.message().create_time,
        ),
        shelf.DEAD,
    ),
    Scenario(
        "a page of deliveries",
        call(pb.ListDeliveriesRequest(filter=_PAID, page_size=2), by=_BY),
        answer(
            pb.ListDeliveriesResponse(
                deliveries=[shelf.CANCELLED.message(), shelf.DEAD.message()], next_page_token=_NEXT
            )
        ),
    ),
    Scenario(
        "the last page of deliveries",
        call(pb.ListDeliveriesRequest(filter=_PAID, page_size=2, page_token=_NEXT), by=_BY),
        answer(pb.ListDeliveriesResponse(deliveries=[shelf.BEHIND.message(), shelf.WAITING.message()])),
    ),
    Scenario(
        "a page token of another list",
        call(pb.ListDeliveriesRequest(page_size=2, page_token=_NEXT), by=_BY),
        errors.BAD_PAGE_TOKEN,
    ),
    Scenario(
        "counts of deliveries",
        call(pb.CountDeliveriesRequest(filter=DeliveryFilter(aggregate_type="order")), by=_BY),
        answer(
            pb.CountDeliveriesResponse(
                counts=[
                    DeliveryCount(target_id=shelf.TARGET, state=WAITING, count=1),
                    DeliveryCount(target_id=shelf.TARGET, state=BEHIND, count=1),
                    DeliveryCount(target_id=shelf.TARGET, state=DEAD, count=2),
                    DeliveryCount(target_id=shelf.TARGET, state=DELIVERED, count=1),
                    DeliveryCount(target_id=shelf.HELD_TARGET, state=PARKED, count=1),
                ]
            )
        ),
    ),
]

FILTERS = [
    _listed("deliveries for one target", DeliveryFilter(target_id=shelf.HELD_TARGET), shelf.PARKED),
    _listed("deliveries for no target", DeliveryFilter(target_id="no such target")),
    _listed("deliveries of one type of event", DeliveryFilter(event_type="order.paid"), shelf.BEHIND),
    _listed("deliveries of no type of event", DeliveryFilter(event_type="order")),
    _listed("deliveries of aggregates of no type", DeliveryFilter(aggregate_type="invoice")),
    _listed("deliveries of one aggregate", DeliveryFilter(aggregate_id="3"), shelf.CANCELLED, shelf.DEAD),
    _listed("deliveries that were delivered", DeliveryFilter(states=[DELIVERED]), shelf.DELIVERED),
    _listed("deliveries in two states", DeliveryFilter(states=[PARKED, BEHIND]), shelf.PARKED, shelf.BEHIND),
    _listed(
        "deliveries from a moment on",
        DeliveryFilter(start_time=shelf.CANCELLED.message().create_time),
        shelf.DELIVERED,
        shelf.CANCELLED,
    ),
    _listed("deliveries until a moment", DeliveryFilter(end_time=shelf.BEHIND.message().create_time), shelf.WAITING),
    _listed("deliveries before there were any", DeliveryFilter(end_time=Timestamp(seconds=-62_135_596_800))),
]

_TOO_LONG = DeliveryFilter(target_id="n" * 201, event_type="n" * 1001, aggregate_type="n" * 201, aggregate_id="n" * 201)

FILTER_FAULTS = [
    Scenario(
        "a filter full of faults",
        call(
            pb.ListDeliveriesRequest(filter=_TOO_LONG, page_size=-1, page_token="n" * 101),
        ),
        expect.violations(
            **{
                "filter.target_id": LONG_NAME,
                "filter.event_type": "must be at most 1000 characters",
                "filter.aggregate_type": LONG_NAME,
                "filter.aggregate_id": LONG_NAME,
                "page_size": "must be greater than or equal to 0",
                "page_token": "must be at most 100 characters",
            }
        ),
    ),
    Scenario(
        "deliveries in an unspecified and in an unknown state",
        call(pb.CountDeliveriesRequest(filter=DeliveryFilter(states=[0, 6]))),  # type: ignore[list-item]  # no such number is the point
        expect.violations(
            **{
                "filter.states[0]": "must be in list [1, 2, 3, 4, 5]",
                "filter.states[1]": "must be in list [1, 2, 3, 4, 5]",
            }
        ),
        differs={
            "envoy-json": Differs("Envoy reads the query itself", expect.INVALID_ARGUMENT, http_status=400),
        },
    ),
    Scenario(
        "deliveries in too many states",
        call(pb.CountDeliveriesRequest(filter=DeliveryFilter(states=[DEAD] * 11))),
        expect.violations(**{"filter.states": "must contain no more than 10 item(s)"}),
    ),
]


def _payload(shelved: shelf.Shelved) -> str:
    event = shelved.message().event
    return (
        f'{{"aggregateID":"{event.aggregate_id}","aggregateType":"order","resourceOwner":"{shelf.OWNER}",'
        f'"instanceID":"<instance>","version":"v1","sequence":{event.sequence},"event_type":"{event.type}",'
        f'"created_at":"{event.create_time.ToJsonString()}","userID":"tests",'
        f'"event_payload":{{"number":{shelved.created},"name":"{shelved.name}"}}}}'
    )


def _shown(id: str, shelved: shelf.Shelved, attempt: int, *attempts: delivery_pb2.Attempt) -> Scenario:
    headers = {
        "Content-Type": "application/json",
        "webhook-id": str(shelved.id()),
        "actiond-attempt": str(attempt),
    }
    expected = pb.GetDeliveryResponse(
        delivery=shelved.message(), attempts=attempts, payload=_payload(shelved), headers=headers
    )
    return Scenario(id, call(pb.GetDeliveryRequest(delivery_id=str(shelved.id())), by=_BY), answer(expected))


def _attempt(attempt: Attempt, kind: str) -> delivery_pb2.Attempt:
    shown = delivery_pb2.Attempt(
        number=attempt.number,
        kind=kind,
        duration=Duration(seconds=attempt.duration_ms // 1_000, nanos=attempt.duration_ms % 1_000 * 1_000_000),
        outcome=attempt.outcome,
        http_status=attempt.status or 0,
        worker=3,
    )
    shown.start_time.FromMilliseconds(attempt.at_ms)
    return shown


SHOWN = [
    _shown(
        "a dead delivery with its attempts",
        shelf.DEAD,
        2,
        _attempt(shelf.DEAD.attempts[0], "ATTEMPT_KIND_QUEUED"),
        _attempt(shelf.DEAD.attempts[1], "ATTEMPT_KIND_PROBE"),
    ),
    _shown("a delivery that was not attempted yet", shelf.WAITING, 1),
    _shown(
        "a delivery that was delivered",
        shelf.DELIVERED,
        2,
        _attempt(shelf.DELIVERED.attempts[0], "ATTEMPT_KIND_QUEUED"),
        _attempt(shelf.DELIVERED.attempts[1], "ATTEMPT_KIND_MANUAL"),
    ),
]

_FOREIGN = str(shelf.DEAD.id())

UNKNOWN = [
    Scenario(f"{verb} {what}", call(message(delivery_id=unknown)), errors.UNKNOWN_DELIVERY)
    for verb, message in (
        ("show", pb.GetDeliveryRequest),
        ("retry", pb.RetryDeliveryRequest),
        ("cancel", pb.CancelDeliveryRequest),
    )
    for what, unknown in (
        ("a delivery that does not exist", "1"),
        ("a delivery of another owner", _FOREIGN),
        ("a delivery whose id is no number", "no number"),
    )
]
UNKNOWN += [
    Scenario(
        "show a delivery with an id that is too long",
        call(pb.GetDeliveryRequest(delivery_id="1" * 201)),
        expect.violations(delivery_id=LONG_NAME),
    ),
    Scenario(
        "retry a delivery without an id",
        call(pb.RetryDeliveryRequest()),
        expect.violations(delivery_id=TOO_SHORT),
        only=PROTOBUF,
    ),
]


def _mine(shelved: shelf.Shelved) -> delivery_pb2.Delivery:
    message = shelved.message()
    message.delivery_id, message.target_id = delivery_named(shelved.name), MY_TARGET
    return message


def _retried() -> Outcome:
    delivery = _mine(shelf.TO_RETRY)
    delivery.state, delivery.death_reason = WAITING, delivery_pb2.DEATH_REASON_UNSPECIFIED
    return answer(pb.RetryDeliveryResponse(delivery=delivery))


def _cancelled() -> Outcome:
    delivery = _mine(shelf.TO_CANCEL)
    delivery.state, delivery.death_reason = DEAD, delivery_pb2.DEATH_REASON_CANCELLED
    for name in ("next_attempt_time", "update_time"):
        delivery.ClearField(name)  # the second is of just now
    return answer(pb.CancelDeliveryResponse(delivery=delivery))


_MANY = DeliveryFilter(target_id=MY_TARGET, event_type="order.paid")

CHANGES = [
    Scenario(
        "a dead delivery is retried",
        call(pb.RetryDeliveryRequest(delivery_id=delivery_named("to retry"))),
        _retried(),
        then=((call(pb.RetryDeliveryRequest(delivery_id=delivery_named("to retry"))), errors.NOT_RETRYABLE),),
    ),
    Scenario(
        "a waiting delivery is cancelled",
        call(pb.CancelDeliveryRequest(delivery_id=delivery_named("to cancel"))),
        _cancelled(),
        then=((call(pb.CancelDeliveryRequest(delivery_id=delivery_named("to cancel"))), errors.FINISHED),),
    ),
    Scenario(
        "dead and waiting deliveries are counted, then retried",
        call(pb.RetryDeliveriesRequest(filter=_MANY, count_only=True)),
        answer(pb.RetryDeliveriesResponse(count=5, complete=True)),
        then=(
            (
                call(pb.RetryDeliveriesRequest(filter=_MANY)),
                answer(pb.RetryDeliveriesResponse(count=5, complete=True)),
            ),
            (
                call(pb.RetryDeliveriesRequest(filter=_MANY)),
                answer(pb.RetryDeliveriesResponse(complete=True)),
            ),
        ),
    ),
    Scenario(
        "a delivery that was delivered is cancelled",
        call(pb.CancelDeliveryRequest(delivery_id=str(shelf.DELIVERED.id())), by=_BY),
        errors.FINISHED,
    ),
    Scenario(
        "a delivery that is behind is retried",
        call(pb.RetryDeliveryRequest(delivery_id=str(shelf.BEHIND.id())), by=_BY),
        errors.NOT_RETRYABLE,
    ),
    Scenario(
        "deliveries that nobody may have meant",
        call(pb.CancelDeliveriesRequest(count_only=True)),
        expect.violations(filter=REQUIRED),
    ),
    Scenario(
        "unfinished deliveries are counted",
        call(pb.CancelDeliveriesRequest(filter=DeliveryFilter(), count_only=True), by=_BY),
        answer(pb.CancelDeliveriesResponse(count=3, complete=True)),
    ),
    Scenario(
        "deliveries that a misspelt filter means are cancelled",
        call(pb.CancelDeliveriesRequest(), json='{"filter":{"targetId":"no such target","eventtype":"order.placed"}}'),
        expect.violations(**{"filter.eventtype": "is not a field of this message"}),
        only=JSON,
        differs={"envoy-json": Differs("Envoy reads JSON itself, and leaves out what it does not know")},
    ),
    Scenario(
        "deliveries are cancelled whose target is named by nothing",
        call(pb.CancelDeliveriesRequest(filter=DeliveryFilter(target_id=""))),
        expect.violations(**{"filter.target_id": TOO_SHORT}),
    ),
    Scenario(
        "deliveries that no filter matches are cancelled",
        call(pb.CancelDeliveriesRequest(filter=DeliveryFilter(target_id="no such target"))),
        answer(pb.CancelDeliveriesResponse(complete=True)),
    ),
]


def _health(target_id: str, status: target_health_pb2.TargetHealthStatus) -> target_health_pb2.TargetHealth:
    return target_health_pb2.TargetHealth(target_id=target_id, status=status)


_HEALTHY = _health(shelf.TARGET, target_health_pb2.TARGET_HEALTH_STATUS_HEALTHY)
_HEALTHY.waiting_count, _HEALTHY.behind_count = 1, 1
_HEALTHY.last_success_time.FromMilliseconds(shelf.DELIVERED.attempts[1].at_ms)
_HELD = _health(shelf.HELD_TARGET, target_health_pb2.TARGET_HEALTH_STATUS_HELD)
_HELD.failure_count, _HELD.parked_count, _HELD.last_failure = 1, 1, "status 410"
_HELD.failing_since_time.FromMilliseconds(shelf.HEALTH.failing_since_ms)
_NEW = "a target that is resumed"

TARGETS = [
    Scenario(
        "the health of a target that works",
        call(pb.GetTargetHealthRequest(target_id=shelf.TARGET), by=_BY),
        answer(pb.GetTargetHealthResponse(health=_HEALTHY)),
    ),
    Scenario(
        "the health of a target that asked for no more deliveries",
        call(pb.GetTargetHealthRequest(target_id=shelf.HELD_TARGET), by=_BY),
        answer(pb.GetTargetHealthResponse(health=_HELD)),
    ),
    Scenario(
        "a target that is resumed although it is not paused",
        call(pb.ResumeTargetRequest(target_id=id_of(_NEW))),
        answer(pb.ResumeTargetResponse(health=_health(id_of(_NEW), target_health_pb2.TARGET_HEALTH_STATUS_HEALTHY))),
        before=(create(request(_NEW)),),
    ),
    Scenario(
        "a test of a target that cannot be called",
        call(pb.TestTargetRequest(target_id=shelf.TARGET), by=_BY),
        answer(pb.TestTargetResponse(outcome="key_unavailable")),
    ),
]
TARGETS += [
    Scenario(f"{verb} a target that does not exist", call(message(target_id="1")), errors.UNKNOWN_TARGET)
    for verb, message in (
        ("ask for the health of", pb.GetTargetHealthRequest),
        ("resume", pb.ResumeTargetRequest),
        ("test", pb.TestTargetRequest),
    )
]

CALLERS = [
    Scenario(
        "a caller who asks who it is",
        call(pb.GetCallerRequest()),
        answer(pb.GetCallerResponse(token_id=TOKEN, name=TOKEN, resource_owner=OWNER, permissions=sorted(PERMISSIONS))),
    ),
]

PATHS = [
    Scenario(
        "a list by names in snake case",
        call(
            pb.ListDeliveriesRequest(),
            by=_BY,
            http=Http(path="/v1/deliveries?filter.target_id=5200&filter.states=DELIVERY_STATE_PARKED&page_size=5"),
        ),
        answer(pb.ListDeliveriesResponse(deliveries=[shelf.PARKED.message()])),
        only=JSON,
    ),
]

ROWS = [
    *representative(LISTS),
    *exhaustive(FILTERS),
    *exhaustive(FILTER_FAULTS),
    *representative(SHOWN),
    *exhaustive(UNKNOWN),
    *representative(CHANGES),
    *representative(TARGETS),
    *representative(CALLERS),
    *representative(PATHS),
]
