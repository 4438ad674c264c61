"""Executions, one by one and by what they name."""

from dataclasses import replace

import pytest

from actiond.actions.conditions import parse_key
from actiond.actions.errors import StoreError
from actiond.actions.executions import Execution
from actiond.actions.ports import Store, Transaction
from tests.support.samples import (
    SAMPLE_TARGET,
    a_target,
    an_execution,
    delete_execution,
    execution_of,
    insert,
    put_execution,
    revision_of,
)

KEYS = [
    "request",
    "request/a.B",
    "request/a.B/C",
    "response",
    "response/a.B",
    "response/a.B/C",
    "event",
    "event/target.*",
    "event/target.added",
    "function/Straße 😀",
]


async def prepare(store: Store, *executions: Execution) -> None:
    """Stores what the executions name, then them."""
    for number in range(1, 4):
        await store.write(insert(a_target(str(number), f"name {number}")))
    for execution in executions:
        await store.write(put_execution(execution))


async def keys_with(store: Store, step: str, owner: str = "owner") -> list[str]:
    """`step` as `an_execution` takes it."""
    (wanted,) = an_execution("request", step).steps
    found = await store.write(lambda transaction: transaction.executions.with_step(owner, wanted))
    return [execution.condition.key for execution in found]


class ExecutionContract:
    """See `StoreContract`."""

    @pytest.mark.parametrize("key", KEYS)
    async def test_an_execution_comes_back_as_it_was_stored(self, store: Store, key: str) -> None:
        other = "request" if key != "request" else "response"
        execution = an_execution(key, "2", other, "1", "2")
        await prepare(store, an_execution(other), execution)
        assert await execution_of(store, "owner", key) == execution

    async def test_an_execution_may_have_no_steps(self, store: Store) -> None:
        await prepare(store, an_execution("request"))
        assert await execution_of(store, "owner", "request") == an_execution("request")

    async def test_an_execution_keeps_its_match_condition(self, store: Store) -> None:
        execution = replace(an_execution("request", "1", "2"), match="message.name == 'ä\n😀'")
        empty = replace(an_execution("response"), match="true")
        await prepare(store, execution, empty)
        assert await execution_of(store, "owner", "request") == execution
        assert (await store.execution_snapshot("owner")).executions == [execution, empty]

    async def test_a_match_condition_is_removed_by_putting_the_execution_without_it(self, store: Store) -> None:
        without = an_execution("request", "1", sequence=2)
        await prepare(store, replace(an_execution("request", "1"), match="true"), without)
        assert await execution_of(store, "owner", "request") == without

    async def test_setting_a_match_condition_raises_the_revision(self, store: Store) -> None:
        await prepare(store, an_execution("request", "1"))
        before = await revision_of(store)
        await store.write(put_execution(replace(an_execution("request", "1", sequence=2), match="true")))
        assert await revision_of(store) > before

    async def test_a_thousand_steps_keep_their_order(self, store: Store) -> None:
        execution = an_execution("request", *(str(1 + number * number % 3) for number in range(1000)))
        await prepare(store, execution)
        assert await execution_of(store, "owner", "request") == execution

    async def test_an_unknown_execution_is_none(self, store: Store) -> None:
        await prepare(store, an_execution("request/a.B"))
        assert await execution_of(store, "owner", "request") is None

    async def test_an_execution_of_another_owner_is_none(self, store: Store) -> None:
        await prepare(store, an_execution("request", owner="another"))
        assert await execution_of(store, "owner", "request") is None

    async def test_two_owners_may_have_an_execution_of_one_condition(self, store: Store) -> None:
        one, another = an_execution("request", "1"), an_execution("request", owner="another")
        await prepare(store, one, another)
        assert await execution_of(store, "owner", "request") == one
        assert await execution_of(store, "another", "request") == another

    async def test_an_execution_put_again_replaces_the_one_before(self, store: Store) -> None:
        again = an_execution("request", "3", sequence=2)
        await prepare(store, an_execution("request", "1", "2"), again)
        assert await execution_of(store, "owner", "request") == again
        assert await keys_with(store, "1") == []

    async def test_an_execution_that_is_included_may_be_put_again(self, store: Store) -> None:
        outer = an_execution("request", "request/a.B")
        await prepare(store, an_execution("request/a.B", "1"), outer, an_execution("request/a.B", "2", sequence=2))
        assert await execution_of(store, "owner", "request") == outer

    async def test_each_change_to_an_execution_appends_its_event(self, store: Store) -> None:
        await prepare(store, an_execution("request"), an_execution("request", "1", sequence=2))
        await store.write(delete_execution(an_execution("request", sequence=3)))
        events = await store.events("execution", "owner/request")
        assert [event.type for event in events] == ["execution.set", "execution.set", "execution.removed"]

    async def test_a_deleted_execution_is_gone_with_its_steps(self, store: Store) -> None:
        await prepare(store, an_execution("response"), an_execution("request", "1", "response"))
        await store.write(delete_execution(an_execution("request", sequence=2)))
        assert await execution_of(store, "owner", "request") is None
        assert (await keys_with(store, "1"), await keys_with(store, "response")) == ([], [])

    async def test_a_deleted_execution_may_be_put_again(self, store: Store) -> None:
        await prepare(store, an_execution("request", "1"))
        await store.write(delete_execution(an_execution("request", sequence=2)))
        again = an_execution("request", "2", sequence=3)
        await store.write(put_execution(again))
        assert await execution_of(store, "owner", "request") == again

    async def test_an_execution_that_is_not_there_cannot_be_deleted(self, store: Store) -> None:
        await prepare(store, an_execution("request", owner="another"))
        with pytest.raises(StoreError):
            await store.write(delete_execution(an_execution("request")))

    async def test_an_execution_that_another_includes_cannot_be_deleted(self, store: Store) -> None:
        await prepare(store, an_execution("request/a.B"), an_execution("request", "request/a.B"))
        with pytest.raises(StoreError):
            await store.write(delete_execution(an_execution("request/a.B", sequence=2)))
        assert await execution_of(store, "owner", "request/a.B") == an_execution("request/a.B")

    async def test_an_execution_cannot_include_one_that_is_not_there(self, store: Store) -> None:
        await prepare(store, an_execution("request/a.B", owner="another"))
        with pytest.raises(StoreError):
            await store.write(put_execution(an_execution("request", "request/a.B")))
        assert await execution_of(store, "owner", "request") is None

    async def test_executions_with_a_target_come_by_key(self, store: Store) -> None:
        named = [an_execution("response", "2", "1"), an_execution("event", "1", "1"), an_execution("request/a.B", "1")]
        await prepare(store, *named, an_execution("request", "2"), an_execution("request", "1", owner="another"))
        assert await keys_with(store, "1") == ["event", "request/a.B", "response"]

    async def test_executions_with_a_step_come_whole(self, store: Store) -> None:
        execution = an_execution("request", "2", "1", "2")
        await prepare(store, execution)
        assert await store.write(lambda transaction: transaction.executions.with_step("owner", "1")) == [execution]

    async def test_executions_with_an_include_are_those_that_have_it_themselves(self, store: Store) -> None:
        chain = [an_execution("event"), an_execution("response", "event"), an_execution("request", "response")]
        await prepare(store, *chain)
        assert await keys_with(store, "event") == ["response"]

    async def test_an_id_and_a_key_of_one_text_are_two_steps(self, store: Store) -> None:
        event = parse_key("event")
        await store.write(insert(a_target("event", SAMPLE_TARGET.name)))
        await store.write(put_execution(an_execution("event")))
        await store.write(put_execution(an_execution("request", "event")))

        def with_target_and_include(transaction: Transaction) -> tuple[int, int]:
            having_target = transaction.executions.with_step("owner", "event")
            return len(having_target), len(transaction.executions.with_step("owner", event))

        assert await store.write(with_target_and_include) == (0, 1)

    async def test_what_a_change_has_put_is_seen_within_it(self, store: Store) -> None:
        await prepare(store)

        def change(transaction: Transaction) -> tuple[object, object]:
            put_execution(an_execution("request", "1"))(transaction)
            with_it = transaction.executions.with_step("owner", "1")
            return transaction.executions.get("owner", parse_key("request")), with_it

        assert await store.write(change) == (an_execution("request", "1"), [an_execution("request", "1")])
