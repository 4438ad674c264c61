"""Lists of deliveries in memory: unfinished and dead ones from their rows, delivered ones from their attempts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest

from actiond.actions.deliveries import Attempt, Delivery, DeliveryState, delivered
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, DeliveryRecord, TargetReport
from actiond.storage.memory.data import Data


def find(data: Data, owner: str, query: DeliveryQuery, now_ms: int) -> Sequence[DeliveryRecord]:
    """See `Store.find_deliveries`."""
    found = (
        record
        for record in _records(data, owner, now_ms)
        if _matches(record, query.filter) and (query.before_id is None or record.delivery.id < query.before_id)
    )
    return [_without_payload(one) for one in nlargest(query.limit, found, key=lambda record: record.delivery.id)]


def count(data: Data, owner: str, wanted: DeliveryFilter) -> Mapping[tuple[DeliveryState, str], int]:
    """See `Store.count_deliveries`."""
    found = (record.delivery for record in _records(data, owner) if _matches(record, wanted))
    return Counter((delivery.state, delivery.target_id) for delivery in found)


def get(data: Data, owner: str, delivery_id: int, now_ms: int) -> DeliveryRecord | None:
    """See `Store.delivery`."""
    row = data.deliveries.rows.get(delivery_id)
    if row is not None and row.owner == owner:
        return _record(data, row, now_ms)
    return next(_delivered(data, attempts(data, owner, delivery_id)), None)


def attempts(data: Data, owner: str, delivery_id: int) -> Sequence[Attempt]:
    """See `Store.attempts`."""
    kept = data.attempts.get(delivery_id, {})
    return [kept[number] for number in sorted(kept) if kept[number].owner == owner]


def report(data: Data, owner: str, target_id: str) -> TargetReport:
    """See `Store.target_report`."""
    if data.target(owner, target_id) is None:
        return TargetReport(None, None, {})
    all_attempts = (attempt for kept in data.attempts.values() for attempt in kept.values())
    ok = (one.at_ms for one in all_attempts if one.target_id == target_id and one.has_delivered)
    return TargetReport(
        data.health.get(target_id), max(ok, default=None), data.deliveries.unfinished_states_of(target_id)
    )


def _records(data: Data, owner: str, now_ms: int = 0) -> Iterator[DeliveryRecord]:
    for row in data.deliveries.rows.values():
        if row.owner == owner:
            yield _record(data, row, now_ms)
    for kept in data.attempts.values():
        yield from _delivered(data, [attempt for attempt in kept.values() if attempt.owner == owner])


def _record(data: Data, row: Delivery, now_ms: int) -> DeliveryRecord:
    return DeliveryRecord(row, data.events_at.get(row.event_position), row.is_claimed(now_ms))


def _delivered(data: Data, kept: Sequence[Attempt]) -> Iterator[DeliveryRecord]:
    """Yield the delivered delivery of these attempts, if it is one."""
    for attempt in kept:
        if attempt.has_delivered:
            event = data.events_at.get(attempt.event_position)
            yield DeliveryRecord(delivered(attempt, event), event)


def _matches(record: DeliveryRecord, wanted: DeliveryFilter) -> bool:
    delivery = record.delivery
    is_put_off = wanted.put_off_ms is None or delivery.waits_for_retry(wanted.put_off_ms)
    if delivery.state is DeliveryState.WAITING and not is_put_off:
        return False
    return wanted.matches(delivery.id, delivery.target_id, delivery.state, record.event)


def _without_payload(record: DeliveryRecord) -> DeliveryRecord:
    return record if record.event is None else replace(record, event=replace(record.event, payload={}))
