"""The instance keys as a process knows them: read again every few seconds, and decrypted once."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from actiond.actions.errors import StoreError
from actiond.actions.instance_keys import InstanceKey, may_sign, published
from actiond.actions.ports import Store
from actiond.secrets.jose import SignatureKey, open_key
from actiond.secrets.sealing import Sealer, UnsealError

REFRESH_SECONDS = 2.0
"""How old the keys may be. A rotation by another process holds here after that, well before the new key signs."""
MAX_AGE_SECONDS = 60.0
"""How old they may be while the store cannot be read."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Keys:
    """What was read, and what of it could be decrypted."""

    read_at: float
    """By the monotonic clock."""
    keys: Sequence[InstanceKey] = ()
    opened: Mapping[tuple[str, bytes], SignatureKey | None] = field(default_factory=dict)
    """By id and sealed key; None for one that cannot be decrypted."""


class InstanceKeyRing:
    """Finds the key that signs, and those that are published. Its methods run on one event loop.

    However often it is asked, it reads the store once every REFRESH_SECONDS. Decrypted keys are kept, as it takes tens
    of milliseconds to check one for RSA.
    """

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._monotonic = monotonic
        self._keys: _Keys | None = None
        self._tried_at = float("-inf")
        self._reading: asyncio.Task[_Keys] | None = None
        self._has_logged = False
        self._used_ids: set[str] = set()

    async def published(self) -> Sequence[InstanceKey]:
        """Return the keys that receivers may verify with, the one that signs last first. Raises StoreError."""
        return published((await self._current()).keys, self._clock())

    async def signature_key(self) -> SignatureKey | None:
        """Return the key that signs now; None if there is none that can be decrypted. Raises StoreError."""
        current = await self._current()
        for key in may_sign(current.keys, self._clock()):
            opened = current.opened.get((key.id, key.sealed))
            if opened is not None:
                self._log_use(key)
                return opened
        if not self._has_logged:
            self._has_logged = True
            _log.error(
                "No instance key can sign: those that the database has were encrypted with another"
                " encryption key. Restore that one, or start the server anew, which makes a key. Until then, targets"
                " whose payload is a JWT or JWE are not called; this is logged once."
            )
        return None

    def _log_use(self, key: InstanceKey) -> None:
        """Log that another key signs from now on: once for each, and not for the first."""
        if key.id in self._used_ids:
            return
        if self._used_ids:
            _log.info("tokens are signed with the instance key %s (%s) from now on", key.id, key.algorithm.value)
        self._used_ids.add(key.id)

    async def _current(self) -> _Keys:
        now, known = self._monotonic(), self._keys
        if known is not None and now - max(known.read_at, self._tried_at) < REFRESH_SECONDS:
            return known
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())
            self._reading.add_done_callback(self._end_reading)
        try:
            # Shielded: others wait for the same.
            return await asyncio.shield(self._reading)
        except StoreError:
            if known is not None and now - known.read_at < MAX_AGE_SECONDS:
                return known
            raise

    async def _read(self) -> _Keys:
        self._tried_at = self._monotonic()
        keys = await self._store.instance_keys()
        opened = dict(self._keys.opened) if self._keys is not None else {}
        wanted = {(key.id, key.sealed): key for key in published(keys, self._clock())}
        for name, key in wanted.items():
            if name not in opened:
                opened[name] = await asyncio.to_thread(self._open, key)
        found = _Keys(self._tried_at, keys, {name: opened[name] for name in wanted})
        self._keys = found
        return found

    def _open(self, key: InstanceKey) -> SignatureKey | None:
        try:
            return open_key(self._sealer, key)
        except UnsealError:
            return None

    def _end_reading(self, reading: "asyncio.Task[_Keys]") -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # retrieved, since all that waited for it may have been cancelled
