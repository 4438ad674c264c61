"""Public keys of targets, and what is read of signing keys and of the last event of a resource."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from actiond.actions.errors import TargetNameTakenError
from actiond.actions.ports import Store, Transaction
from actiond.actions.public_keys import PublicKey, TargetPublicKeys
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from tests.support.samples import (
    SAMPLE_KEYS,
    SAMPLE_TARGET,
    a_target,
    an_execution,
    delete,
    insert,
    later,
    put_execution,
    update,
)

KEY = PublicKey("7", b"-----BEGIN\0PEM", "SHA256:x", created_at_ns=1, changed_at_ns=2, expires_at_ns=2**62)
OTHER = PublicKey("8", b"another", "SHA256:y", created_at_ns=3, changed_at_ns=3)


def put(*keys: PublicKey, target: Target = SAMPLE_TARGET) -> Callable[[Transaction], None]:
    """Stores keys of a target, with its next state."""

    def change(transaction: Transaction) -> None:
        for key in keys:
            transaction.targets.put_public_key(target.id, key)
        update(target)(transaction)

    return change


ACTIVE = later(replace(SAMPLE_TARGET, public_key=KEY))


class PublicKeyContract:
    """See `StoreContract`."""

    async def test_public_keys_come_back_sorted_by_id(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put(OTHER, KEY, target=later(SAMPLE_TARGET)))
        assert await store.public_keys("owner", "1") == TargetPublicKeys((KEY, OTHER))
        assert await store.write(lambda transaction: list(transaction.targets.public_keys("1"))) == [KEY, OTHER]

    async def test_a_public_key_may_be_replaced(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put(KEY, target=later(SAMPLE_TARGET)))
        changed = replace(KEY, changed_at_ns=9)
        await store.write(put(changed, target=later(later(SAMPLE_TARGET))))
        assert await store.public_keys("owner", "1") == TargetPublicKeys((changed,))

    async def test_the_active_key_comes_with_the_target_wherever_it_is_read(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put(KEY, OTHER, target=ACTIVE))
        await store.write(put_execution(an_execution("request", "1")))
        snapshot = await store.execution_snapshot("owner")
        assert await store.target("owner", "1") == snapshot.targets["1"] == ACTIVE
        assert await store.write(lambda transaction: transaction.targets.get("owner", "1")) == ACTIVE
        assert await store.public_keys("owner", "1") == TargetPublicKeys((KEY, OTHER), active_id="7")

    async def test_an_active_key_may_become_inactive(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put(KEY, target=ACTIVE))
        inactive = replace(later(ACTIVE), public_key=None)
        await store.write(put(target=inactive))
        assert await store.target("owner", "1") == inactive
        assert await store.public_keys("owner", "1") == TargetPublicKeys((KEY,))

    async def test_a_key_of_a_used_target_raises_the_revision_of_executions(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put_execution(an_execution("request", "1")))
        before = await store.execution_revision("owner")
        await store.write(put(KEY, target=ACTIVE))
        assert await store.execution_revision("owner") > before

    async def test_a_removed_public_key_is_gone_and_the_others_stay(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put(KEY, OTHER, target=later(SAMPLE_TARGET)))

        def remove(transaction: Transaction) -> None:
            transaction.targets.remove_public_key("1", "7")
            update(later(later(SAMPLE_TARGET)))(transaction)

        await store.write(remove)
        assert await store.public_keys("owner", "1") == TargetPublicKeys((OTHER,))

    async def test_the_public_keys_of_a_deleted_target_are_gone(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(put(KEY, target=ACTIVE))
        await store.write(delete(later(ACTIVE)))
        assert await store.public_keys("owner", "1") == TargetPublicKeys()
        assert await store.write(lambda transaction: list(transaction.targets.public_keys("1"))) == []

    async def test_public_keys_are_those_of_their_target_and_its_owner(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(insert(a_target("2", "two")))
        await store.write(put(KEY, target=ACTIVE))
        assert await store.public_keys("owner", "2") == TargetPublicKeys()
        assert await store.public_keys("another", "1") == TargetPublicKeys()

    async def test_a_change_that_fails_keeps_no_public_key(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        await store.write(insert(a_target("2", "two")))
        with pytest.raises(TargetNameTakenError):
            await store.write(put(KEY, target=replace(ACTIVE, name="two")))
        assert await store.public_keys("owner", "1") == TargetPublicKeys()
        assert await store.target("owner", "1") == SAMPLE_TARGET

    async def test_signing_keys_of_several_targets_are_read_at_once(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET, SAMPLE_KEYS))
        await store.write(insert(a_target("2", "two"), [SigningKey(b"two")]))
        await store.write(insert(a_target("3", "three")))
        found = await store.signing_keys(["1", "2", "3", "4"])
        assert {target_id: list(keys) for target_id, keys in found.items()} == {
            "1": list(SAMPLE_KEYS),
            "2": [SigningKey(b"two")],
        }

    async def test_the_last_event_is_known_of_what_is_deleted_too(self, store: Store) -> None:
        assert await store.last_event("target", "1") is None
        await store.write(insert(SAMPLE_TARGET))
        await store.write(delete(later(SAMPLE_TARGET)))
        assert await store.last_event("target", "1") == (await store.events("target", "1"))[-1]
