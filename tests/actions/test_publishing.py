"""Publishing events of other services."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from actiond.actions.actors import Actor
from actiond.actions.catalogue import Catalogue
from actiond.actions.errors import (
    AggregateReservedError,
    DomainError,
    EventIdTakenError,
    EventUnknownError,
    TooManyDeliveriesAtOnceError,
    TooManyDeliveriesError,
)
from actiond.actions.use_cases import fan_out
from actiond.actions.use_cases import publishing as use_case
from actiond.actions.use_cases.fan_out import EventFanOut
from actiond.actions.use_cases.publishing import NewEvent, Published, Publishing
from actiond.storage.memory import MemoryStore
from tests.actions.samples import a_caller
from tests.support.samples import a_target, an_execution, insert, put_execution

PLACED = NewEvent("order.placed", "order", "4711", {"total": 12.5, "lines": [{"n": 1}]}, "placed")
PAID = NewEvent("order.paid", "order", "4711", {})
TYPES = frozenset({"order.placed", "order.paid"})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def publishing(store: MemoryStore) -> Publishing:
    return Publishing(store, lambda: 1_700_000_000_000_000_000, Catalogue(published_events=TYPES))


async def test_a_published_event_is_the_next_one_of_its_aggregate(store: MemoryStore, publishing: Publishing) -> None:
    assert await publishing.publish(a_caller(), [PLACED]) == [Published(1, is_new=True)]
    assert await publishing.publish(a_caller(), [PAID, PAID]) == [Published(2, is_new=True), Published(3, is_new=True)]
    first, *_ = events = await store.events("order", "owner/4711")
    assert [(event.type, event.sequence) for event in events] == [
        ("order.placed", 1),
        ("order.paid", 2),
        ("order.paid", 3),
    ]
    assert (first.owner, first.payload, first.editor) == ("owner", PLACED.payload, a_caller().id)
    assert (first.created_at_ns, first.public_aggregate_id) == (1_700_000_000_000_000_000, "4711")


async def test_owners_share_neither_aggregates_nor_ids(store: MemoryStore, publishing: Publishing) -> None:
    for owner in ("owner", "another"):
        assert await publishing.publish(a_caller(owner), [PLACED]) == [Published(1, is_new=True)]
    (event,) = await store.events("order", "another/4711")
    assert event.public_aggregate_id == "4711"


@pytest.mark.parametrize(
    "again",
    [PLACED, replace(PLACED, payload={"lines": [{"n": 1}], "total": 12.5})],
    ids=["the same", "fields in another order"],
)
async def test_an_event_with_the_same_id_is_published_once(
    store: MemoryStore, publishing: Publishing, again: NewEvent
) -> None:
    await publishing.publish(a_caller(), [PLACED])
    assert await publishing.publish(a_caller(), [PAID, again]) == [
        Published(2, is_new=True),
        Published(1, is_new=False),
    ]
    assert await publishing.publish(Actor("another token", "owner"), [again]) == [Published(1, is_new=False)]
    assert len(await store.events("order", "owner/4711")) == 2


async def test_an_event_that_is_twice_in_one_call_is_published_once(publishing: Publishing) -> None:
    assert await publishing.publish(a_caller(), [PLACED, PLACED]) == [
        Published(1, is_new=True),
        Published(1, is_new=False),
    ]


@pytest.mark.parametrize(
    "other",
    [
        replace(PLACED, type="order.paid"),
        replace(PLACED, aggregate_type="basket"),
        replace(PLACED, aggregate_id="4712"),
        replace(PLACED, payload={}),
        replace(PLACED, payload={"total": 12.5, "lines": [{"n": True}]}),
    ],
    ids=["type", "aggregate type", "aggregate id", "payload", "payload of equal numbers"],
)
@pytest.mark.parametrize("is_one_call", [True, False])
async def test_an_id_names_one_event(
    store: MemoryStore, publishing: Publishing, other: NewEvent, *, is_one_call: bool
) -> None:
    before, events = ([], [PAID, PLACED, other]) if is_one_call else ([PLACED], [PAID, PAID, other])
    await publishing.publish(a_caller(), before)
    with pytest.raises(EventIdTakenError) as caught:
        await publishing.publish(a_caller(), events)
    assert caught.value.position == 2
    assert len(await store.events("order", "owner/4711")) == (0 if is_one_call else 1)


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ([PLACED, replace(PAID, type="order.lost")], EventUnknownError(1)),
        ([replace(PAID, type="target.added", aggregate_type="other")], EventUnknownError(0)),
        ([PLACED, PAID, replace(PAID, aggregate_type="target")], AggregateReservedError(2)),
        ([replace(PAID, aggregate_type="execution")], AggregateReservedError(0)),
        ([replace(PAID, aggregate_type="token")], AggregateReservedError(0)),
    ],
    ids=str,
)
async def test_a_wrong_event_is_named_and_none_is_published(
    store: MemoryStore, publishing: Publishing, events: Sequence[NewEvent], error: DomainError
) -> None:
    with pytest.raises(type(error)) as caught:
        await publishing.publish(a_caller(), events)
    assert vars(caught.value) == vars(error)
    assert await store.events("order", "owner/4711") == []


async def test_a_published_event_is_delivered(
    store: MemoryStore, publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(insert(a_target("1", "one")))
    await store.write(put_execution(an_execution("event/order.placed", "1")))
    ids = iter(range(1, 10))
    store.deliver(EventFanOut(lambda: str(next(ids))), lambda: None)
    await publishing.publish(a_caller(), [PLACED, PAID, PLACED])
    (row,) = await store.write(lambda transaction: transaction.deliveries.unfinished_of("1", 10))
    assert (row.aggregate, row.sequence, row.execution) == ("order/owner/4711", 1, "event/order.placed")
    monkeypatch.setattr(fan_out, "MAX_WAITING_OF_OWNER", 1)
    with pytest.raises(TooManyDeliveriesError):
        await publishing.publish(a_caller(), [PAID, replace(PLACED, id="second")])
    assert len(await store.events("order", "owner/4711")) == 2


async def test_an_event_without_an_id_is_forgotten_like_any_other(store: MemoryStore, publishing: Publishing) -> None:
    await publishing.publish(a_caller(), [PAID, PAID])
    (owner,) = {event.owner for event in store._data.events_at.values()}
    assert await store.write(lambda transaction: transaction.publications.prune(1_700_000_000_001, 1_000)) == 2
    assert [event.sequence for event in await store.events("order", f"{owner}/4711")] == [2]


async def test_a_call_adds_a_bounded_number_of_deliveries(
    store: MemoryStore, publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_case, "MAX_DELIVERIES", 2)
    store.deliver(EventFanOut(map(str, itertools.count(1)).__next__), lambda: None)
    await store.write(insert(a_target("1", "one")))
    await store.write(put_execution(an_execution("event", "1")))
    with pytest.raises(TooManyDeliveriesAtOnceError):
        await publishing.publish(a_caller(), [PAID] * 3)
    assert [one.sequence for one in await publishing.publish(a_caller(), [PAID] * 2)] == [1, 2]
