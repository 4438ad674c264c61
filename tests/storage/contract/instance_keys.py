"""Instance keys."""

from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.instance_keys import KeyAlgorithm
from actiond.actions.ports import Store, Transaction
from tests.support.samples import an_instance_key, delete_instance_key, put_instance_key


class InstanceKeyContract:
    """See `StoreContract`."""

    @pytest.mark.parametrize("algorithm", KeyAlgorithm)
    @pytest.mark.parametrize("expires_at_ns", [None, 2**62])
    async def test_an_instance_key_comes_back_as_it_was_put(
        self, store: Store, algorithm: KeyAlgorithm, expires_at_ns: int | None
    ) -> None:
        key = replace(an_instance_key("kid-_1"), algorithm=algorithm, expires_at_ns=expires_at_ns)
        await store.write(put_instance_key(key))
        assert await store.instance_keys() == [key]
        assert await store.write(lambda transaction: transaction.instance_keys.all()) == [key]

    async def test_a_store_has_no_instance_keys_at_first(self, store: Store) -> None:
        assert await store.instance_keys() == []

    async def test_instance_keys_are_listed_oldest_first(self, store: Store) -> None:
        newest, oldest = an_instance_key("a", created_at_ns=3), an_instance_key("c", created_at_ns=1)
        middle = an_instance_key("b", created_at_ns=2)
        for key in (newest, oldest, middle):
            await store.write(put_instance_key(key))
        assert await store.instance_keys() == [oldest, middle, newest]

    async def test_an_instance_key_that_is_put_again_is_replaced(self, store: Store) -> None:
        await store.write(put_instance_key(an_instance_key("a")))
        expiring = replace(an_instance_key("a"), expires_at_ns=7)
        await store.write(put_instance_key(expiring))
        assert await store.instance_keys() == [expiring]

    async def test_an_instance_key_that_is_deleted_is_gone(self, store: Store) -> None:
        for key in "ab":
            await store.write(put_instance_key(an_instance_key(key)))
        await store.write(delete_instance_key(an_instance_key("a")))
        assert await store.instance_keys() == [an_instance_key("b")]

    async def test_an_instance_key_that_does_not_exist_cannot_be_deleted(self, store: Store) -> None:
        with pytest.raises(StoreError):
            await store.write(delete_instance_key(an_instance_key("404")))

    async def test_a_change_that_fails_leaves_the_instance_keys_as_they_were(self, store: Store) -> None:
        await store.write(put_instance_key(an_instance_key("a")))

        def change(transaction: Transaction) -> None:
            delete_instance_key(an_instance_key("a"))(transaction)
            put_instance_key(an_instance_key("b"))(transaction)
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(change)
        assert await store.instance_keys() == [an_instance_key("a")]
