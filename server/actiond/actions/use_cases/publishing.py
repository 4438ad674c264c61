"""Publishing events of other services, which are delivered like this server's own."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from actiond.actions.actors import Actor
from actiond.actions.catalogue import Catalogue
from actiond.actions.errors import (
    AggregateReservedError,
    EventIdTakenError,
    EventUnknownError,
    TooManyDeliveriesAtOnceError,
)
from actiond.actions.events import OWN_AGGREGATES, Event, qualified_id
from actiond.actions.ports import Store, Transaction

MAX_DELIVERIES = 5_000
"""Deliveries that one call may add, so that it holds up no other change for long."""
_UNNAMED = "\x1f"
"""Begins the id of an event that was published without one. No client can send it: ids are printable."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to publish."""

    type: str
    """One of the catalogue's `published_events`."""
    aggregate_type: str
    aggregate_id: str
    """As the owner knows the aggregate."""
    payload: Mapping[str, object]
    """JSON values."""
    id: str = ""
    """A second event with the same id is the same event; empty for an event that is published each time."""


@dataclass(frozen=True, slots=True)
class Published:
    """An event that was published."""

    sequence: int
    """Within its aggregate."""
    is_new: bool
    """Whether this call has published it. Otherwise it had been published before, under the same id."""


class Publishing:
    """The use case of publishing events."""

    def __init__(self, store: Store, clock: Callable[[], int], catalogue: Catalogue) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._catalogue = catalogue

    async def publish(self, actor: Actor, events: Sequence[NewEvent]) -> Sequence[Published]:
        """Publish all of the events, in their order, or none.

        Raises EventUnknownError, AggregateReservedError, EventIdTakenError, TooManyDeliveriesError and
        TooManyDeliveriesAtOnceError.
        """
        for position, new in enumerate(events):
            if new.type not in self._catalogue.published_events:
                raise EventUnknownError(position)
            if new.aggregate_type in OWN_AGGREGATES:
                raise AggregateReservedError(position)
        now = self._clock()

        def change(transaction: Transaction) -> Sequence[Published]:
            ids = list(dict.fromkeys(new.id for new in events if new.id))
            known = dict(transaction.publications.find(actor.owner, ids))
            published = []
            for position, new in enumerate(events):
                first = known.get(new.id)
                if first is None:
                    first = _event(transaction, actor, new, now)
                    at = transaction.append(first)
                    if transaction.deliveries.enqueued() > MAX_DELIVERIES:
                        raise TooManyDeliveriesAtOnceError(MAX_DELIVERIES)
                    # Also without an id: events are forgotten in the order in which they were published.
                    transaction.publications.add(actor.owner, new.id or f"{_UNNAMED}{at}", at)
                    if new.id:
                        known[new.id] = first
                    published.append(Published(first.sequence, is_new=True))
                elif _is_same(first, actor, new):
                    published.append(Published(first.sequence, is_new=False))
                else:
                    raise EventIdTakenError(position)
            return published

        return await self._store.write(change)


def _event(transaction: Transaction, actor: Actor, new: NewEvent, now_ns: int) -> Event:
    """Return the next event of its aggregate."""
    aggregate_id = qualified_id(actor.owner, new.aggregate_type, new.aggregate_id)
    return Event(
        owner=actor.owner,
        aggregate_type=new.aggregate_type,
        aggregate_id=aggregate_id,
        sequence=transaction.last_sequence(new.aggregate_type, aggregate_id) + 1,
        type=new.type,
        payload=new.payload,
        editor=actor.id,
        created_at_ns=now_ns,
    )


def _is_same(first: Event, actor: Actor, new: NewEvent) -> bool:
    """Return whether an event that was published is the one that should be published now."""
    aggregate_id = qualified_id(actor.owner, new.aggregate_type, new.aggregate_id)
    return (
        (first.type, first.aggregate_type, first.aggregate_id) == (new.type, new.aggregate_type, aggregate_id)
        # As JSON, in which 1 is not true.
        and json.dumps(dict(first.payload), sort_keys=True) == json.dumps(dict(new.payload), sort_keys=True)
    )
