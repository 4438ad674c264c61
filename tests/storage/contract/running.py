"""What runs: `runnable`, and the revision that tells when it is another."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from actiond.actions.executions import ExecutionSnapshot
from actiond.actions.ports import Store, Transaction
from actiond.actions.signing_keys import SigningKey
from tests.support.samples import (
    SAMPLE_KEYS,
    a_target,
    a_token,
    an_execution,
    delete,
    delete_execution,
    insert,
    later,
    put,
    put_execution,
    revision_of,
    set_keys,
    update,
)

NAMED = a_target("1", "named")
UNNAMED = a_target("2", "unnamed")
EXECUTION = an_execution("request", "1")

RAISING: dict[str, Callable[[Transaction], object]] = {
    "put_execution": put_execution(an_execution("response")),
    "put_execution again": put_execution(an_execution("request", "1", "1", sequence=2)),
    "delete_execution": delete_execution(an_execution("request", sequence=2)),
    "update_target": update(later(a_target("1", "new"))),
    "set_signing_keys": set_keys("1", SAMPLE_KEYS),
}
LEAVING: dict[str, Callable[[Transaction], object]] = {
    "insert_target": insert(a_target("3", "three"), SAMPLE_KEYS),
    "update_target that no execution names": update(later(a_target("2", "new"))),
    "set_signing_keys of a target that no execution names": set_keys("2", SAMPLE_KEYS),
    "delete_target": delete(later(UNNAMED)),
    "put_execution of another owner": put_execution(an_execution("request", owner="another")),
    "put_token": put(a_token("1")),
    "nothing": lambda _: None,
}


class RunningContract:
    """See `StoreContract`."""

    async def test_nothing_is_runnable_at_first(self, store: Store) -> None:
        assert await store.execution_snapshot("owner") == ExecutionSnapshot(await revision_of(store), [], {}, {})

    async def test_runnable_are_the_executions_with_their_targets_and_keys(self, store: Store) -> None:
        keys = [SigningKey(b"new"), SigningKey(b"old", expires_at_ns=5)]
        await store.write(insert(NAMED, keys))
        await store.write(insert(UNNAMED, [SigningKey(b"unnamed")]))
        inner, outer = an_execution("request/a.B", "1"), an_execution("request", "request/a.B", "1")
        empty = an_execution("response")
        for execution in (inner, outer, empty):
            await store.write(put_execution(execution))
        found = await store.execution_snapshot("owner")
        assert found.revision == await revision_of(store)
        assert {execution.condition.key: execution for execution in found.executions} == {
            "request": outer,
            "request/a.B": inner,
            "response": empty,
        }
        assert found.targets["1"] == NAMED
        assert list(found.keys["1"]) == keys

    async def test_runnable_has_nothing_of_another_owners(self, store: Store) -> None:
        await store.write(insert(NAMED, SAMPLE_KEYS))
        await store.write(put_execution(EXECUTION))
        found = await store.execution_snapshot("another")
        assert (found.executions, found.targets, found.keys) == ([], {}, {})

    async def test_a_target_without_keys_has_none_that_run(self, store: Store) -> None:
        await store.write(insert(NAMED))
        await store.write(put_execution(EXECUTION))
        assert (await store.execution_snapshot("owner")).keys.get("1", ()) == ()

    async def test_runnable_follows_a_change(self, store: Store) -> None:
        await store.write(insert(NAMED, SAMPLE_KEYS))
        await store.write(put_execution(EXECUTION))
        changed = later(a_target("1", "changed"))
        await store.write(update(changed))
        await store.write(set_keys("1", [SigningKey(b"other")]))
        await store.write(put_execution(an_execution("request", "1", "1", sequence=2)))
        found = await store.execution_snapshot("owner")
        assert [execution.steps for execution in found.executions] == [("1", "1")]
        assert found.targets == {"1": changed}
        assert list(found.keys["1"]) == [SigningKey(b"other")]

    @pytest.mark.parametrize("change", RAISING.values(), ids=RAISING.keys())
    async def test_the_revision_grows_with_what_runs(
        self, store: Store, change: Callable[[Transaction], object]
    ) -> None:
        await self._prepare(store)
        before = await revision_of(store)
        await store.write(change)
        assert await revision_of(store) > before

    @pytest.mark.parametrize("change", LEAVING.values(), ids=LEAVING.keys())
    async def test_the_revision_stays_when_what_runs_stays(
        self, store: Store, change: Callable[[Transaction], object]
    ) -> None:
        await self._prepare(store)
        before = await revision_of(store)
        await store.write(change)
        assert await revision_of(store) == before

    async def test_an_admission_has_the_revision_of_its_owner(self, store: Store) -> None:
        await store.write(put(a_token("1")))
        await store.write(put(replace(a_token("2"), owner="another")))
        assert [(await store.admit(a_token(number).selector)).execution_revision for number in "12"] == [0, 0]
        await self._prepare(store)
        assert [(await store.admit(a_token(number).selector)).execution_revision for number in "12"] == [
            await revision_of(store),
            0,
        ]

    async def test_the_revision_can_be_asked_for_alone(self, store: Store) -> None:
        assert await store.execution_revision("owner") == 0
        await self._prepare(store)
        assert await store.execution_revision("owner") == await revision_of(store) > 0
        assert await store.execution_revision("another") == 0

    async def test_runnable_is_what_runs_while_a_caller_waits_and_what_that_includes(self, store: Store) -> None:
        for number in "1234":
            await store.write(insert(a_target(number, number), [SigningKey(number.encode())]))
        for execution in (
            an_execution("event/inner", "1"),
            an_execution("event/outer", "event/inner", "2"),
            an_execution("response/a.B", "event/outer"),
            an_execution("function/alone", "3"),
            an_execution("event", "4"),
        ):
            await store.write(put_execution(execution))
        found = await store.execution_snapshot("owner")
        assert [execution.condition.key for execution in found.executions] == [
            "event/inner",
            "event/outer",
            "function/alone",
            "response/a.B",
        ]
        assert (set(found.targets), set(found.keys)) == ({"1", "2", "3"}, {"1", "2", "3"})

    async def _prepare(self, store: Store) -> None:
        for target in (NAMED, UNNAMED):
            await store.write(insert(target))
        await store.write(put_execution(EXECUTION))
