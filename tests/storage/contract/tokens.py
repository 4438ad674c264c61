"""Tokens."""

from dataclasses import replace

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.ports import Store, Transaction
from actiond.actions.tokens import Token
from tests.support.samples import a_token, an_execution, put, put_execution, token_of

NAME = "dns:worker.example"


def bound(token_id: str, name: str = NAME, *, secret: str = "") -> Token:
    return replace(a_token(token_id, secret), certificate=name)


async def token_bound_to(store: Store, name: str) -> Token | None:
    return (await store.admit_certificate(name)).token


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

    async def test_a_token_is_found_by_the_name_in_certificates_that_it_is_bound_to(self, store: Store) -> None:
        await store.write(put(bound("1")))
        await store.write(put(a_token("2")))
        assert await token_bound_to(store, NAME) == bound("1")
        assert await token_of(store, bound("1").selector) == bound("1")
        assert await store.write(lambda transaction: transaction.tokens.bound_to(NAME)) == bound("1")
        assert (await store.tokens())[0] == bound("1")

    @pytest.mark.parametrize("name", ["dns:another.example", "dns:WORKER.example", "uri:worker.example", "", "-"])
    async def test_no_token_is_found_by_another_name(self, store: Store, name: str) -> None:
        await store.write(put(bound("1")))
        await store.write(put(a_token("2")))
        assert await token_bound_to(store, name) is None
        assert await store.write(lambda transaction: transaction.tokens.bound_to(name)) is None

    async def test_an_expired_token_is_still_bound(self, store: Store) -> None:
        expired = replace(bound("1"), expires_at_ns=1)
        await store.write(put(expired))
        assert await token_bound_to(store, NAME) == expired

    async def test_a_revoked_token_is_bound_no_more_and_its_name_is_free(self, store: Store) -> None:
        await store.write(put(bound("1")))
        revoked = replace(bound("1"), revoked_at_ns=7)
        await store.write(put(revoked, "token.revoked"))
        assert await token_bound_to(store, NAME) is None
        assert await token_of(store, revoked.selector) == revoked
        await store.write(put(bound("2")))
        await store.write(put(replace(bound("2"), revoked_at_ns=8), "token.revoked"))
        await store.write(put(bound("3")))
        assert await token_bound_to(store, NAME) == bound("3")

    async def test_two_tokens_cannot_be_bound_to_one_name(self, store: Store) -> None:
        await store.write(put(bound("1")))
        with pytest.raises(StoreError):
            await store.write(put(bound("2")))
        assert await store.tokens() == [bound("1")]

    async def test_a_token_put_again_is_bound_to_its_new_name_alone(self, store: Store) -> None:
        await store.write(put(bound("1")))
        await store.write(put(bound("1", "ip:192.0.2.1", secret="new")))
        assert await token_bound_to(store, NAME) is None
        assert await token_bound_to(store, "ip:192.0.2.1") == bound("1", "ip:192.0.2.1", secret="new")
        await store.write(put(bound("2")))
        assert await token_bound_to(store, NAME) == bound("2")

    async def test_a_change_that_fails_leaves_the_binding_as_it_was(self, store: Store) -> None:
        await store.write(put(bound("1")))

        def change(transaction: Transaction) -> None:
            put(replace(bound("1"), revoked_at_ns=7))(transaction)
            put(bound("2"))(transaction)
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(change)
        assert await token_bound_to(store, NAME) == bound("1")

    async def test_an_admission_by_certificate_has_the_revision_of_executions(self, store: Store) -> None:
        await store.write(put(bound("1")))
        before = (await store.admit_certificate(NAME)).execution_revision
        await store.write(put_execution(an_execution("request")))
        admission = await store.admit_certificate(NAME)
        assert admission.execution_revision > before
