"""Public keys of targets, for which their payloads can be encrypted."""

from dataclasses import dataclass

MAX_PUBLIC_KEYS = 100
"""Maximum number of public keys of a target."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key of one target. Which of them is the active one, the target says."""

    id: str
    pem: bytes
    """As it was added: a SubjectPublicKeyInfo (RFC 5280) in PEM, of an RSA key or one on an elliptic curve."""
    fingerprint: str
    """`SHA256:` and the SHA-256 of the key's DER in base64, without padding."""
    created_at_ns: int
    """Nanoseconds since the epoch, UTC."""
    changed_at_ns: int
    """When it was added, or last activated or deactivated."""
    expires_at_ns: int | None = None
    """Time from which on nothing is encrypted for it. None if it does not expire."""

    def is_valid(self, now_ns: int) -> bool:
        """Return whether payloads may be encrypted for the key."""
        return self.expires_at_ns is None or now_ns < self.expires_at_ns


@dataclass(frozen=True, slots=True)
class TargetPublicKeys:
    """The public keys of a target, read consistently."""

    keys: tuple[PublicKey, ...] = ()
    """Sorted by id."""
    active_id: str | None = None
