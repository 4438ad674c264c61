"""Events: what was appended stays as it was."""

from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.ports import Store, Transaction
from tests.storage.samples import SAMPLE_TARGET, a_target, a_token, added, insert, put


class EventContract:
    """See `StoreContract`."""

    async def test_an_event_comes_back_as_it_was_appended(self, store: Store) -> None:
        event = added(SAMPLE_TARGET, {"text": "Straße 😀", "yes": True, "none": None, "many": [1, {"deep": 2.5}]})
        await store.write(lambda transaction: transaction.insert_target(SAMPLE_TARGET, (), event))
        assert await store.events("target", SAMPLE_TARGET.id) == [event]

    async def test_an_event_cannot_be_changed_through_what_it_was_made_of(self, store: Store) -> None:
        payload: dict[str, object] = {"name": "before"}
        await store.write(
            lambda transaction: transaction.insert_target(SAMPLE_TARGET, (), added(SAMPLE_TARGET, payload))
        )
        payload["name"] = "after"
        (event,) = await store.events("target", SAMPLE_TARGET.id)
        assert event.payload == {"name": "before"}

    async def test_an_event_that_json_cannot_hold_fails_the_change(self, store: Store) -> None:
        event = added(SAMPLE_TARGET, {"bytes": b""})
        with pytest.raises(TypeError):
            await store.write(lambda transaction: transaction.insert_target(SAMPLE_TARGET, (), event))
        assert await store.target("owner", SAMPLE_TARGET.id) is None

    async def test_an_unknown_aggregate_has_no_events(self, store: Store) -> None:
        assert await store.events("target", "404") == []

    async def test_events_are_told_apart_by_type_and_id(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name")))
        await store.write(put(a_token("1")))
        assert [event.type for event in await store.events("token", "1")] == ["token.added"]

    async def test_events_come_in_the_order_of_their_sequence(self, store: Store) -> None:
        for sequence in range(1, 13):
            assert await store.write(put(a_token("1"))) == sequence
        assert [event.sequence for event in await store.events("token", "1")] == list(range(1, 13))

    async def test_the_last_sequence_is_0_before_the_first_event(self, store: Store) -> None:
        assert await store.write(lambda transaction: transaction.last_sequence("target", "1")) == 0

    async def test_the_last_sequence_is_seen_within_the_change(self, store: Store) -> None:
        def change(transaction: Transaction) -> int:
            put(a_token("1"))(transaction)
            return transaction.last_sequence("token", "1")

        assert await store.write(change) == 1

    async def test_an_event_number_given_twice_fails_the_change(self, store: Store) -> None:
        await store.write(put(a_token("1")))
        (event,) = await store.events("token", "1")
        with pytest.raises(StoreError):
            await store.write(lambda transaction: transaction.put_token(replace(a_token("1"), name="new"), event))
        assert await store.token(a_token("1").selector) == a_token("1")
