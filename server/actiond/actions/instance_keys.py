"""Instance keys, with which this installation signs payloads as JSON Web Tokens: when each signs and is published.

The domain only sees their private keys sealed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

MAX_INSTANCE_KEYS = 16
"""Maximum number of keys that are published at once."""
CACHED_SECONDS = 240
"""How long receivers may cache the set of keys."""
DEFAULT_AHEAD_NS = 300 * 1_000_000_000
"""How long a new key is published before it signs. A process may have served the set of before for a minute of it."""
DEFAULT_OVERLAP_NS = 24 * 3600 * 1_000_000_000
"""How long a former key is published after it has signed for the last time."""


class KeyAlgorithm(Enum):
    """How payloads are signed, by its name in JOSE (RFC 7518, 3.1, and RFC 8037, 3.1). Stores keep the values."""

    ES256 = "ES256"
    """ECDSA on P-256, with SHA-256."""
    RS256 = "RS256"
    """RSASSA-PKCS1-v1_5, with SHA-256."""
    EDDSA = "EdDSA"
    """Ed25519."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made."""

    id: str
    """What tokens and the set of keys call it: `kid`."""
    algorithm: KeyAlgorithm
    public_jwk: str
    """The public key as a JSON Web Key (RFC 7517), with `kid`, `alg` and `use`."""
    sealed: bytes
    """The private key, encrypted for the store."""


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """A key that signs tokens. Times are nanoseconds since the epoch, UTC."""

    id: str
    algorithm: KeyAlgorithm
    public_jwk: str
    sealed: bytes
    created_at_ns: int
    signs_from_ns: int
    """When it begins to sign, in place of the key before it."""
    expires_at_ns: int | None = None
    """When it ceases to be published. None for the newest key."""

    def is_published(self, now_ns: int) -> bool:
        """Return whether receivers find the key."""
        return self.expires_at_ns is None or now_ns < self.expires_at_ns


def published(keys: Iterable[InstanceKey], now_ns: int) -> list[InstanceKey]:
    """Return the keys that receivers find, the one that signs last first."""
    found = [key for key in keys if key.is_published(now_ns)]
    return sorted(found, key=lambda key: (key.signs_from_ns, key.created_at_ns, key.id), reverse=True)


def may_sign(keys: Iterable[InstanceKey], now_ns: int) -> list[InstanceKey]:
    """Return the keys that may sign now. The first one does that can be decrypted.

    Those that are to sign later come last, the earliest first: where a clock has gone back, there is no other.
    """
    found = published(keys, now_ns)
    due = [key for key in found if key.signs_from_ns <= now_ns]
    return [*due, *reversed(found[: len(found) - len(due)])]


def rotated(
    keys: Iterable[InstanceKey], new: NewKey, now_ns: int, *, ahead_ns: int, overlap_ns: int | None
) -> Sequence[InstanceKey]:
    """Return the new key, then the former ones that are still published.

    Until the new key signs, former keys sign as before. They expire when the overlap after that ends, if not sooner;
    without an overlap, when they would have. Those that would have begun to sign later than the new one never will, so
    they are left out, but for one that signs for want of another.
    """
    signs_from = now_ns + ahead_ns
    found = published(keys, now_ns)
    signing = may_sign(found, now_ns)[:1]
    # One that signs before its time has begun to, and does not take over again once that comes.
    begun = (replace(key, signs_from_ns=min(key.signs_from_ns, now_ns - 1)) if key in signing else key for key in found)
    former = (
        key if overlap_ns is None else _expiring(key, signs_from + overlap_ns)
        for key in begun
        if key.signs_from_ns < signs_from or key.signs_from_ns <= now_ns
    )
    first = InstanceKey(new.id, new.algorithm, new.public_jwk, new.sealed, now_ns, signs_from)
    return (first, *(key for key in former if key.is_published(now_ns)))


def _expiring(key: InstanceKey, end_ns: int) -> InstanceKey:
    return replace(key, expires_at_ns=end_ns if key.expires_at_ns is None else min(end_ns, key.expires_at_ns))
