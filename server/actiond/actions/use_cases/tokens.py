"""Authenticating calls by their token, and adding and revoking tokens."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import replace

from actiond.actions import events
from actiond.actions.actors import SYSTEM
from actiond.actions.errors import (
    CertificateTakenError,
    CertificateUnboundError,
    TokenInvalidError,
    TokenMissingError,
    TokenNotFoundError,
)
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

    async def authenticate_certificate(self, names: Iterable[str]) -> Caller:
        """Return the caller whose token is bound to one of the names in a verified certificate.

        Raises TokenMissingError if there are no names, CertificateUnboundError if no token is bound to one of them, and
        TokenInvalidError if the token has expired or there are several.
        """
        names = tuple(names)
        admissions = [await self._store.admit_certificate(name) for name in names]
        bound = {one.token.id: (one.token, one.execution_revision) for one in admissions if one.token is not None}
        if not bound:
            raise CertificateUnboundError if names else TokenMissingError
        (token, revision), *others = bound.values()
        if others or not token.is_active(self._clock()):
            raise TokenInvalidError
        return Caller(token, revision)

    async def add(self, token: Token) -> None:
        """Add a token, or replace the one with the same id.

        Raises CertificateTakenError if another token is bound to the same name in certificates. A token that has
        expired still is; one that is revoked is not.
        """

        def change(transaction: Transaction) -> None:
            bound = None if token.certificate is None else transaction.tokens.bound_to(token.certificate)
            if bound is not None and bound.id != token.id:
                raise CertificateTakenError(bound.id, bound.name)
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
    bound = {} if token.certificate is None else {"certificate": token.certificate}
    transaction.tokens.put(token)
    transaction.append(
        events.Event(
            owner=token.owner,
            aggregate_type=events.TOKEN,
            aggregate_id=token.id,
            sequence=transaction.last_sequence(events.TOKEN, token.id) + 1,
            type=event_type,
            payload={"name": token.name, "permissions": sorted(token.permissions), **bound},
            editor=SYSTEM,
            created_at_ns=now_ns,
        )
    )
