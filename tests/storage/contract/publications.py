"""Under which ids events were published."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.ports import Store, Transaction


def an_event(number: int, owner: str = "owner") -> Event:
    return Event(
        owner=owner,
        aggregate_type="order",
        aggregate_id=f"{owner}/{number}",
        sequence=1,
        type="order.placed",
        payload={"number": number},
        editor="editor",
        created_at_ns=1_700_000_000_000_000_000,
    )


def publish(event_id: str, event: Event) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.publications.add(event.owner, event_id, transaction.append(event))

    return change


async def published(store: Store, owner: str, *event_ids: str) -> Mapping[str, Event]:
    return await store.write(lambda transaction: transaction.publications.find(owner, event_ids))


class PublicationContract:
    """See `StoreContract`."""

    async def test_published_events_are_found_by_their_ids(self, store: Store) -> None:
        for number in range(3):
            await store.write(publish(f"id {number}", an_event(number)))
        assert await published(store, "owner", "id 2", "404", "id 0") == {"id 2": an_event(2), "id 0": an_event(0)}
        assert await published(store, "owner") == {}

    async def test_a_published_event_is_found_within_the_change(self, store: Store) -> None:
        def change(transaction: Transaction) -> Mapping[str, Event]:
            publish("id", an_event(1))(transaction)
            return transaction.publications.find("owner", ["id"])

        assert await store.write(change) == {"id": an_event(1)}

    async def test_owners_have_ids_of_their_own(self, store: Store) -> None:
        await store.write(publish("id", an_event(1)))
        assert await published(store, "another", "id") == {}
        await store.write(publish("id", an_event(2, "another")))
        assert await published(store, "another", "id") == {"id": an_event(2, "another")}

    async def test_an_id_is_given_once(self, store: Store) -> None:
        await store.write(publish("id", an_event(1)))
        with pytest.raises(StoreError):
            await store.write(publish("id", an_event(2)))
        assert await store.events("order", "owner/2") == []

    async def test_an_id_of_a_change_that_raises_is_free(self, store: Store) -> None:
        def change(transaction: Transaction) -> None:
            publish("id", an_event(1))(transaction)
            raise KeyError

        with pytest.raises(KeyError):
            await store.write(change)
        assert await published(store, "owner", "id") == {}
        await store.write(publish("id", an_event(2)))

    async def test_positions_grow(self, store: Store) -> None:
        def change(transaction: Transaction) -> list[int]:
            return [transaction.append(an_event(number)) for number in range(3)]

        first, *others = await store.write(change)
        assert 0 < first < others[0] < others[1]

    async def test_old_events_are_forgotten_with_their_ids_and_sequences_go_on(self, store: Store) -> None:
        moment = an_event(1).created_at_ns
        await store.write(publish("first", an_event(1)))
        await store.write(publish("second", replace(an_event(1), sequence=2)))
        await store.write(publish("young", replace(an_event(2), created_at_ns=moment + 10**9)))

        def prune(transaction: Transaction) -> tuple[int, int]:
            return transaction.publications.prune(moment // 10**6 + 500, 1_000), transaction.last_sequence(
                "order", "owner/1"
            )

        assert await store.write(prune) == (2, 2)
        assert await store.write(prune) == (0, 2)
        assert list(await published(store, "owner", "first", "second", "young")) == ["young"]
        assert [event.sequence for event in await store.events("order", "owner/1")] == [2]
        await store.write(publish("first", replace(an_event(1), sequence=3)))
