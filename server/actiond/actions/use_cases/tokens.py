"""Authenticating calls by their token, and adding and revoking tokens."""

import hmac
from collections.abc import Callable
from dataclasses import replace

from actiond.actions import events
from actiond.actions.actors import SYSTEM
from actiond.actions.errors import TokenInvalidError, TokenMissingError, TokenNotFoundError
from actiond.actions.ports import Store, Transaction
from actiond.actions.tokens import Caller, Token, digest_of, selector_of


class Tokens:
    """The use cases of tokens."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return the caller whose token an Authorization header carries (RFC 6750, section 2.1).

        Raises TokenMissingError without a header and TokenInvalidError for everything else. Every call reads the store,
        so that a revocation takes effect at once in every process that shares it.
        """
        if authorization is None:
            raise TokenMissingError
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenInvalidError
        digest = digest_of(secret.strip(" "))
        admission = await self._store.admit(selector_of(digest))
        token = admission.token
        if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_active(self._clock()):
            raise TokenInvalidError
        return Caller(token, admission.execution_revision)

    async def add(self, token: Token) -> None:
        """Add a token, or replace the one with the same id."""

        def change(transaction: Transaction) -> None:
            _put(transaction, token, "token.added", token.created_at_ns)

        await self._store.write(change)

    async def revoke(self, token_id: str) -> None:
        """Revoke a token. Revoking it again changes nothing. Raises TokenNotFoundError."""
        now = self._clock()

        def change(transaction: Transaction) -> None:
            token = transaction.tokens.get(token_id)
            if token is None:
                raise TokenNotFoundError
            if token.revoked_at_ns is None:
                _put(transaction, replace(token, revoked_at_ns=now), "token.revoked", now)

        await self._store.write(change)

    async def first_start(self, admin: Token, deliver_token: Callable[[], None]) -> tuple[str, bool]:
        """Return the store's default owner, and whether this call created it: the owner of `admin`, with that token.

        `deliver_token` gives the admin token's secret to its user. It is the only side effect that runs inside a
        transaction: if it failed after the commit, the secret would be lost; and of two concurrent first starts, only
        one may deliver. It may run more than once, with the same secret.
        """

        def change(transaction: Transaction) -> tuple[str, bool]:
            existing = transaction.instance.default_owner()
            if existing is not None:
                return existing, False
            transaction.instance.set_default_owner(admin.owner)
            _put(transaction, admin, "token.added", admin.created_at_ns)
            deliver_token()
            return admin.owner, True

        return await self._store.write(change)


def _put(transaction: Transaction, token: Token, event_type: str, now_ns: int) -> None:
    transaction.tokens.put(token)
    transaction.append(
        events.Event(
            owner=token.owner,
            aggregate_type=events.TOKEN,
            aggregate_id=token.id,
            sequence=transaction.last_sequence(events.TOKEN, token.id) + 1,
            type=event_type,
            payload={"name": token.name, "permissions": sorted(token.permissions)},
            editor=SYSTEM,
            created_at_ns=now_ns,
        )
    )
