"""Limits the number of calls in progress, in total and per target."""

import asyncio
from collections import OrderedDict

from actiond.fairness import FairSlots


class _TargetSlots:
    """Grants the slots of one target, first come, first served. It exists while there are calls to the target."""

    __slots__ = ("_free", "_waiting", "calls")

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self.calls = 0
        """How many calls are in progress or wait for a slot."""

    def try_acquire(self) -> bool:
        """Take a slot if one is free; none is free while a caller waits."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def acquire(self) -> None:
        """Wait for a slot. A caller that is cancelled holds none."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if turn.done() and not turn.cancelled():
                self.release()  # the slot was granted just before the cancellation
            raise

    def release(self) -> None:
        """Give the slot to the caller that has waited longest."""
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class ConcurrencyLimiter:
    """Grants each call a slot of its target and one of the total, in which every owner has a fair share.

    A call waits for the target's slot first: while it waits for a slow target, it holds no slot that calls to other
    targets need. A target without calls takes no memory. The slots of a target need no shares: it has one owner.
    """

    def __init__(self, total: int, per_target: int) -> None:
        self._total = FairSlots(total)
        self._per_target = per_target
        self._targets: dict[str, _TargetSlots] = {}

    def __len__(self) -> int:
        """Return the number of targets that have calls."""
        return len(self._targets)

    async def acquire(self, target_id: str, owner: str, *, is_privileged: bool = False) -> None:
        """Wait for both slots; `release` gives them back. A caller that is cancelled while it waits holds none."""
        target = self._targets.get(target_id)
        if target is None:
            target = self._targets[target_id] = _TargetSlots(self._per_target)
        target.calls += 1
        try:
            if not target.try_acquire():
                await target.acquire()
            try:
                if not self._total.try_acquire(owner, is_privileged=is_privileged):
                    await self._total.acquire(owner, is_privileged=is_privileged)
            except BaseException:
                target.release()
                raise
        except BaseException:
            self._forget(target_id, target)
            raise

    def release(self, target_id: str, owner: str) -> None:
        """Give both slots back."""
        target = self._targets[target_id]
        self._total.release(owner)
        target.release()
        self._forget(target_id, target)

    def _forget(self, target_id: str, target: _TargetSlots) -> None:
        target.calls -= 1
        if not target.calls:
            del self._targets[target_id]
