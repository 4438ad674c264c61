"""Signing keys, with which targets verify that a call comes from this server. The domain only sees them sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

MAX_KEYS = 8
"""Maximum number of keys of a target. Each call carries a signature by each of them."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of one target. A target has several while keys are being rotated."""

    sealed: bytes
    """The key, encrypted for the store."""
    expires_at_ns: int | None = None
    """Time from which on it is no longer used: nanoseconds since the epoch, UTC. None for the newest key."""

    def is_valid(self, now_ns: int) -> bool:
        """Return whether calls are signed with the key."""
        return self.expires_at_ns is None or now_ns < self.expires_at_ns


def rotated(keys: Sequence[SigningKey], new: SigningKey, now_ns: int, overlap_ns: int) -> tuple[SigningKey, ...]:
    """Return the new key, then the newest of the former keys, which expire when the overlap ends, if not sooner."""
    end = now_ns + overlap_ns
    expiring = (
        replace(key, expires_at_ns=end if key.expires_at_ns is None else min(end, key.expires_at_ns)) for key in keys
    )
    return (new, *(key for key in expiring if key.is_valid(now_ns)))[:MAX_KEYS]
