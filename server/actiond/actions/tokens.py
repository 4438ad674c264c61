"""Tokens: they identify a caller, its resource owner and its permissions."""

import hashlib
from dataclasses import dataclass

from actiond.actions.actors import Actor
from actiond.actions.errors import PermissionMissingError

ALL_PERMISSIONS = "*"
"""Held by the admin token: every permission, including those of later releases."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it is stored: with the digest of its secret, without the secret."""

    id: str
    name: str
    owner: str
    """The resource owner whose targets and executions it gives access to."""
    permissions: frozenset[str]
    digest: bytes
    """SHA-256 of the secret. Secrets are long and random, so a slow hash would add nothing."""
    created_at_ns: int
    expires_at_ns: int | None = None
    revoked_at_ns: int | None = None
    certificate: str | None = None
    """The name in clients' certificates that identifies the caller as well as the secret does, see certificates.py."""

    @property
    def selector(self) -> bytes:
        """The half of the digest that a store looks up; the whole digest is then compared in constant time."""
        return selector_of(self.digest)

    def is_active(self, now_ns: int) -> bool:
        """Return whether the token is neither revoked nor expired."""
        return self.revoked_at_ns is None and (self.expires_at_ns is None or now_ns < self.expires_at_ns)

    def holds(self, permission: str) -> bool:
        """Return whether the token holds the permission."""
        return permission in self.permissions or ALL_PERMISSIONS in self.permissions

    def require(self, permission: str) -> None:
        """Raise PermissionMissingError unless the token holds the permission."""
        if not self.holds(permission):
            raise PermissionMissingError


@dataclass(frozen=True, slots=True)
class Admission:
    """What a call's admission needs from the store, read consistently."""

    token: Token | None
    """The token with the selector that was asked for, revoked and expired ones included."""
    execution_revision: int
    """Grows with every change to the executions of the token's owner, and to targets and keys that they use."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller."""

    token: Token
    execution_revision: int
    """The revision at admission: the plan for this call's executions must be at least as new."""

    @property
    def owner(self) -> str:
        return self.token.owner

    @property
    def actor(self) -> Actor:
        return Actor(self.token.id, self.token.owner)


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 digest of a secret."""
    # A header may hold lone surrogates; they are hashed like everything else, to a digest that no token has.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def selector_of(digest: bytes) -> bytes:
    """Return the half of a digest that a store looks up."""
    return digest[:16]
