"""Authenticating calls by their token, and adding and revoking tokens."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from actiond.actions import events
from actiond.actions.actors import SYSTEM
from actiond.actions.errors import (
    CertificateTakenError,
    CertificateUnboundError,
    SecretTakenError,
    TokenInvalidError,
    TokenMissingError,
    TokenNotFoundError,
    TokenRevokedError,
)
from actiond.actions.ports import Store, Transaction
from actiond.actions.tokens import Caller, Token, digest_of, selector_of
from actiond.actions.use_cases.new_ids import require_new, with_new_id


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

    async def create(self, token: Token, new_id: Callable[[], str]) -> Token:
        """Add a token, under a new id in place of its own, and return it. Raises CertificateTakenError, as `add`."""
        return await with_new_id(new_id, lambda token_id: self.add(replace(token, id=token_id)))

    async def add(self, token: Token) -> Token:
        """Add a token and return it.

        Raises IdTakenError, and CertificateTakenError if another token is bound to the same name in certificates. A
        token that has expired still is; one that is revoked is not.
        """

        def change(transaction: Transaction) -> Token:
            require_new(transaction, events.TOKEN, token.id)
            bound = None if token.certificate is None else transaction.tokens.bound_to(token.certificate)
            if bound is not None:
                raise CertificateTakenError(bound.id, bound.name)
            _put(transaction, token, "token.added", token.created_at_ns)
            return token

        return await self._store.write(change)

    async def set_secret(self, token: Token, new_id: Callable[[], str]) -> None:
        """Give the token of this id the new secret, and all else that `token` says.

        A revoked token is not forgotten, or its secret could be given again one day: it is kept under a new id.
        Raises TokenRevokedError if the secret is that of a revoked token, and SecretTakenError for another one's.
        """
        await with_new_id(new_id, partial(self._set_secret, token))

    async def _set_secret(self, token: Token, kept_id: str) -> None:
        def change(transaction: Transaction) -> None:
            same = transaction.tokens.with_selector(token.selector)
            if same is not None and same.revoked_at_ns is not None:
                raise TokenRevokedError(same.id)
            if same is not None and same.id != token.id:
                raise SecretTakenError(same.id)
            if same is not None:
                return
            former = transaction.tokens.get(token.id)
            _put(transaction, token, "token.added", token.created_at_ns)
            if former is not None and former.revoked_at_ns is not None:
                require_new(transaction, events.TOKEN, kept_id)
                _put(transaction, replace(former, id=kept_id), "token.revoked", former.revoked_at_ns)

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
