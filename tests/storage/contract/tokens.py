"""Tokens."""

from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.ports import Store
from tests.storage.samples import a_token, put, token_of


class TokenContract:
    """See `StoreContract`."""

    async def test_a_token_is_found_by_its_selector(self, store: Store) -> None:
        token = replace(a_token("1"), expires_at_ns=5, revoked_at_ns=4)
        await store.write(put(token))
        assert await token_of(store, token.selector) == token

    async def test_a_token_without_permissions_comes_back_without(self, store: Store) -> None:
        token = replace(a_token("1"), permissions=frozenset[str]())
        await store.write(put(token))
        assert await token_of(store, token.selector) == token

    async def test_an_unknown_selector_is_none(self, store: Store) -> None:
        await store.write(put(a_token("1")))
        assert await token_of(store, a_token("2").selector) is None

    async def test_a_token_is_found_by_its_id_within_a_change(self, store: Store) -> None:
        await store.write(put(a_token("1")))
        assert await store.write(lambda transaction: transaction.tokens.get("1")) == a_token("1")

    async def test_an_unknown_token_id_is_none_within_a_change(self, store: Store) -> None:
        assert await store.write(lambda transaction: transaction.tokens.get("404")) is None

    async def test_a_revocation_is_seen_by_the_next_read(self, store: Store) -> None:
        token = a_token("1")
        await store.write(put(token))
        assert await token_of(store, token.selector) == token
        revoked = replace(token, revoked_at_ns=7)
        await store.write(put(revoked, "token.revoked"))
        assert await token_of(store, token.selector) == revoked

    async def test_a_token_put_again_with_a_new_secret_replaces_the_old_one(self, store: Store) -> None:
        old, new = a_token("1", secret="old"), a_token("1", secret="new")
        await store.write(put(old))
        await store.write(put(new))
        assert (await token_of(store, old.selector), await token_of(store, new.selector)) == (None, new)
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
