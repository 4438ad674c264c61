"""Lists of deliveries against a plain filter, sort and cut of the same values, and what is known of a target's."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.deliveries import (
    UNFINISHED,
    Attempt,
    AttemptKind,
    DeathReason,
    Delivery,
    DeliveryState,
    delivered,
)
from actiond.actions.events import Event, qualified_id
from actiond.actions.ids import first_id
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, DeliveryRecord, TargetReport
from actiond.actions.target_health import TargetHealth
from tests.storage.contract.settings import property_of_a_store
from tests.support.delivering import FakeClock
from tests.support.delivery_samples import NOW, a_delivery, an_attempt, behind, listed_as, put
from tests.support.samples import a_target, insert

OWNERS = ("owner", "another")
TARGETS = ("1", "2")
TYPES = ("order.placed", "order.paid", "target.added")
AGGREGATES = (("order", "1"), ("order", "owner/1"), ("target", "1"), ("basket", "1"))
"""Types, and ids as their owners know them."""
EVERY_STATE = frozenset(DeliveryState)


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivery, as a test makes it."""

    owner: str
    target_id: str
    type: str
    aggregate: tuple[str, str]
    state: DeliveryState
    created_ms: int
    is_claimed: bool

    def event(self, number: int) -> Event:
        aggregate_type, public_id = self.aggregate
        aggregate_id = qualified_id(self.owner, aggregate_type, public_id)
        return Event(self.owner, aggregate_type, aggregate_id, number, self.type, {"n": number}, "editor", 1)

    def delivery(self, number: int, position: int) -> Delivery:
        event = self.event(number)
        new = Delivery(
            id=first_id(self.created_ms) + number,
            owner=self.owner,
            target_id=self.target_id,
            event_position=position,
            execution="event",
            aggregate=event.aggregate,
            sequence=number,
            since_ms=self.created_ms,
            state=DeliveryState.WAITING,
            due_ms=NOW,
        )
        return {
            DeliveryState.WAITING: new.claimed(7, NOW, NOW + 5) if self.is_claimed else new,
            DeliveryState.BEHIND: new.behind(),
            DeliveryState.PARKED: new.parked(),
            DeliveryState.DEAD: new.dead(DeathReason.AGE, NOW),
            DeliveryState.DELIVERED: delivered(_last_attempt(new), event),
        }[self.state]


LISTED = st.lists(
    st.builds(
        Listed,
        owner=st.sampled_from([*OWNERS[:1] * 3, *OWNERS]),
        target_id=st.sampled_from(TARGETS),
        type=st.sampled_from(TYPES),
        aggregate=st.sampled_from(AGGREGATES),
        state=st.sampled_from(DeliveryState),
        created_ms=st.integers(NOW - 3, NOW + 3),
        is_claimed=st.booleans(),
    ),
    max_size=24,
)
OPTIONAL_MOMENTS = st.none() | st.integers(NOW - 4, NOW + 4) | st.sampled_from([-1, 2**70])
FILTERS = st.builds(
    DeliveryFilter,
    target_id=st.none() | st.sampled_from([*TARGETS, "404", ""]),
    event_type=st.none() | st.sampled_from([*TYPES, "order"]),
    aggregate_type=st.none() | st.sampled_from(["order", "target", "basket", "ord"]),
    aggregate_id=st.none() | st.sampled_from(["1", "owner/1", "owner/owner/1", "2"]),
    states=st.just(frozenset()) | st.frozensets(st.sampled_from(DeliveryState), max_size=2) | st.just(UNFINISHED),
    from_ms=OPTIONAL_MOMENTS,
    until_ms=OPTIONAL_MOMENTS,
)


def _last_attempt(delivery: Delivery) -> Attempt:
    return an_attempt(
        3,
        delivery.id,
        owner=delivery.owner,
        target_id=delivery.target_id,
        event_position=delivery.event_position,
        at_ms=NOW - delivery.sequence,
    )


def _write_all(listed: Sequence[Listed]) -> Callable[[Transaction], list[DeliveryRecord]]:
    """Return a change that stores them and returns them as a reader sees them, the newest first."""

    def change(transaction: Transaction) -> list[DeliveryRecord]:
        records = []
        for number, one in enumerate(listed, 1):
            event = one.event(number)
            delivery = one.delivery(number, transaction.append(event))
            attempts = [an_attempt(1, delivery.id, owner=one.owner, outcome="timeout", status=None)]
            if one.state is DeliveryState.DELIVERED:
                attempts.append(_last_attempt(delivery))
            else:
                put(delivery)(transaction)
            # A test of the target is none of its deliveries.
            attempts.append(an_attempt(1, 10_000 + number, owner=one.owner, event_position=0, kind=AttemptKind.TEST))
            transaction.deliveries.log(attempts)
            records.append(DeliveryRecord(delivery, event, delivery.is_claimed(NOW)))
        return sorted(records, key=lambda record: record.delivery.id, reverse=True)

    return change


def matching(records: Iterable[DeliveryRecord], owner: str, wanted: DeliveryFilter) -> list[DeliveryRecord]:
    def matches(record: DeliveryRecord) -> bool:
        delivery, event = record.delivery, record.event
        assert event is not None
        created_ms = delivery.since_ms
        return (
            delivery.owner == owner
            and wanted.target_id in (None, delivery.target_id)
            and wanted.event_type in (None, event.type)
            and wanted.aggregate_type in (None, event.aggregate_type)
            and wanted.aggregate_id in (None, event.public_aggregate_id)
            and delivery.state in (wanted.states or EVERY_STATE)
            and (wanted.from_ms is None or wanted.from_ms <= created_ms)
            and (wanted.until_ms is None or created_ms < wanted.until_ms)
        )

    return [record for record in records if matches(record)]


async def pages_of(store: Store, owner: str, wanted: DeliveryFilter, limit: int) -> list[DeliveryRecord]:
    """Return all pages of a list."""
    query = DeliveryQuery(wanted, limit)
    records: list[DeliveryRecord] = []
    while page := await store.find_deliveries(owner, query):
        assert len(page) <= limit
        records += page
        query = replace(query, before_id=page[-1].delivery.id)
    return records


class DeliveryListContract:
    """See `StoreContract`."""

    @property_of_a_store
    @given(listed=LISTED, data=st.data())
    async def test_a_list_of_deliveries_is_what_filter_sort_and_cut_make_of_all(
        self, new_store: Callable[[], Store], listed: list[Listed], data: st.DataObject
    ) -> None:
        store = new_store()
        try:
            records = await store.write(_write_all(listed))
            for wanted in data.draw(st.lists(FILTERS, min_size=4, max_size=12)):
                for owner in OWNERS:
                    expected = matching(records, owner, wanted)
                    counts = Counter((one.delivery.state, one.delivery.target_id) for one in expected)
                    found = await pages_of(store, owner, wanted, data.draw(st.integers(1, 9)))
                    assert [replace(one, is_claimed=False) for one in found] == [
                        replace(one, is_claimed=False) for one in map(listed_as, expected)
                    ]
                    assert await store.count_deliveries(owner, wanted) == counts
        finally:
            await store.close()

    async def test_each_delivery_is_found_by_its_id_and_owner(self, store: Store) -> None:
        listed = [
            Listed("owner", "1", "order.placed", ("order", str(number)), state, NOW, is_claimed=False)
            for number, state in enumerate(DeliveryState)
        ]
        records = await store.write(_write_all(listed))
        for record in records:
            assert await store.delivery("owner", record.delivery.id) == record
            assert await store.delivery("another", record.delivery.id) is None
        for number in (404, 10_001, 0, -1, 2**64):  # that of a test, and what no id is
            assert await store.delivery("owner", number) is None
        assert await store.attempts("owner", 2**64) == []
        query = DeliveryQuery(before_id=2**64)
        assert await store.find_deliveries("owner", query) == [*map(listed_as, records)]

    async def test_a_delivered_one_is_known_from_its_last_attempt_and_its_event(self, store: Store) -> None:
        listed = Listed("owner", "2", "order.paid", ("order", "7"), DeliveryState.DELIVERED, NOW - 60, is_claimed=False)
        await store.write(_write_all([listed]))
        (record,) = await store.find_deliveries("owner", DeliveryQuery())
        assert record.delivery == Delivery(
            id=first_id(NOW - 60) + 1,
            owner="owner",
            target_id="2",
            event_position=1,
            execution="event",
            aggregate="order/owner/7",
            sequence=1,
            since_ms=NOW - 60,
            state=DeliveryState.DELIVERED,
            due_ms=None,
            attempts=3,
            is_tried=True,
            last_outcome="ok",
            last_status=200,
            last_ms=NOW - 1,
        )

    async def test_a_delivery_is_claimed_until_its_lease_ends(self, store: Store, clock: FakeClock) -> None:
        await store.write(put(a_delivery(1).claimed(7, NOW, NOW + 60), a_delivery(2, due_ms=NOW + 60)))

        async def claimed() -> list[bool]:
            listed = [record.is_claimed for record in await store.find_deliveries("owner", DeliveryQuery())]
            found = [await store.delivery("owner", number) for number in (2, 1)]
            assert [one is not None and one.is_claimed for one in found] == listed
            return listed

        assert await claimed() == [False, True]
        clock.pass_ms(60)
        assert await claimed() == [False, False]

    async def test_what_is_left_of_a_delivery_is_listed_without_its_event(self, store: Store) -> None:
        gone = an_attempt(1, 2, event_position=404)
        await store.write(put(a_delivery(1, event_position=404)))
        await store.write(lambda transaction: transaction.deliveries.log([gone]))
        found = await store.find_deliveries("owner", DeliveryQuery())
        assert [(record.delivery, record.event) for record in found] == [
            (delivered(gone, None), None),
            (a_delivery(1, event_position=404), None),
        ]
        for wanted in (
            DeliveryFilter(event_type="order.placed"),
            DeliveryFilter(aggregate_type="order"),
            DeliveryFilter(aggregate_id="1"),
            DeliveryFilter(aggregate_type="order", aggregate_id="1"),
        ):
            assert await store.find_deliveries("owner", DeliveryQuery(wanted)) == []
            assert not await store.count_deliveries("owner", wanted)

    async def test_a_report_tells_of_a_targets_deliveries(self, store: Store) -> None:
        await store.write(insert(a_target("1", "one")))
        report = partial(store.target_report, "owner", "1")
        assert await report() == TargetReport(None, None, {})
        await store.write(put(a_delivery(1), a_delivery(2), a_delivery(3).parked(), behind(4)))
        await store.write(put(a_delivery(5).dead(DeathReason.AGE, NOW), a_delivery(6, target_id="2")))
        health = TargetHealth("1", "owner", paused_until_ms=NOW)
        attempts = [
            an_attempt(1, 9, at_ms=NOW - 7),
            an_attempt(2, 8, at_ms=NOW - 5),
            an_attempt(1, 10, at_ms=NOW - 4, kind=AttemptKind.TEST),
            an_attempt(3, 7, at_ms=NOW - 3, outcome="status", status=503),
            an_attempt(4, 6, at_ms=NOW, target_id="2"),
        ]
        await store.write(lambda transaction: transaction.deliveries.put_health([health]))
        await store.write(lambda transaction: transaction.deliveries.log(attempts))
        unfinished = {DeliveryState.WAITING: 2, DeliveryState.BEHIND: 1, DeliveryState.PARKED: 1}
        assert await report() == TargetReport(health, NOW - 5, unfinished)

    async def test_nothing_is_told_of_another_owners_target(self, store: Store) -> None:
        await store.write(insert(a_target("1", "one")))
        await store.write(put(a_delivery(1)))
        await store.write(lambda transaction: transaction.deliveries.log([an_attempt()]))
        for owner, target_id in (("another", "1"), ("owner", "404")):
            assert await store.target_report(owner, target_id) == TargetReport(None, None, {})
