"""Converts deliveries, their attempts and what happens to them between protobuf and the domain."""

from collections.abc import Mapping
from typing import TypeVar

from actiond_protos.actiond.v1 import delivery_pb2 as pb

from actiond.actions.deliveries import Attempt, AttemptKind, DeathReason, DeliveryState
from actiond.actions.errors import DeliveryNotFoundError
from actiond.actions.events import Event
from actiond.actions.ids import created_ms
from actiond.actions.queries import DeliveryFilter, DeliveryRecord
from actiond.actions.watching import ChangeKind, WatchedChange
from actiond.api.timestamps import next_ms, put_ms, put_ns

V = TypeVar("V")

_MAX_ID = 2**63 - 1
_STATES = {
    pb.DELIVERY_STATE_WAITING: DeliveryState.WAITING,
    pb.DELIVERY_STATE_BEHIND: DeliveryState.BEHIND,
    pb.DELIVERY_STATE_PARKED: DeliveryState.PARKED,
    pb.DELIVERY_STATE_DEAD: DeliveryState.DEAD,
    pb.DELIVERY_STATE_DELIVERED: DeliveryState.DELIVERED,
}
STATES: Mapping[DeliveryState, pb.DeliveryState] = {state: value for value, state in _STATES.items()}
"""The protobuf value of each state."""
_REASONS: Mapping[DeathReason | None, pb.DeathReason] = {
    None: pb.DEATH_REASON_UNSPECIFIED,
    DeathReason.ATTEMPTS: pb.DEATH_REASON_ATTEMPTS,
    DeathReason.AGE: pb.DEATH_REASON_AGE,
    DeathReason.LOST: pb.DEATH_REASON_LOST,
    DeathReason.TARGET_REMOVED: pb.DEATH_REASON_TARGET_REMOVED,
    DeathReason.CANCELLED: pb.DEATH_REASON_CANCELLED,
}
_ATTEMPT_KINDS: Mapping[AttemptKind, pb.AttemptKind] = {
    AttemptKind.QUEUED: pb.ATTEMPT_KIND_QUEUED,
    AttemptKind.PROBE: pb.ATTEMPT_KIND_PROBE,
    AttemptKind.MANUAL: pb.ATTEMPT_KIND_MANUAL,
    AttemptKind.TEST: pb.ATTEMPT_KIND_TEST,
}
_CHANGE_KINDS: Mapping[ChangeKind, pb.DeliveryChangeKind] = {
    ChangeKind.CREATED: pb.DELIVERY_CHANGE_KIND_CREATED,
    ChangeKind.FAILED: pb.DELIVERY_CHANGE_KIND_FAILED,
    ChangeKind.DELIVERED: pb.DELIVERY_CHANGE_KIND_DELIVERED,
    ChangeKind.DIED: pb.DELIVERY_CHANGE_KIND_DIED,
    ChangeKind.PARKED: pb.DELIVERY_CHANGE_KIND_PARKED,
    ChangeKind.RELEASED: pb.DELIVERY_CHANGE_KIND_RELEASED,
    ChangeKind.RETRIED: pb.DELIVERY_CHANGE_KIND_RETRIED,
}


def delivery_id_of(text: str) -> int:
    """Return the id that a request names. Raises DeliveryNotFoundError for what no id looks like."""
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if str(number) != text or number > _MAX_ID:
        raise DeliveryNotFoundError
    return number


def delivery_filter(message: pb.DeliveryFilter) -> DeliveryFilter:
    """Return the filter of a valid request."""
    return DeliveryFilter(
        target_id=message.target_id or None,
        event_type=message.event_type or None,
        aggregate_type=message.aggregate_type or None,
        aggregate_id=message.aggregate_id or None,
        states=frozenset(_STATES[state] for state in message.states),
        from_ms=next_ms(message.start_time) if message.HasField("start_time") else None,
        until_ms=next_ms(message.end_time) if message.HasField("end_time") else None,
    )


def put_delivery(message: pb.Delivery, record: DeliveryRecord) -> None:
    """Fill in a delivery with its event."""
    delivery = record.delivery
    message.delivery_id = str(delivery.id)
    message.target_id = delivery.target_id
    message.state = STATES[delivery.state]
    message.running = record.is_claimed
    message.death_reason = _REASONS[delivery.reason]
    put_ms(message.create_time, created_ms(delivery.id))
    if delivery.changed_ms:
        put_ms(message.update_time, delivery.changed_ms)
    # While it is attempted, it is due when its lease ends, which says nothing to a client.
    if delivery.due_ms is not None and not record.is_claimed:
        put_ms(message.next_attempt_time, delivery.due_ms)
    message.attempt_count = delivery.attempts
    message.last_outcome = delivery.last_outcome
    message.last_http_status = delivery.last_status or 0
    message.execution = delivery.execution
    if record.event is not None:
        _put_event(message.event, record.event)


def put_attempt(message: pb.Attempt, attempt: Attempt) -> None:
    """Fill in an attempt."""
    message.number = attempt.number
    message.kind = _ATTEMPT_KINDS[attempt.kind]
    put_ms(message.start_time, attempt.at_ms)
    message.duration.FromMilliseconds(attempt.duration_ms)
    message.outcome = attempt.outcome
    message.http_status = attempt.status or 0
    message.worker = attempt.worker


def put_change(message: pb.DeliveryChange, change: WatchedChange) -> None:
    """Fill in something that happened to a delivery."""
    message.kind = _CHANGE_KINDS[change.kind]
    put_ms(message.change_time, change.at_ms)
    message.delivery_id = str(change.delivery_id)
    message.target_id = change.target_id
    message.event_type = change.event_type
    message.state = STATES[change.state]
    message.attempt = change.attempt
    message.outcome = change.outcome
    message.http_status = change.status or 0
    message.death_reason = _REASONS[change.reason]


def _put_event(message: pb.Event, event: Event) -> None:
    message.type = event.type
    message.aggregate_type = event.aggregate_type
    message.aggregate_id = event.public_aggregate_id
    message.sequence = event.sequence
    put_ns(message.create_time, event.created_at_ns)
    message.editor_id = event.editor
