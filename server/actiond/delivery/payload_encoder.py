"""Makes of a payload what its target is sent: the JSON itself, a token, or an encrypted token."""

import time
from collections.abc import Awaitable, Callable
from functools import partial

from actiond.actions.errors import PublicKeyFormatError, StoreError
from actiond.actions.public_keys import PublicKey
from actiond.actions.targets import PayloadType, Target
from actiond.delivery.outcomes import CallFailedError, Outcome
from actiond.secrets.instance_key_ring import InstanceKeyRing
from actiond.secrets.jose import SignatureKey, encrypt, sign

OFFLOAD_BYTES = 32 * 1024
"""Payloads from this size on are signed and encrypted off the event loop."""

Offload = Callable[[str, Callable[[], bytes]], Awaitable[bytes]]
"""Runs work for an owner off the event loop, in turn with the work of others, and returns its result."""


class PayloadEncoder:
    """Signs and encrypts payloads. Its methods run on one event loop."""

    def __init__(self, keys: InstanceKeyRing, offload: Offload, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._keys = keys
        self._offload = offload
        self._clock = clock

    async def encoded(self, target: Target, payload: bytes) -> bytes:
        """Return the body of a call to a target whose payload type is JWT or JWE.

        Raises CallFailedError: NO_PUBLIC_KEY if there is no key to encrypt for, and KEY_UNAVAILABLE without a key that
        signs. Nothing is sent unsigned or unencrypted.
        """
        public_key = None
        if target.payload_type is PayloadType.JWE and (public_key := self._public_key(target)) is None:
            raise CallFailedError(Outcome.NO_PUBLIC_KEY)
        try:
            key = await self._keys.signature_key()
        except StoreError:  # the store has logged it
            key = None
        if key is None:
            raise CallFailedError(Outcome.KEY_UNAVAILABLE)
        work = partial(_token, payload, key, public_key)
        return work() if len(payload) < OFFLOAD_BYTES else await self._offload(target.owner, work)

    def has_public_key(self, target: Target) -> bool:
        """Return whether a payload can be encrypted for the target now."""
        return self._public_key(target) is not None

    async def can_sign(self) -> bool:
        """Return whether a payload can be signed now. Raises StoreError."""
        return await self._keys.signature_key() is not None

    def _public_key(self, target: Target) -> PublicKey | None:
        key = target.public_key
        return key if key is not None and key.is_valid(self._clock()) else None


def _token(payload: bytes, key: SignatureKey, public_key: PublicKey | None) -> bytes:
    token = sign(payload, key)
    if public_key is None:
        return token
    try:
        return encrypt(token, public_key)
    except PublicKeyFormatError:  # checked when it was added, perhaps by a release with other rules
        raise CallFailedError(Outcome.NO_PUBLIC_KEY) from None
