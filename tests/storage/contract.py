"""What `server.actions.ports` says of a store, as tests. Each store's test module inherits the class."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from server.actions.errors import StoreError, TargetNameTakenError
from server.actions.ports import Store, Transaction
from server.actions.targets import Target, TargetType
from tests.storage.samples import SAMPLE_TARGET, a_target, a_token, added, insert, put

LONGEST_TIMEOUT_NS = 315_576_000_000 * 10**9 + 999_999_999

ROUND_TRIPS = {
    "a webhook": SAMPLE_TARGET,
    "a call": replace(SAMPLE_TARGET, type=TargetType.CALL),
    "an async call": replace(SAMPLE_TARGET, type=TargetType.ASYNC),
    "interrupting": replace(SAMPLE_TARGET, interrupt_on_error=True),
    "the shortest timeout": replace(SAMPLE_TARGET, timeout_ns=1),
    "just below a second": replace(SAMPLE_TARGET, timeout_ns=999_999_999),
    "the longest timeout": replace(SAMPLE_TARGET, timeout_ns=LONGEST_TIMEOUT_NS),
    "unicode": replace(SAMPLE_TARGET, name="Straße 😀\u0301 \u202eltr", endpoint="https://bücher.example/ä?q=😀"),
    "200 emoji": replace(SAMPLE_TARGET, name="😀" * 200),
    "a NUL": replace(SAMPLE_TARGET, name="a\0b"),
    "quotes": replace(SAMPLE_TARGET, name="""'; DROP TABLE targets; --" """),
    "a late sequence": replace(SAMPLE_TARGET, sequence=2**63 - 1, changed_at_ns=2**63 - 1),
}

SAME_NAMES = [("Straße", "STRASSE"), ("name", "NAME"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ﬁ", "FI")]

STORE_CALLS: dict[str, Callable[[Store], Coroutine[None, None, object]]] = {
    "write": lambda store: store.write(insert(SAMPLE_TARGET)),
    "target": lambda store: store.target("owner", "1"),
    "token": lambda store: store.token(b"selector"),
    "tokens": lambda store: store.tokens(),
    "events": lambda store: store.events("target", "1"),
    "ping": lambda store: store.ping(),
}


class ChangeFailedError(Exception):
    """What a test's change raises."""


class StoreContract:
    """Wants a fixture `store`: an empty one."""

    @pytest.mark.parametrize("target", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
    async def test_a_target_comes_back_as_it_was_stored(self, store: Store, target: Target) -> None:
        await store.write(insert(target))
        assert await store.target(target.owner, target.id) == target

    async def test_a_change_answers_what_it_returned(self, store: Store) -> None:
        assert await store.write(lambda _: "answer") == "answer"

    async def test_an_unknown_target_is_none(self, store: Store) -> None:
        assert await store.target("owner", "404") is None

    async def test_a_target_of_another_owner_is_none(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name", owner="one")))
        assert await store.target("another", "1") is None

    @pytest.mark.parametrize(("first", "second"), SAME_NAMES)
    async def test_a_name_taken_in_another_letter_case_is_refused(self, store: Store, first: str, second: str) -> None:
        await store.write(insert(a_target("1", first)))
        with pytest.raises(TargetNameTakenError):
            await store.write(insert(a_target("2", second)))

    async def test_a_refused_target_leaves_neither_row_nor_event(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name")))
        with pytest.raises(TargetNameTakenError):
            await store.write(insert(a_target("2", "name")))
        assert (await store.target("owner", "2"), await store.events("target", "2")) == (None, [])

    async def test_another_owner_may_use_the_same_name(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name", owner="one")))
        await store.write(insert(a_target("2", "name", owner="another")))
        assert await store.target("another", "2") is not None

    async def test_names_that_only_look_alike_are_two(self, store: Store) -> None:
        await store.write(insert(a_target("1", "a")))
        await store.write(insert(a_target("2", "а")))  # noqa: RUF001, a Cyrillic one
        assert await store.target("owner", "2") is not None

    async def test_a_change_may_go_on_after_a_taken_name(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name")))

        def change(transaction: Transaction) -> None:
            with pytest.raises(TargetNameTakenError):
                insert(a_target("2", "NAME"))(transaction)
            insert(a_target("3", "name (2)"))(transaction)

        await store.write(change)
        assert (await store.target("owner", "2"), await store.target("owner", "3")) == (None, a_target("3", "name (2)"))

    async def test_of_64_that_create_one_name_at_once_exactly_one_wins(self, store: Store) -> None:
        answers = await asyncio.gather(
            *(store.write(insert(a_target(str(number), "name"))) for number in range(64)), return_exceptions=True
        )
        winners = [answer for answer in answers if isinstance(answer, str)]
        losers = [answer for answer in answers if isinstance(answer, TargetNameTakenError)]
        assert (len(winners), len(losers)) == (1, 63)
        assert await store.target("owner", winners[0]) == a_target(winners[0], "name")

    async def test_an_event_comes_back_as_it_was_appended(self, store: Store) -> None:
        event = added(SAMPLE_TARGET, {"text": "Straße 😀", "yes": True, "none": None, "many": [1, {"deep": 2.5}]})
        await store.write(lambda transaction: transaction.insert_target(SAMPLE_TARGET, event))
        assert await store.events("target", SAMPLE_TARGET.id) == [event]

    async def test_an_event_cannot_be_changed_through_what_it_was_made_of(self, store: Store) -> None:
        payload: dict[str, object] = {"name": "before"}
        await store.write(lambda transaction: transaction.insert_target(SAMPLE_TARGET, added(SAMPLE_TARGET, payload)))
        payload["name"] = "after"
        (event,) = await store.events("target", SAMPLE_TARGET.id)
        assert event.payload == {"name": "before"}

    async def test_an_event_that_json_cannot_hold_fails_the_change(self, store: Store) -> None:
        event = added(SAMPLE_TARGET, {"bytes": b""})
        with pytest.raises(TypeError):
            await store.write(lambda transaction: transaction.insert_target(SAMPLE_TARGET, event))
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

    async def test_a_target_id_given_twice_fails_the_change(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name")))
        with pytest.raises(StoreError):
            await store.write(insert(a_target("1", "another")))
        assert await store.target("owner", "1") == a_target("1", "name")

    async def test_a_token_is_found_by_its_selector(self, store: Store) -> None:
        token = replace(a_token("1"), expires_at_ns=5, revoked_at_ns=4)
        await store.write(put(token))
        assert await store.token(token.selector) == token

    async def test_a_token_without_permissions_comes_back_without(self, store: Store) -> None:
        token = replace(a_token("1"), permissions=frozenset[str]())
        await store.write(put(token))
        assert await store.token(token.selector) == token

    async def test_an_unknown_selector_is_none(self, store: Store) -> None:
        await store.write(put(a_token("1")))
        assert await store.token(a_token("2").selector) is None

    async def test_a_token_is_found_by_its_id_within_a_change(self, store: Store) -> None:
        await store.write(put(a_token("1")))
        assert await store.write(lambda transaction: transaction.token("1")) == a_token("1")

    async def test_an_unknown_token_id_is_none_within_a_change(self, store: Store) -> None:
        assert await store.write(lambda transaction: transaction.token("404")) is None

    async def test_a_revocation_is_seen_by_the_next_read(self, store: Store) -> None:
        token = a_token("1")
        await store.write(put(token))
        assert await store.token(token.selector) == token
        revoked = replace(token, revoked_at_ns=7)
        await store.write(put(revoked, "token.revoked"))
        assert await store.token(token.selector) == revoked

    async def test_a_token_put_again_with_a_new_secret_replaces_the_old_one(self, store: Store) -> None:
        old, new = a_token("1", secret="old"), a_token("1", secret="new")
        await store.write(put(old))
        await store.write(put(new))
        assert (await store.token(old.selector), await store.token(new.selector)) == (None, new)
        assert await store.tokens() == [new]

    async def test_two_tokens_cannot_have_one_secret(self, store: Store) -> None:
        await store.write(put(a_token("1", secret="same")))
        with pytest.raises(StoreError):
            await store.write(put(a_token("2", secret="same")))
        assert await store.tokens() == [a_token("1", secret="same")]

    async def test_tokens_are_listed_oldest_first_and_revoked_ones_included(self, store: Store) -> None:
        newest, oldest = a_token("1", created_at_ns=3), a_token("3", created_at_ns=1)
        middle = replace(a_token("2", created_at_ns=2), revoked_at_ns=9, expires_at_ns=9)
        for token in (newest, middle, oldest):
            await store.write(put(token))
        assert await store.tokens() == [oldest, middle, newest]

    async def test_there_is_no_default_owner_at_first(self, store: Store) -> None:
        assert await store.write(lambda transaction: transaction.default_owner()) is None

    async def test_the_default_owner_is_kept(self, store: Store) -> None:
        await store.write(lambda transaction: transaction.set_default_owner("42"))
        assert await store.write(lambda transaction: transaction.default_owner()) == "42"

    async def test_worker_numbers_count_up_from_0(self, store: Store) -> None:
        numbers = [await store.write(lambda transaction: transaction.next_worker_number()) for _ in range(3)]
        assert numbers == [0, 1, 2]

    async def test_a_change_that_raises_leaves_nothing(self, store: Store) -> None:
        await store.write(put(a_token("1", secret="old")))

        def change(transaction: Transaction) -> None:
            insert(SAMPLE_TARGET)(transaction)
            put(a_token("1", secret="new"))(transaction)
            put(a_token("2"))(transaction)
            transaction.set_default_owner("42")
            transaction.next_worker_number()
            raise ChangeFailedError

        with pytest.raises(ChangeFailedError):
            await store.write(change)
        assert await store.target("owner", SAMPLE_TARGET.id) is None
        assert await store.tokens() == [a_token("1", secret="old")]
        assert await store.token(a_token("1", secret="old").selector) == a_token("1", secret="old")
        assert await store.token(a_token("1", secret="new").selector) is None
        assert (await store.events("target", SAMPLE_TARGET.id), len(await store.events("token", "1"))) == ([], 1)
        left = await store.write(lambda transaction: (transaction.default_owner(), transaction.next_worker_number()))
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
