"""Divides what is limited among resource owners, so that one of them cannot use it up.

The rule: while more than a quarter is free, anyone may take. After that, an owner may take only while it holds less
than what is free. So an owner that takes all it can holds three quarters at most, the next such owner half of the rest,
and so on, and an owner that holds little always finds something. The last sixteenth is kept for privileged callers:
those that may bypass executions, and hence repair them.
"""

import asyncio
from collections import OrderedDict

_SHORT = 4
"""The part of the whole, as its divisor, below which only those who hold little may take."""
_RESERVED = 16
"""The part of the whole, as its divisor, that only privileged callers may take."""


class FairShares:
    """Counts what each owner holds of a whole, and decides who may take more. It has no queue."""

    __slots__ = ("_free", "_held", "_reserved", "_short")

    def __init__(self, whole: int) -> None:
        self._free = whole
        self._short = whole // _SHORT
        self._reserved = whole // _RESERVED
        self._held: dict[str, int] = {}

    def copy(self) -> "FairShares":
        """Return the same state, which can be tried out."""
        shares = FairShares(0)
        shares._free, shares._short, shares._reserved = self._free, self._short, self._reserved
        shares._held = dict(self._held)
        return shares

    @property
    def free(self) -> int:
        """What nobody holds."""
        return self._free

    def held(self, owner: str) -> int:
        """Return what an owner holds."""
        return self._held.get(owner, 0)

    def may_take(self, owner: str, amount: int = 1, *, is_privileged: bool = False) -> bool:
        """Return whether an owner may take so much more."""
        available = self._free if is_privileged else self._free - self._reserved
        return amount <= available and (self._free > self._short or self.held(owner) < available)

    def take(self, owner: str, amount: int = 1) -> None:
        """Give the owner so much."""
        self._free -= amount
        self._held[owner] = self.held(owner) + amount

    def give_back(self, owner: str, amount: int = 1) -> None:
        """Take so much back from the owner."""
        self._free += amount
        left = self._held[owner] - amount
        if left:
            self._held[owner] = left
        else:
            del self._held[owner]


class FairSlots:
    """Grants slots, one to a call. Owners that wait take turns; the calls of an owner are first come, first served."""

    __slots__ = ("_shares", "_waiting")

    def __init__(self, slots: int) -> None:
        self._shares = FairShares(slots)
        # By owner and privilege, in the order in which they are next.
        self._waiting: OrderedDict[tuple[str, bool], OrderedDict[asyncio.Future[None], None]] = OrderedDict()

    def try_acquire(self, owner: str, *, is_privileged: bool = False) -> bool:
        """Take a slot if the owner may have one, and no call like this one waits already."""
        if (owner, is_privileged) in self._waiting or not self._shares.may_take(owner, is_privileged=is_privileged):
            return False
        self._shares.take(owner)
        return True

    async def acquire(self, owner: str, *, is_privileged: bool = False) -> None:
        """Wait for a slot. A caller that is cancelled holds none."""
        if self.try_acquire(owner, is_privileged=is_privileged):
            return
        turn = asyncio.get_running_loop().create_future()
        key = (owner, is_privileged)
        self._waiting.setdefault(key, OrderedDict())[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(owner)  # the slot was granted just before the cancellation
            else:
                self._leave(key, turn)
            raise

    def release(self, owner: str) -> None:
        """Take a slot back, and grant what is free to those who wait."""
        self._shares.give_back(owner)
        while self._grant_one():
            """Grant the next one."""

    def _grant_one(self) -> bool:
        """Grant a slot to the owner that is next among those that may have one; return whether there is one."""
        if not self._shares.free:
            return False
        for key, turns in self._waiting.items():
            owner, is_privileged = key
            if self._shares.may_take(owner, is_privileged=is_privileged):
                turn = next(iter(turns))
                self._waiting.move_to_end(key)
                self._leave(key, turn)
                if not turn.done():  # otherwise cancelled just now
                    self._shares.take(owner)
                    turn.set_result(None)
                return True
        return False

    def _leave(self, key: tuple[str, bool], turn: "asyncio.Future[None]") -> None:
        turns = self._waiting.get(key)
        if turns is not None:
            turns.pop(turn, None)
            if not turns:
                del self._waiting[key]
