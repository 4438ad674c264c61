"""Ids that a generator makes twice: each store tells, so that every create succeeds and no id is given again."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from actiond.actions.actors import Actor
from actiond.actions.errors import IdTakenError, StoreError, TokenRevokedError
from actiond.actions.ports import Store
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import NewTarget, TargetType
from actiond.actions.tokens import digest_of
from actiond.actions.use_cases.targets import Targets
from actiond.actions.use_cases.tokens import Tokens
from tests.support.samples import a_token

ACTOR = Actor("editor", "owner")


def targets(store: Store, *ids: str) -> Targets:
    return Targets(store, lambda: 1, iter(ids).__next__, lambda target_id: (target_id, SigningKey(b"key")), _allow)


def _allow(_endpoint: str) -> None:
    """Deny no endpoint."""


def new(name: str) -> NewTarget:
    return NewTarget(name, TargetType.ASYNC, interrupt_on_error=False, timeout_ns=1, endpoint="https://e.example/")


def next_of(*ids: str) -> Callable[[], str]:
    return iter(ids).__next__


class IdContract:
    """See `StoreContract`."""

    async def test_a_target_whose_id_is_taken_gets_the_next_one_and_a_key_for_that(self, store: Store) -> None:
        first, _ = await targets(store, "1").create(ACTOR, new("first"))
        second, key = await targets(store, "1", "1", "2").create(ACTOR, new("second"))
        assert (first.id, second.id, key) == ("1", "2", "2")
        assert await store.target("owner", "1") == first

    async def test_an_id_is_not_given_to_another_owners_target(self, store: Store) -> None:
        await targets(store, "1").create(ACTOR, new("first"))
        other, _ = await targets(store, "1", "2").create(Actor("editor", "another"), new("first"))
        assert other.id == "2"

    async def test_the_id_of_a_deleted_target_is_not_given_again(self, store: Store) -> None:
        made = targets(store, "1", "1", "2")
        await made.create(ACTOR, new("first"))
        await made.delete(ACTOR, "1")
        second, _ = await made.create(ACTOR, new("second"))
        assert second.id == "2"

    async def test_a_token_whose_id_is_taken_gets_the_next_one_and_the_first_stays(self, store: Store) -> None:
        tokens = Tokens(store, lambda: 1)
        first = await tokens.create(a_token("x"), next_of("1"))
        second = await tokens.create(replace(a_token("y"), name="second"), next_of("1", "1", "2"))
        assert (first.id, second.id) == ("1", "2")
        assert {token.id: token for token in await store.tokens()} == {"1": first, "2": second}

    async def test_a_token_does_not_take_the_place_of_another_one(self, store: Store) -> None:
        tokens = Tokens(store, lambda: 1)
        first = await tokens.add(a_token("1"))
        with pytest.raises(IdTakenError):
            await tokens.add(replace(first, digest=digest_of("another secret")))
        assert list(await store.tokens()) == [first]

    async def test_ids_that_are_all_taken_are_an_error_in_the_end(self, store: Store) -> None:
        await targets(store, "1").create(ACTOR, new("first"))
        with pytest.raises(StoreError, match="has been given before"):
            await Targets(store, lambda: 1, lambda: "1", lambda _: ("", SigningKey(b"")), _allow).create(
                ACTOR, new("second")
            )

    async def test_a_revoked_secret_is_kept_when_its_token_gets_another_one(self, store: Store) -> None:
        tokens = Tokens(store, lambda: 5)
        revoked = await tokens.add(a_token("admin"))
        await tokens.revoke("admin")
        await tokens.set_secret(replace(revoked, digest=digest_of("another")), next_of("admin", "7"))
        kept = {token.id: (token.digest, token.revoked_at_ns) for token in await store.tokens()}
        assert kept == {"admin": (digest_of("another"), None), "7": (revoked.digest, 5)}
        with pytest.raises(TokenRevokedError):
            await tokens.set_secret(revoked, next_of("8"))
