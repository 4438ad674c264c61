"""Adding, activating, deactivating, removing and listing the public keys of targets."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from actiond.actions.actors import Actor
from actiond.actions.errors import (
    IdTakenError,
    PublicKeyActiveError,
    PublicKeyExpiredError,
    PublicKeyNotFoundError,
    TooManyPublicKeysError,
)
from actiond.actions.ports import ReadPublicKey, Store, Transaction
from actiond.actions.public_keys import MAX_PUBLIC_KEYS, PublicKey, TargetPublicKeys
from actiond.actions.targets import Target
from actiond.actions.use_cases.new_ids import with_new_id
from actiond.actions.use_cases.targets import changed_target, existing_target, target_event


class PublicKeys:
    """The use cases of public keys. An actor sees only those of its resource owner's targets.

    Every change is a change of the target too.
    """

    def __init__(
        self, store: Store, clock: Callable[[], int], new_id: Callable[[], str], fingerprint: ReadPublicKey
    ) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._fingerprint = fingerprint

    async def add(self, actor: Actor, target_id: str, pem: bytes, expires_at_ns: int | None) -> PublicKey:
        """Add a key, which is not active, and return it.

        Raises PublicKeyExpiredError, PublicKeyFormatError, TargetNotFoundError and TooManyPublicKeysError.
        """
        now = self._clock()
        if expires_at_ns is not None and expires_at_ns <= now:
            raise PublicKeyExpiredError
        key = PublicKey("", pem, self._fingerprint(pem), now, now, expires_at_ns)
        return await with_new_id(self._new_id, partial(self._add, actor, target_id, key))

    async def _add(self, actor: Actor, target_id: str, key: PublicKey, key_id: str) -> PublicKey:
        added = replace(key, id=key_id)

        def change(transaction: Transaction) -> PublicKey:
            target = existing_target(transaction, actor, target_id)
            keys = transaction.targets.public_keys(target_id)
            if len(keys) >= MAX_PUBLIC_KEYS:
                raise TooManyPublicKeysError(MAX_PUBLIC_KEYS)
            if any(other.id == key_id for other in keys):
                raise IdTakenError
            transaction.targets.put_public_key(target_id, added)
            _append(transaction, actor, target, "added", added)
            return added

        return await self._store.write(change)

    async def activate(self, actor: Actor, target_id: str, key_id: str) -> PublicKey:
        """Make a key the active one, in place of any other, and return it. An active one stays as it is.

        Raises TargetNotFoundError, PublicKeyNotFoundError and PublicKeyExpiredError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> PublicKey:
            target = existing_target(transaction, actor, target_id)
            key = _existing(transaction, target_id, key_id)
            if not key.is_valid(now):
                raise PublicKeyExpiredError
            former = target.public_key
            if former is not None and former.id == key_id:
                return key
            activated = replace(key, changed_at_ns=now)
            transaction.targets.put_public_key(target_id, activated)
            if former is not None:
                transaction.targets.put_public_key(target_id, replace(former, changed_at_ns=now))
            _append(transaction, actor, replace(target, public_key=activated), "activated", activated)
            return activated

        return await self._store.write(change)

    async def deactivate(self, actor: Actor, target_id: str, key_id: str) -> PublicKey:
        """Make a key inactive, and return it. One that is not active stays as it is.

        Raises TargetNotFoundError and PublicKeyNotFoundError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> PublicKey:
            target = existing_target(transaction, actor, target_id)
            key = _existing(transaction, target_id, key_id)
            if target.public_key is None or target.public_key.id != key_id:
                return key
            deactivated = replace(key, changed_at_ns=now)
            transaction.targets.put_public_key(target_id, deactivated)
            _append(transaction, actor, replace(target, public_key=None), "deactivated", deactivated)
            return deactivated

        return await self._store.write(change)

    async def remove(self, actor: Actor, target_id: str, key_id: str) -> int | None:
        """Remove a key, and return when; None if the owner has no such target, or it has no such key.

        Raises PublicKeyActiveError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> int | None:
            target = transaction.targets.get(actor.owner, target_id)
            key = None if target is None else _find(transaction, target_id, key_id)
            if target is None or key is None:
                return None
            if target.public_key is not None and target.public_key.id == key_id:
                raise PublicKeyActiveError
            transaction.targets.remove_public_key(target_id, key_id)
            _append(transaction, actor, target, "removed", replace(key, changed_at_ns=now))
            return now

        return await self._store.write(change)

    async def all(self, actor: Actor, target_id: str) -> TargetPublicKeys:
        """Return the keys of a target. A target that the owner has not has none."""
        return await self._store.public_keys(actor.owner, target_id)


def _find(transaction: Transaction, target_id: str, key_id: str) -> PublicKey | None:
    keys: Sequence[PublicKey] = transaction.targets.public_keys(target_id)
    return next((key for key in keys if key.id == key_id), None)


def _existing(transaction: Transaction, target_id: str, key_id: str) -> PublicKey:
    key = _find(transaction, target_id, key_id)
    if key is None:
        raise PublicKeyNotFoundError
    return key


def _append(transaction: Transaction, actor: Actor, target: Target, what: str, key: PublicKey) -> None:
    """Store the target's next state, with the event of a change to one of its keys that was made at its change date."""
    changed = changed_target(target, key.changed_at_ns)
    transaction.targets.update(changed)
    payload = {"key_id": key.id, "fingerprint": key.fingerprint}
    transaction.append(target_event(changed, f"target.key.{what}", payload, actor))
