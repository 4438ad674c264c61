"""Targets and their signing keys: one by one, within and outside a change."""

import asyncio
from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError, TargetNameTakenError
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import NameQuery, TargetQuery, TextMethod
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import PayloadType, Target, TargetType
from tests.support.samples import (
    SAMPLE_KEYS,
    SAMPLE_TARGET,
    a_target,
    an_execution,
    delete,
    insert,
    keys_of,
    later,
    put_execution,
    set_keys,
    update,
)

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
    "the longest id": replace(SAMPLE_TARGET, id="9" * 20),
    "a JWT": replace(SAMPLE_TARGET, payload_type=PayloadType.JWT),
    "a JWE without a key": replace(SAMPLE_TARGET, payload_type=PayloadType.JWE),
}

SAME_NAMES = [("Straße", "STRASSE"), ("name", "NAME"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ﬁ", "FI")]

CHANGED = replace(
    later(SAMPLE_TARGET),
    name="another name",
    type=TargetType.ASYNC,
    interrupt_on_error=True,
    timeout_ns=LONGEST_TIMEOUT_NS,
    endpoint="https://example.com/another",
    payload_type=PayloadType.JWT,
)


class TargetContract:
    """See `StoreContract`."""

    @pytest.mark.parametrize("target", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
    async def test_a_target_comes_back_as_it_was_stored(self, store: Store, target: Target) -> None:
        await store.write(insert(target))
        assert await store.target(target.owner, target.id) == target

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

    async def test_a_target_id_given_twice_fails_the_change(self, store: Store) -> None:
        await store.write(insert(a_target("1", "name")))
        with pytest.raises(StoreError):
            await store.write(insert(a_target("1", "another")))
        assert await store.target("owner", "1") == a_target("1", "name")

    async def test_within_a_change_a_target_is_as_the_change_has_left_it(self, store: Store) -> None:
        def change(transaction: Transaction) -> list[Target | None]:
            seen = [transaction.targets.get("owner", "1")]
            for step in (insert(SAMPLE_TARGET), update(CHANGED), delete(later(CHANGED))):
                step(transaction)
                seen.append(transaction.targets.get("owner", "1"))
            return seen

        assert await store.write(change) == [None, SAMPLE_TARGET, CHANGED, None]

    async def test_within_a_change_a_target_of_another_owner_is_none(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        assert await store.write(lambda transaction: transaction.targets.get("another", "1")) is None

    @pytest.mark.parametrize("target_id", ["01", "1 ", "+1", "1.0", "1\0", "१", ""])
    async def test_an_id_that_only_looks_like_a_targets_is_unknown(self, store: Store, target_id: str) -> None:
        await store.write(insert(SAMPLE_TARGET))
        assert await store.target("owner", target_id) is None

    async def test_an_update_replaces_what_a_target_says(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(update(CHANGED))
        assert await store.target("owner", "1") == CHANGED

    async def test_an_update_appends_its_event(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(update(CHANGED))
        events = await store.events("target", "1")
        assert [(event.sequence, event.type) for event in events] == [(1, "target.added"), (2, "target.changed")]

    async def test_an_update_leaves_other_targets_alone(self, store: Store) -> None:
        others = [a_target("2", "two"), a_target("11", "eleven"), a_target("3", "name", owner="another")]
        for target in (SAMPLE_TARGET, *others):
            await store.write(insert(target))
        await store.write(update(CHANGED))
        assert [await store.target(other.owner, other.id) for other in others] == others

    @pytest.mark.parametrize(("first", "second"), SAME_NAMES)
    async def test_a_rename_to_a_name_taken_in_another_letter_case_is_refused(
        self, store: Store, first: str, second: str
    ) -> None:
        await store.write(insert(a_target("1", first)))
        await store.write(insert(a_target("2", "name (2)")))
        with pytest.raises(TargetNameTakenError):
            await store.write(update(later(a_target("2", second))))
        assert await store.target("owner", "2") == a_target("2", "name (2)")
        assert len(await store.events("target", "2")) == 1

    @pytest.mark.parametrize(("first", "second"), SAME_NAMES)
    async def test_a_target_may_take_its_own_name_in_another_letter_case(
        self, store: Store, first: str, second: str
    ) -> None:
        await store.write(insert(a_target("1", first)))
        await store.write(update(later(a_target("1", second))))
        assert await store.target("owner", "1") == later(a_target("1", second))

    async def test_a_rename_to_a_name_of_another_owners_is_none_of_its_business(self, store: Store) -> None:
        await store.write(insert(a_target("1", "one", owner="another")))
        await store.write(insert(a_target("2", "two")))
        await store.write(update(later(a_target("2", "one"))))
        assert await store.target("owner", "2") == later(a_target("2", "one"))

    async def test_a_name_that_was_given_up_is_free(self, store: Store) -> None:
        await store.write(insert(a_target("1", "before")))
        await store.write(update(later(a_target("1", "after"))))
        await store.write(insert(a_target("2", "BEFORE")))
        with pytest.raises(TargetNameTakenError):
            await store.write(insert(a_target("3", "AFTER")))

    async def test_a_change_may_go_on_after_a_rename_to_a_taken_name(self, store: Store) -> None:
        await store.write(insert(a_target("1", "one")))
        await store.write(insert(a_target("2", "two")))

        def change(transaction: Transaction) -> None:
            with pytest.raises(TargetNameTakenError):
                update(later(a_target("2", "one")))(transaction)
            update(later(a_target("2", "three")))(transaction)

        await store.write(change)
        assert await store.target("owner", "2") == later(a_target("2", "three"))

    async def test_a_deleted_target_is_gone_and_its_history_stays(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(delete(later(SAMPLE_TARGET)))
        assert await store.target("owner", "1") is None
        assert [event.type for event in await store.events("target", "1")] == ["target.added", "target.removed"]

    async def test_the_name_of_a_deleted_target_is_free(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(delete(later(SAMPLE_TARGET)))
        await store.write(insert(a_target("2", SAMPLE_TARGET.name)))
        found = await store.find_targets(
            "owner", TargetQuery(filters=(NameQuery(SAMPLE_TARGET.name, TextMethod.EQUALS),))
        )
        assert [target.id for target in found.items] == ["2"]

    @pytest.mark.parametrize("change", [update, delete], ids=["update", "delete"])
    @pytest.mark.parametrize("owner", ["owner", "another"])
    async def test_a_target_that_is_not_there_cannot_be_changed(self, store: Store, change: object, owner: str) -> None:
        await store.write(insert(a_target("1" if owner == "another" else "2", "name")))
        assert callable(change)
        with pytest.raises(StoreError):
            await store.write(change(later(a_target("1", "new", owner=owner))))
        assert len(await store.events("target", "1")) == (owner == "another")

    async def test_a_target_that_an_execution_names_cannot_be_deleted(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put_execution(an_execution("request", "1")))
        with pytest.raises(StoreError):
            await store.write(delete(later(SAMPLE_TARGET)))
        assert await store.target("owner", "1") == SAMPLE_TARGET

    async def test_signing_keys_come_back_the_newest_first(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
        assert await keys_of(store, "1") == list(SAMPLE_KEYS)

    async def test_a_target_may_have_no_signing_key(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        assert await keys_of(store, "1") == []

    async def test_setting_signing_keys_replaces_them_all(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
        new = [SigningKey(b"three"), *reversed(SAMPLE_KEYS)]
        await store.write(set_keys("1", new))
        assert await keys_of(store, "1") == new

    async def test_signing_keys_are_those_of_their_target(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
        await store.write(insert(a_target("2", "two"), [SigningKey(b"two")]))
        await store.write(set_keys("1", ()))
        assert await keys_of(store, "2") == [SigningKey(b"two")]

    async def test_the_signing_keys_of_a_deleted_target_are_gone(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
        await store.write(delete(later(SAMPLE_TARGET)))
        assert await keys_of(store, "1") == []

    async def test_the_signing_keys_of_a_refused_target_are_not_kept(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
        with pytest.raises(TargetNameTakenError):
            await store.write(insert(a_target("2", "name"), SAMPLE_KEYS))
        assert await keys_of(store, "2") == []

    async def test_targets_are_counted_by_the_beginning_of_their_newest_key(self, store: Store) -> None:
        assert await store.newest_key_prefixes(3) == {}
        keys = {"1": [b"new+1", b"old+1"], "2": [b"new+2"], "3": [b"old+3"], "4": []}
        for number, sealed in keys.items():
            owner = "another owner" if number == "3" else SAMPLE_TARGET.owner
            target = replace(a_target(number, f"target {number}"), owner=owner)
            await store.write(insert(target, [SigningKey(key) for key in sealed]))
        assert await store.newest_key_prefixes(3) == {b"new": 2, b"old": 1, b"": 1}
