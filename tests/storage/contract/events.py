"""Events: what was appended stays as it was."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.ports import (
    ExecutionRepository,
    InstanceKeyRepository,
    Store,
    TargetRepository,
    TokenRepository,
    Transaction,
)
from actiond.actions.queries import ExecutionQuery, TargetQuery
from tests.support.samples import (
    SAMPLE_KEYS,
    SAMPLE_TARGET,
    a_target,
    a_token,
    added,
    an_execution,
    an_instance_key,
    insert,
    keys_of,
    later,
    put,
    put_execution,
    put_instance_key,
    revision_of,
    token_of,
    update,
)


def _insert_with(event: Event) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.targets.insert(SAMPLE_TARGET, ())
        transaction.append(event)

    return change


# Every method of the repositories that changes what has events, as it is called without one.
MUTATORS: dict[str, Callable[[Transaction], object]] = {
    "targets.insert": lambda transaction: transaction.targets.insert(a_target("2", "two"), ()),
    "targets.update": lambda transaction: transaction.targets.update(later(SAMPLE_TARGET)),
    "targets.delete": lambda transaction: transaction.targets.delete(later(SAMPLE_TARGET)),
    "targets.set_signing_keys": lambda transaction: transaction.targets.set_signing_keys("owner", "1", SAMPLE_KEYS),
    "executions.put": lambda transaction: transaction.executions.put(an_execution("response")),
    "executions.delete": lambda transaction: transaction.executions.delete(an_execution("function/f")),
    "tokens.put": lambda transaction: transaction.tokens.put(a_token("2")),
    "instance_keys.put": lambda transaction: transaction.instance_keys.put(an_instance_key("2")),
    "instance_keys.delete": lambda transaction: transaction.instance_keys.delete(an_instance_key("1")),
}
READERS = {
    "targets.get",
    "targets.signing_keys",
    "executions.get",
    "executions.with_step",
    "tokens.get",
    "instance_keys.all",
}


def test_every_method_of_the_repositories_is_known_to_change_something_or_to_read() -> None:
    repositories = {
        "targets": TargetRepository,
        "executions": ExecutionRepository,
        "tokens": TokenRepository,
        "instance_keys": InstanceKeyRepository,
    }
    methods = {
        f"{name}.{method}"
        for name, repository in repositories.items()
        for method in vars(repository)
        if not method.startswith("_")
    }
    assert methods == MUTATORS.keys() | READERS


class EventContract:
    """See `StoreContract`."""

    async def test_an_event_comes_back_as_it_was_appended(self, store: Store) -> None:
        event = added(SAMPLE_TARGET, {"text": "Straße 😀", "yes": True, "none": None, "many": [1, {"deep": 2.5}]})
        await store.write(_insert_with(event))
        assert await store.events("target", SAMPLE_TARGET.id) == [event]

    async def test_an_event_cannot_be_changed_through_what_it_was_made_of(self, store: Store) -> None:
        payload: dict[str, object] = {"name": "before"}
        await store.write(_insert_with(added(SAMPLE_TARGET, payload)))
        payload["name"] = "after"
        (event,) = await store.events("target", SAMPLE_TARGET.id)
        assert event.payload == {"name": "before"}

    async def test_an_event_that_json_cannot_hold_fails_the_change(self, store: Store) -> None:
        event = added(SAMPLE_TARGET, {"bytes": b""})
        with pytest.raises(TypeError):
            await store.write(_insert_with(event))
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

        def change(transaction: Transaction) -> None:
            transaction.tokens.put(replace(a_token("1"), name="new"))
            transaction.append(event)

        with pytest.raises(StoreError):
            await store.write(change)
        assert await token_of(store, a_token("1").selector) == a_token("1")

    @pytest.mark.parametrize("mutate", MUTATORS.values(), ids=MUTATORS.keys())
    async def test_what_is_changed_without_an_event_is_not_kept(
        self, store: Store, mutate: Callable[[Transaction], object]
    ) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put_execution(an_execution("function/f")))
        await store.write(put_instance_key(an_instance_key("1")))
        before = await self._everything(store)
        with pytest.raises(StoreError, match="was changed without an event"):
            await store.write(mutate)
        assert await self._everything(store) == before

    async def test_an_event_of_another_resource_does_not_do(self, store: Store) -> None:
        def change(transaction: Transaction) -> None:
            transaction.tokens.put(a_token("1"))
            put(a_token("2"))(transaction)

        with pytest.raises(StoreError, match="token 1 was changed without an event"):
            await store.write(change)
        assert await store.tokens() == []

    async def test_one_event_may_tell_of_several_changes_of_one_resource(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))

        def change(transaction: Transaction) -> None:
            update(later(SAMPLE_TARGET))(transaction)
            transaction.targets.set_signing_keys("owner", SAMPLE_TARGET.id, SAMPLE_KEYS)

        await store.write(change)
        assert len(await store.events("target", SAMPLE_TARGET.id)) == 2

    async def _everything(self, store: Store) -> list[object]:
        return [
            await store.find_targets("owner", TargetQuery()),
            await store.find_executions("owner", ExecutionQuery()),
            await store.tokens(),
            await store.instance_keys(),
            await keys_of(store, SAMPLE_TARGET.id),
            await revision_of(store),
        ]
