"""Deliveries and attempts to store, and changes that store them."""

from collections.abc import Callable
from dataclasses import replace

from actiond.actions.deliveries import Attempt, AttemptKind, Delivery, DeliveryState
from actiond.actions.ports import Transaction
from actiond.actions.queries import DeliveryRecord
from tests.support.delivering import FakeClock

NOW = FakeClock().ms


def a_delivery(number: int, **changes: object) -> Delivery:
    """Of an aggregate of its own, due now."""
    new = Delivery(
        id=number,
        owner="owner",
        target_id="1",
        event_position=number,
        execution="event",
        aggregate=f"order/owner/{number}",
        sequence=1,
        since_ms=NOW,
        state=DeliveryState.WAITING,
        due_ms=NOW,
    )
    return replace(new, **changes)  # type: ignore[arg-type]  # the names of the fields are those of the tests


def in_order(number: int, **changes: object) -> Delivery:
    """Of one aggregate, in the order of the numbers."""
    return a_delivery(number, aggregate="order/owner/1", sequence=number, **changes)


def behind(number: int, **changes: object) -> Delivery:
    return in_order(number, **changes).behind()


def an_attempt(number: int = 1, delivery_id: int = 1, **changes: object) -> Attempt:
    new = Attempt(
        delivery_id=delivery_id,
        number=number,
        owner="owner",
        target_id="1",
        event_position=1,
        execution="event",
        kind=AttemptKind.QUEUED,
        at_ms=NOW,
        duration_ms=5,
        outcome="ok",
        status=200,
        worker=3,
    )
    return replace(new, **changes)  # type: ignore[arg-type]  # likewise


def put(*deliveries: Delivery) -> Callable[[Transaction], None]:
    """Return a change that adds them as they are."""

    def change(transaction: Transaction) -> None:
        rows = transaction.deliveries
        for delivery in deliveries:
            rows.enqueue(
                [replace(delivery, state=DeliveryState.WAITING, due_ms=delivery.due_ms or NOW, claim=0, reason=None)]
            )
            (stored,) = rows.with_ids([delivery.id])
            rows.save([(stored, delivery)])

    return change


def listed_as(record: DeliveryRecord) -> DeliveryRecord:
    """Return a record as lists have it: without the payload."""
    return record if record.event is None else replace(record, event=replace(record.event, payload={}))
