"""The use cases on tokens: finding a call's token, and keeping the list of them."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import replace

from actiond.actions.errors import TokenInvalidError, TokenMissingError, TokenNotFoundError
from actiond.actions.events import Event
from actiond.actions.ports import Store, Transaction
from actiond.actions.tokens import SYSTEM, Token, digest_of, new_token, selector_of


class Tokens:
    """The use cases: finding a call's token, and keeping the list of them."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock

    async def authenticate(self, authorization: str | None) -> Token:
        """The token that an Authorization header carries (RFC 6750, section 2.1).

        Raises TokenMissingError without a header and TokenInvalidError for all else. The store is asked on every call,
        so that a revocation holds at once in every process that shares it.
        """
        if authorization is None:
            raise TokenMissingError
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenInvalidError
        digest = digest_of(secret.strip(" "))
        token = await self._store.token(selector_of(digest))
        if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_active(self._clock()):
            raise TokenInvalidError
        return token

    async def create(
        self,
        *,
        token_id: str,
        name: str,
        owner: str,
        permissions: Iterable[str],
        secret: str,
        expires_at_ns: int | None = None,
    ) -> Token:
        """Stores a token for `secret`; one of the same id is replaced."""
        token = new_token(
            token_id, name, owner, permissions, secret, created_at_ns=self._clock(), expires_at_ns=expires_at_ns
        )

        def change(transaction: Transaction) -> None:
            transaction.put_token(token, _event(transaction, token, "token.added", token.created_at_ns))

        await self._store.write(change)
        return token

    async def revoke(self, token_id: str) -> None:
        """Raises TokenNotFoundError for an unknown id; revoking twice changes nothing."""
        now = self._clock()

        def change(transaction: Transaction) -> None:
            token = transaction.token(token_id)
            if token is None:
                raise TokenNotFoundError
            if token.revoked_at_ns is None:
                revoked = replace(token, revoked_at_ns=now)
                transaction.put_token(revoked, _event(transaction, token, "token.revoked", now))

        await self._store.write(change)


async def first_start(store: Store, owner: str, admin: Token, hand_over: Callable[[], None]) -> tuple[str, bool]:
    """The store's default owner, and whether this call made it: then with the admin token, in one transaction.

    `hand_over` gives the admin's secret to whoever will use it. It runs inside the transaction, the one thing of its
    kind that does: had it failed or died after the commit, nobody would ever hold the token; and of two first starts
    at once it runs in one. It may run again, with the same secret.
    """

    def change(transaction: Transaction) -> tuple[str, bool]:
        existing = transaction.default_owner()
        if existing is not None:
            return existing, False
        transaction.set_default_owner(owner)
        transaction.put_token(admin, _event(transaction, admin, "token.added", admin.created_at_ns))
        hand_over()
        return owner, True

    return await store.write(change)


def _event(transaction: Transaction, token: Token, event_type: str, now_ns: int) -> Event:
    return Event(
        owner=token.owner,
        aggregate_type="token",
        aggregate_id=token.id,
        sequence=transaction.last_sequence("token", token.id) + 1,
        type=event_type,
        payload={"name": token.name, "permissions": sorted(token.permissions)},
        editor=SYSTEM,
        created_at_ns=now_ns,
    )
