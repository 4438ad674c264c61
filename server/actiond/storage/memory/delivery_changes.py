"""Reads what has happened to deliveries that are watched."""

from itertools import islice

from actiond.actions.queries import DeliveryFilter
from actiond.actions.watching import ATTEMPT_KINDS, ChangePage, RecordedChange, WatchedChange
from actiond.storage.memory.data import Data


def page(data: Data, owner: str, wanted: DeliveryFilter, after: int, limit: int) -> ChangePage:
    """See `Store.delivery_changes`."""
    of_owner = (
        (position, change)
        for position, change in data.changes.items()
        if position > after and change.delivery.owner == owner
    )
    rows = list(islice(of_owner, limit))
    found = []
    for position, change in rows:
        delivery, event = change.delivery, data.events_at.get(change.delivery.event_position)
        if wanted.matches(delivery.id, delivery.target_id, change.state, event):
            found.append((position, _watched(data, change, "" if event is None else event.type)))
    since = data.watches.get(owner)
    is_complete = since is not None and since[0] <= after <= data.last_change
    # What other owners do moves the position on, or what is removed would seem to have been missed.
    position = rows[-1][0] if len(rows) == limit else max(after, data.last_change)
    return ChangePage(found, position, is_complete, has_more=len(rows) == limit)


def _watched(data: Data, change: RecordedChange, event_type: str) -> WatchedChange:
    delivery = change.delivery
    number = delivery.attempts if change.kind in ATTEMPT_KINDS else 0
    attempt = data.attempts.get(delivery.id, {}).get(number)
    return WatchedChange(
        change.kind,
        change.at_ms,
        delivery.id,
        delivery.target_id,
        event_type,
        change.state,
        number,
        "" if attempt is None else attempt.outcome,
        None if attempt is None else attempt.status,
        delivery.reason,
    )
