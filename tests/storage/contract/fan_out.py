"""Which targets the events of a store are delivered to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from actiond.actions.deliveries import Delivery, DeliveryState
from actiond.actions.errors import TooManyDeliveriesError
from actiond.actions.ports import Store, Transaction
from actiond.actions.use_cases import fan_out
from tests.storage.contract.deliveries import rows_of
from tests.support.delivering import FakeClock, append, start_delivering
from tests.support.delivery_samples import a_delivery, put
from tests.support.samples import (
    a_target,
    a_token,
    an_execution,
    an_instance_key,
    delete_execution,
    insert,
    later,
    put_execution,
    put_instance_key,
    update,
)
from tests.support.samples import put as put_token


def place(order: str = "owner/1", owner: str = "owner") -> Callable[[Transaction], None]:
    """Return a change that appends an event of an order."""

    def change(transaction: Transaction) -> None:
        append(transaction, owner, "order", order, "order.item.placed")

    return change


async def set_up(store: Store, clock: FakeClock, executions: Mapping[str, Sequence[str]]) -> None:
    """Set executions, by key, and let events be delivered from then on."""
    for number in "1234":
        await store.write(insert(a_target(number, f"name {number}")))
    for key, steps in executions.items():
        await store.write(put_execution(an_execution(key, *steps)))
    start_delivering(store, clock)


async def delivered_to(store: Store, change: Callable[[Transaction], object]) -> list[tuple[str, str]]:
    """Return the targets and executions of the deliveries that a change makes, in the order of their ids."""
    before = {row.id for row in await rows_of(store)}
    await store.write(change)
    return [(row.target_id, row.execution) for row in await rows_of(store) if row.id not in before]


class FanOutContract:
    """See `StoreContract`."""

    @pytest.mark.parametrize(
        ("keys", "met"),
        [
            (["event/order.item.placed", "event/order.item.*", "event/order.*", "event"], "event/order.item.placed"),
            (["event/order.item.*", "event/order.*", "event"], "event/order.item.*"),
            (["event/order.*", "event"], "event/order.*"),
            (["event", "event/order.item.paid", "event/orders.*", "request"], "event"),
        ],
        ids=["type", "group", "larger group", "all"],
    )
    async def test_the_most_specific_execution_is_met(
        self, store: Store, clock: FakeClock, keys: Sequence[str], met: str
    ) -> None:
        await set_up(store, clock, {key: ["1" if key == met else "2"] for key in keys})
        assert await delivered_to(store, place()) == [("1", met)]

    async def test_an_execution_without_targets_is_met_too(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event/order.item.placed": [], "event": ["1"]})
        assert await delivered_to(store, place()) == []

    async def test_includes_are_flattened_and_each_target_gets_one_delivery(
        self, store: Store, clock: FakeClock
    ) -> None:
        inner, outer = "function/inner", "function/outer"
        await set_up(
            store, clock, {inner: ["3", "1"], outer: ["2", inner, "3"], "event": ["1", outer, inner, "4", "2"]}
        )
        assert await delivered_to(store, place()) == [(target_id, "event") for target_id in "1234"]

    async def test_without_an_event_execution_nothing_is_delivered(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"request": ["1"], "function/f": ["1"], "event/order.paid": ["1"]})
        assert await delivered_to(store, place()) == []
        await store.write(put_execution(an_execution("event", "2", owner="another")))
        assert await delivered_to(store, place()) == []

    async def test_events_of_tokens_are_never_delivered(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event": ["1"]})
        assert await delivered_to(store, put_token(a_token("1"))) == []

    async def test_events_of_instance_keys_are_never_delivered(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event": ["1"]})
        assert await delivered_to(store, put_instance_key(an_instance_key("1"))) == []

    async def test_events_of_targets_and_executions_are_delivered(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event": ["1"]})
        assert await delivered_to(store, update(later(a_target("2", "new")))) == [("1", "event")]
        assert await delivered_to(store, put_execution(an_execution("request"))) == [("1", "event")]

    async def test_a_delivery_is_due_at_once_and_knows_its_event(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event": ["1", "2"]})
        clock.pass_ms(5)
        await store.write(place())
        await store.write(place())
        (first, other, *behind) = await rows_of(store)
        assert (first.target_id, other.target_id) == ("1", "2")
        subjects = await store.write(lambda transaction: transaction.deliveries.subjects([first]))
        event = subjects.events[first.event_position]
        assert (event.type, event.sequence) == ("order.item.placed", 1)
        assert first == Delivery(
            id=first.id,
            owner="owner",
            target_id="1",
            event_position=first.event_position,
            execution="event",
            aggregate="order/owner/1",
            sequence=1,
            since_ms=clock.ms,
            state=DeliveryState.WAITING,
            due_ms=clock.ms,
        )
        assert other == replace(first, id=other.id, target_id="2")
        assert [(row.sequence, row.state) for row in behind] == [(2, DeliveryState.BEHIND)] * 2
        assert first.id < other.id < behind[0].id < behind[1].id

    # Executions that change.

    async def test_an_execution_that_is_set_in_the_same_change_counts(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {})
        await store.write(place())  # so that it is known that nothing is set

        def change(transaction: Transaction) -> None:
            place()(transaction)
            put_execution(an_execution("event", "1"))(transaction)
            place()(transaction)
            put_execution(an_execution("event", "2", sequence=2))(transaction)
            place()(transaction)
            delete_execution(an_execution("event", sequence=3))(transaction)
            place()(transaction)

        # The events of the executions, too: the last one finds nothing.
        assert await delivered_to(store, change) == [("1", "event")] * 2 + [("2", "event")] * 2

    async def test_the_execution_is_that_of_the_moment(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event/order.*": ["1"]})
        assert await delivered_to(store, place()) == [("1", "event/order.*")]
        await store.write(put_execution(an_execution("event/order.item.*", "2")))
        assert await delivered_to(store, place()) == [("2", "event/order.item.*")]
        await store.write(put_execution(an_execution("event/order.item.*", "3", sequence=2)))
        assert await delivered_to(store, place()) == [("3", "event/order.item.*")]
        await store.write(delete_execution(an_execution("event/order.item.*", sequence=3)))
        assert await delivered_to(store, place()) == [("1", "event/order.*")]

    async def test_an_execution_that_was_rolled_back_is_not_remembered(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event": ["1"]})

        def change(transaction: Transaction) -> None:
            put_execution(an_execution("event", "2", sequence=2))(transaction)
            place()(transaction)
            raise KeyError

        for _ in range(2):
            with pytest.raises(KeyError):
                await store.write(change)
            assert await delivered_to(store, place()) == [("1", "event")]
        await store.write(put_execution(an_execution("event", "3", sequence=2)))
        assert await delivered_to(store, place()) == [("3", "event")]

    async def test_what_fails_beside_a_change_of_executions_is_not_remembered(
        self, store: Store, clock: FakeClock
    ) -> None:
        await set_up(store, clock, {"event": ["1"]})

        def failing(transaction: Transaction) -> None:
            put_execution(an_execution("event", "2", sequence=2))(transaction)
            raise KeyError

        outcomes = await asyncio.gather(
            store.write(place("owner/1")),
            store.write(failing),
            store.write(place("owner/2")),
            store.write(put_execution(an_execution("event", "3", sequence=2))),
            store.write(place("owner/3")),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [KeyError]
        by_order = {row.aggregate: row.target_id for row in await rows_of(store)}
        orders = {f"order/owner/{number}": target_id for number, target_id in (("1", "1"), ("2", "1"), ("3", "3"))}
        assert by_order == {**orders, "execution/owner/event": "3"}

    # Limits.

    @pytest.mark.parametrize(("limit", "owner"), [("MAX_WAITING_OF_OWNER", "owner"), ("MAX_WAITING", "another")])
    async def test_a_change_that_would_leave_too_many_unfinished_fails(
        self, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, limit: str, owner: str
    ) -> None:
        await set_up(store, clock, {"event": ["1", "2"]})
        monkeypatch.setattr(fan_out, limit, 4)
        await store.write(put(a_delivery(1, owner=owner), a_delivery(2, owner=owner)))
        await store.write(place())

        def change(transaction: Transaction) -> None:
            put_token(a_token("1"))(transaction)
            place()(transaction)

        with pytest.raises(TooManyDeliveriesError) as caught:
            await store.write(change)
        assert caught.value.maximum == 4
        assert await store.tokens() == []
        assert len(await store.events("order", "owner/1")) == 1
        (first, *_) = await rows_of(store)
        await store.write(lambda transaction: transaction.deliveries.save([(first, None)]))
        with pytest.raises(TooManyDeliveriesError):
            await store.write(place())
        (first, *_) = await rows_of(store)
        await store.write(lambda transaction: transaction.deliveries.save([(first, None)]))
        await store.write(place())

    async def test_the_limit_of_one_owner_is_not_that_of_another(
        self, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await set_up(store, clock, {"event": ["1"]})
        monkeypatch.setattr(fan_out, "MAX_WAITING_OF_OWNER", 1)
        await store.write(put(*(a_delivery(number, owner="another") for number in range(1, 5))))
        await store.write(place())
        with pytest.raises(TooManyDeliveriesError):
            await store.write(place())

    # Waking.

    @pytest.mark.parametrize(("most", "state"), [(2, DeliveryState.PARKED), (3, DeliveryState.WAITING)])
    async def test_what_is_new_is_parked_while_its_owner_has_many_waiting(
        self, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, most: int, state: DeliveryState
    ) -> None:
        monkeypatch.setattr(fan_out, "MAX_QUEUED_OF_OWNER", most)
        await set_up(store, clock, {"event": "12"})
        others = [a_delivery(number, owner="another") for number in (6, 7, 8)]
        await store.write(put(a_delivery(3).parked(), a_delivery(4), a_delivery(5), *others))
        await store.write(place())
        due = clock.ms if state is DeliveryState.WAITING else None
        new = [(row.target_id, row.state, row.due_ms) for row in await rows_of(store) if row.id > 8]
        assert new == [("1", state, due), ("2", state, due)]

    async def test_a_commit_that_makes_deliveries_due_is_told(self, store: Store, clock: FakeClock) -> None:
        await set_up(store, clock, {"event": ["1"]})
        told: list[int] = []
        start_delivering(store, clock, lambda: told.append(1))
        await store.write(put_token(a_token("1")))
        assert told == []
        await store.write(place())
        assert len(told) == 1
        await store.write(place())  # behind the first one
        assert len(told) == 1
        (first, behind) = await rows_of(store)

        async def save(before: Delivery, after: Delivery | None) -> int:
            await store.write(lambda transaction: transaction.deliveries.save([(before, after)]))
            return len(told)

        claimed = first.claimed(7, clock.ms, clock.ms + 60_000)
        assert await save(first, claimed) == 1
        assert await save(claimed, claimed.parked()) == 1
        assert await save(claimed.parked(), claimed.parked().waiting(clock.ms)) == 2
        assert await save(behind, behind.waiting(clock.ms)) == 3
        assert await save(behind.waiting(clock.ms), None) == 3

        def failing(transaction: Transaction) -> None:
            place("owner/9")(transaction)
            raise KeyError

        with pytest.raises(KeyError):
            await store.write(failing)
        assert len(told) == 3
