"""Changes whole or not at all, and a store's life: what is kept of the installation, ping and close."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, ExecutionQuery, TargetQuery
from actiond.actions.signing_keys import SigningKey
from tests.support.samples import (
    SAMPLE_TARGET,
    a_target,
    a_token,
    an_execution,
    delete,
    delete_execution,
    execution_of,
    insert,
    keys_of,
    later,
    put,
    put_execution,
    revision_of,
    set_keys,
    token_of,
    update,
)

STORE_CALLS: dict[str, Callable[[Store], Coroutine[None, None, object]]] = {
    "write": lambda store: store.write(insert(SAMPLE_TARGET)),
    "target": lambda store: store.target("owner", "1"),
    "find_targets": lambda store: store.find_targets("owner", TargetQuery()),
    "signing_keys": lambda store: store.signing_keys(["1"]),
    "public_keys": lambda store: store.public_keys("owner", "1"),
    "last_event": lambda store: store.last_event("target", "1"),
    "find_executions": lambda store: store.find_executions("owner", ExecutionQuery()),
    "execution_snapshot": lambda store: store.execution_snapshot("owner"),
    "admit": lambda store: store.admit(b"selector"),
    "admit_certificate": lambda store: store.admit_certificate("dns:worker.example"),
    "tokens": lambda store: store.tokens(),
    "events": lambda store: store.events("target", "1"),
    "find_deliveries": lambda store: store.find_deliveries("owner", DeliveryQuery()),
    "count_deliveries": lambda store: store.count_deliveries("owner", DeliveryFilter()),
    "delivery": lambda store: store.delivery("owner", 1),
    "attempts": lambda store: store.attempts("owner", 1),
    "target_report": lambda store: store.target_report("owner", "1"),
    "delivery_totals": lambda store: store.delivery_totals(),
    "next_due_in_ms": lambda store: store.next_due_in_ms(),
    "ping": lambda store: store.ping(),
}


class ChangeFailedError(Exception):
    """What a test's change raises."""


class ChangeContract:
    """See `StoreContract`."""

    async def test_a_change_answers_what_it_returned(self, store: Store) -> None:
        assert await store.write(lambda _: "answer") == "answer"

    async def test_a_change_that_raises_leaves_nothing(self, store: Store) -> None:
        await store.write(put(a_token("1", secret="old")))

        def change(transaction: Transaction) -> None:
            insert(SAMPLE_TARGET)(transaction)
            put(a_token("1", secret="new"))(transaction)
            put(a_token("2"))(transaction)
            transaction.instance.set_default_owner("42")
            transaction.instance.next_worker_number()
            raise ChangeFailedError

        with pytest.raises(ChangeFailedError):
            await store.write(change)
        assert await store.target("owner", SAMPLE_TARGET.id) is None
        assert await store.tokens() == [a_token("1", secret="old")]
        assert await token_of(store, a_token("1", secret="old").selector) == a_token("1", secret="old")
        assert await token_of(store, a_token("1", secret="new").selector) is None
        assert (await store.events("target", SAMPLE_TARGET.id), len(await store.events("token", "1"))) == ([], 1)
        left = await store.write(
            lambda transaction: (transaction.instance.default_owner(), transaction.instance.next_worker_number())
        )
        assert left == (None, 0)
        await store.write(insert(SAMPLE_TARGET))  # its name is free

    async def test_a_change_that_raises_does_not_touch_those_beside_it(self, store: Store) -> None:
        def failing(number: int) -> Callable[[Transaction], str]:
            def change(transaction: Transaction) -> str:
                insert(a_target(str(number), f"name {number}"))(transaction)
                raise ChangeFailedError(number)

            return change

        answers = await asyncio.gather(
            *(
                store.write(failing(number) if number % 3 else insert(a_target(str(number), f"name {number}")))
                for number in range(30)
            ),
            return_exceptions=True,
        )
        stored = [number for number in range(30) if await store.target("owner", str(number)) is not None]
        assert stored == [number for number in range(30) if number % 3 == 0]
        assert [str(answer) for answer in answers] == [str(number) for number in range(30)]

    @pytest.mark.parametrize("error", [ChangeFailedError(), StopAsyncIteration(), GeneratorExit()], ids=repr)
    async def test_whatever_a_change_raises_comes_out_at_its_caller(self, store: Store, error: BaseException) -> None:
        def change(_: Transaction) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            await store.write(change)
        assert caught.value is error
        await store.ping()

    async def test_a_stop_iteration_comes_out_as_a_runtime_error(self, store: Store) -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await store.write(lambda _: next(iter(())))
        await store.ping()

    async def test_a_change_whose_caller_was_cancelled_before_it_began_never_runs(self, store: Store) -> None:
        caller = asyncio.ensure_future(store.write(insert(SAMPLE_TARGET)))
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await store.write(lambda _: None)
        assert await store.target("owner", SAMPLE_TARGET.id) is None

    async def test_what_was_written_is_read_at_once(self, store: Store) -> None:
        async def write_and_read(number: int) -> bool:
            await store.write(insert(a_target(str(number), f"name {number}")))
            return await store.target("owner", str(number)) is not None

        assert all(await asyncio.gather(*(write_and_read(number) for number in range(50))))

    async def test_a_store_that_is_open_answers_a_ping(self, store: Store) -> None:
        await store.ping()

    async def test_closing_finishes_what_was_begun(self, store: Store) -> None:
        writes = [asyncio.ensure_future(store.write(insert(a_target(str(n), f"name {n}")))) for n in range(100)]
        await asyncio.sleep(0)  # each has handed over its change
        await store.close()
        assert await asyncio.gather(*writes) == [str(n) for n in range(100)]

    @pytest.mark.parametrize("call", STORE_CALLS.values(), ids=STORE_CALLS.keys())
    async def test_calls_after_close_raise_store_error(
        self, store: Store, call: Callable[[Store], Coroutine[None, None, object]]
    ) -> None:
        await store.close()
        with pytest.raises(StoreError):
            await call(store)

    async def test_closing_twice_is_no_error(self, store: Store) -> None:
        await store.close()
        await store.close()

    async def test_there_is_no_default_owner_at_first(self, store: Store) -> None:
        assert await store.write(lambda transaction: transaction.instance.default_owner()) is None

    async def test_the_default_owner_is_kept(self, store: Store) -> None:
        await store.write(lambda transaction: transaction.instance.set_default_owner("42"))
        assert await store.write(lambda transaction: transaction.instance.default_owner()) == "42"

    async def test_worker_numbers_count_up_from_0(self, store: Store) -> None:
        numbers = [await store.write(lambda transaction: transaction.instance.next_worker_number()) for _ in range(3)]
        assert numbers == [0, 1, 2]

    async def test_of_changes_to_targets_and_executions_that_raise_nothing_stays(self, store: Store) -> None:
        kept, renamed, deleted = a_target("1", "one"), a_target("2", "two"), a_target("3", "three")
        for target in (kept, renamed, deleted):
            await store.write(insert(target, [SigningKey(target.name.encode())]))
        inner, outer = an_execution("request/a.B", "1"), an_execution("request", "request/a.B")
        for execution in (inner, outer):
            await store.write(put_execution(execution))
        before = await self._everything(store)

        def change(transaction: Transaction) -> None:
            update(later(a_target("2", "new")))(transaction)
            delete(later(deleted))(transaction)
            insert(a_target("4", "three"), [SigningKey(b"four")])(transaction)
            set_keys("1", ())(transaction)
            put_execution(an_execution("request", "4", sequence=2))(transaction)
            delete_execution(an_execution("request/a.B", sequence=2))(transaction)
            put_execution(an_execution("event"))(transaction)
            raise ChangeFailedError

        with pytest.raises(ChangeFailedError):
            await store.write(change)
        assert await self._everything(store) == before
        await store.write(insert(a_target("5", "new")))  # the name is free

    async def _everything(self, store: Store) -> list[object]:
        return [
            await store.find_targets("owner", TargetQuery()),
            await store.find_executions("owner", ExecutionQuery()),
            await revision_of(store),
            await store.execution_snapshot("owner"),
            *[await keys_of(store, target_id) for target_id in "12345"],
            *[await execution_of(store, "owner", key) for key in ("request", "request/a.B", "event")],
            *[len(await store.events("target", target_id)) for target_id in "12345"],
        ]
