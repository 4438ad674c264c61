"""Under which ids events were published."""

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


def publish(transaction: Transaction, event_id: str, event: Event) -> int:
    position = transaction.append(event)
    transaction.publications.add(event.owner, event_id, position)
    return position


class PublicationContract:
    """See `StoreContract`."""

    async def test_published_events_are_found_by_their_ids(self, store: Store) -> None:
        for number in range(3):
            await store.write(lambda transaction, number=number: publish(transaction, f"id {number}", an_event(number)))
        ids = ["id 2", "unknown", "id 0"]
        found = await store.write(lambda transaction: transaction.publications.find("owner", ids))
        assert found == {"id 2": an_event(2), "id 0": an_event(0)}
        assert await store.write(lambda transaction: transaction.publications.find("owner", [])) == {}

    async def test_a_published_event_is_found_within_the_change(self, store: Store) -> None:
        def change(transaction: Transaction) -> object:
            publish(transaction, "id", an_event(1))
            return transaction.publications.find("owner", ["id"])

        assert await store.write(change) == {"id": an_event(1)}

    async def test_owners_have_ids_of_their_own(self, store: Store) -> None:
        await store.write(lambda transaction: publish(transaction, "id", an_event(1)))
        assert await store.write(lambda transaction: transaction.publications.find("another", ["id"])) == {}
        await store.write(lambda transaction: publish(transaction, "id", an_event(2, "another")))
        found = await store.write(lambda transaction: transaction.publications.find("another", ["id"]))
        assert found == {"id": an_event(2, "another")}

    async def test_an_id_is_given_once(self, store: Store) -> None:
        await store.write(lambda transaction: publish(transaction, "id", an_event(1)))
        with pytest.raises(StoreError):
            await store.write(lambda transaction: publish(transaction, "id", an_event(2)))
        assert await store.events("order", "owner/2") == []

    async def test_an_id_of_a_change_that_raises_is_free(self, store: Store) -> None:
        def change(transaction: Transaction) -> None:
            publish(transaction, "id", an_event(1))
            raise KeyError

        with pytest.raises(KeyError):
            await store.write(change)
        assert await store.write(lambda transaction: transaction.publications.find("owner", ["id"])) == {}
        await store.write(lambda transaction: publish(transaction, "id", an_event(2)))

    async def test_positions_grow(self, store: Store) -> None:
        positions = [
            await store.write(lambda transaction, number=number: transaction.append(an_event(number)))
            for number in range(3)
        ]
        assert 0 < positions[0] < positions[1] < positions[2]
