"""Signing keys: by them a target knows that a call comes from here. The domain sees them sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of one target. While keys are being rotated a target has several."""

    sealed: bytes
    """Encrypted for the store; what opens it is not the domain's."""
    expires_at_ns: int | None = None
    """When it signs no more: nanoseconds since the epoch, UTC. The newest key has no end."""

    def is_valid(self, now_ns: int) -> bool:
        return self.expires_at_ns is None or now_ns < self.expires_at_ns


MOST_KEYS = 8
"""Of one target: a signature for each goes out with every call."""


def rotated(keys: Sequence[SigningKey], new: SigningKey, now_ns: int, overlap_ns: int) -> tuple[SigningKey, ...]:
    """The new key first, then those before it that still sign for a while, the newest of them."""
    end = now_ns + overlap_ns
    ending = (
        replace(key, expires_at_ns=end if key.expires_at_ns is None else min(end, key.expires_at_ns)) for key in keys
    )
    return (new, *(key for key in ending if key.is_valid(now_ns)))[:MOST_KEYS]
