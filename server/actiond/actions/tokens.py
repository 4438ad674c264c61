"""Tokens: who calls, for which resource owner, and what that caller may do."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from actiond.actions.errors import PermissionMissingError

ALL_PERMISSIONS = "*"
"""Held by the admin token: every permission there is, and those that come later."""

SYSTEM = "system"
"""The editor of what the server or its command line does."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it is stored: the secret itself is nowhere."""

    id: str
    name: str
    owner: str
    """The resource owner whose targets it sees."""
    permissions: frozenset[str]
    digest: bytes
    """SHA-256 of the secret. Secrets are long and random, so a slow hash would guard nothing."""
    created_at_ns: int
    expires_at_ns: int | None = None
    revoked_at_ns: int | None = None

    @property
    def selector(self) -> bytes:
        """The half of the digest by which a store finds the token; the other half is compared in constant time."""
        return selector_of(self.digest)

    def is_active(self, now_ns: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at_ns is None and (self.expires_at_ns is None or now_ns < self.expires_at_ns)

    def require(self, permission: str) -> None:
        """Raises PermissionMissingError unless the token holds the permission."""
        if permission not in self.permissions and ALL_PERMISSIONS not in self.permissions:
            raise PermissionMissingError


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 digest of a secret."""
    # A header may hold lone surrogates; they are hashed like everything else, to a digest that no token has.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def selector_of(digest: bytes) -> bytes:
    """Return the half of a digest by which a store finds the token."""
    return digest[:16]


def new_token(
    token_id: str,
    name: str,
    owner: str,
    permissions: Iterable[str],
    secret: str,
    *,
    created_at_ns: int,
    expires_at_ns: int | None = None,
) -> Token:
    """A token for `secret`, which is forgotten here."""
    return Token(
        id=token_id,
        name=name,
        owner=owner,
        permissions=frozenset(permissions),
        digest=digest_of(secret),
        created_at_ns=created_at_ns,
        expires_at_ns=expires_at_ns,
    )
