"""Making and rotating instance keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from actiond.actions import events
from actiond.actions.actors import SYSTEM
from actiond.actions.errors import NotStartedError, TooManyInstanceKeysError
from actiond.actions.instance_keys import (
    DEFAULT_AHEAD_NS,
    DEFAULT_OVERLAP_NS,
    MAX_INSTANCE_KEYS,
    InstanceKey,
    KeyAlgorithm,
    may_sign,
    published,
    rotated,
)
from actiond.actions.ports import CanOpen, MakeInstanceKey, Store, Transaction


class Preparation(Enum):
    """Why a start has made a key, or has not."""

    NOT_NEEDED = "not needed"
    FIRST = "first"
    """There was none."""
    UNREADABLE = "unreadable"
    """The newest one cannot be decrypted."""
    OTHER_ALGORITHM = "other algorithm"
    """The newest one has another algorithm than the setting says."""
    TOO_MANY = "too many"
    """The algorithm is another one, but so many keys are published that no key was made."""


@dataclass(frozen=True, slots=True)
class _Need:
    """A key that a start has to make."""

    reason: Preparation
    ahead_ns: int = 0


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation has done."""

    key: InstanceKey
    """The new one."""
    withdrawn: Sequence[InstanceKey]
    """Keys that would have begun to sign later, and never will."""


class InstanceKeys:
    """The use cases of instance keys."""

    def __init__(self, store: Store, clock: Callable[[], int], make_key: MakeInstanceKey, can_open: CanOpen) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._make_key = make_key
        self._can_open = can_open

    async def prepare(self, algorithm: KeyAlgorithm) -> Preparation:
        """Make a key if a start needs one, and return why. Of processes that start at once, one makes it."""
        now = self._clock()
        if self._needed(await self._store.instance_keys(), algorithm, now) is None:
            return Preparation.NOT_NEEDED
        new = self._make_key(algorithm)  # not within the change, which holds up all others

        def change(transaction: Transaction) -> Preparation:
            keys = transaction.instance_keys.all()
            needed = self._needed(keys, algorithm, now)
            if needed is None:
                return Preparation.NOT_NEEDED
            # What this process cannot decrypt may be what others sign with.
            overlap_ns = None if needed.reason is Preparation.UNREADABLE else DEFAULT_OVERLAP_NS
            after = rotated(keys, new, now, ahead_ns=needed.ahead_ns, overlap_ns=overlap_ns)
            if len(after) > MAX_INSTANCE_KEYS:
                if needed.reason is Preparation.OTHER_ALGORITHM:
                    return Preparation.TOO_MANY
                after = after[:MAX_INSTANCE_KEYS]
            _replace(transaction, keys, after, now)
            return needed.reason

        return await self._store.write(change)

    async def rotate(self, algorithm: KeyAlgorithm | None, *, ahead_ns: int, overlap_ns: int) -> Rotation:
        """Make a new key, which signs from `ahead` later. Former keys stay published for `overlap` more.

        algorithm: None for that of the newest key.

        Raises NotStartedError and TooManyInstanceKeysError.
        """
        now = self._clock()
        newest = published(await self._store.instance_keys(), now)[:1]
        if not newest:
            raise NotStartedError
        new = self._make_key(algorithm or newest[0].algorithm)

        def change(transaction: Transaction) -> Rotation:
            keys = transaction.instance_keys.all()
            after = rotated(keys, new, now, ahead_ns=ahead_ns, overlap_ns=overlap_ns)
            if len(after) > MAX_INSTANCE_KEYS:
                raise TooManyInstanceKeysError(MAX_INSTANCE_KEYS)
            _replace(transaction, keys, after, now)
            kept = {key.id for key in after}
            return Rotation(after[0], [key for key in keys if key.signs_from_ns > now and key.id not in kept])

        return await self._store.write(change)

    def _needed(self, keys: Sequence[InstanceKey], algorithm: KeyAlgorithm, now_ns: int) -> _Need | None:
        """Return the key that a start has to make. It signs at once unless another one can until it is known."""
        found = published(keys, now_ns)
        if not found:
            return _Need(Preparation.FIRST)
        ahead_ns = DEFAULT_AHEAD_NS if any(map(self._can_open, may_sign(keys, now_ns))) else 0
        if not self._can_open(found[0]):
            return _Need(Preparation.UNREADABLE, ahead_ns)
        if found[0].algorithm is not algorithm:
            return _Need(Preparation.OTHER_ALGORITHM, ahead_ns)
        return None


def _replace(
    transaction: Transaction, before: Sequence[InstanceKey], after: Sequence[InstanceKey], now_ns: int
) -> None:
    """Replace the keys. Every change of one appends an event, which no target gets."""
    former = {key.id: key for key in before}
    kept = {key.id for key in after}
    for key in before:
        if key.id not in kept:
            transaction.instance_keys.delete(key)
            _append(transaction, key, "instance_key.removed", {}, now_ns)
    for key in after:
        if former.get(key.id) == key:
            continue
        transaction.instance_keys.put(key)
        if key.id in former:
            _append(transaction, key, "instance_key.changed", {"expires_at_ns": str(key.expires_at_ns)}, now_ns)
        else:
            payload = {"algorithm": key.algorithm.value, "signs_from_ns": str(key.signs_from_ns)}
            _append(transaction, key, "instance_key.added", payload, now_ns)


def _append(transaction: Transaction, key: InstanceKey, event_type: str, payload: dict[str, str], now_ns: int) -> None:
    owner = transaction.instance.default_owner()
    if owner is None:
        raise NotStartedError
    transaction.append(
        events.Event(
            owner=owner,
            aggregate_type=events.INSTANCE_KEY,
            aggregate_id=key.id,
            sequence=transaction.last_sequence(events.INSTANCE_KEY, key.id) + 1,
            type=event_type,
            payload=payload,
            editor=SYSTEM,
            created_at_ns=now_ns,
        )
    )
