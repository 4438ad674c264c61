"""How many calls run at once: altogether and to one target. It knows nothing of what a call is."""

import asyncio
from collections import OrderedDict


class Places:
    """So many places, first come, first served. asyncio.Semaphore's order, without a coroutine when one is free."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    def take_free(self) -> bool:
        """Takes a place if one is free, which it never is while somebody waits."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def take_next(self) -> None:
        """Waits until it is this caller's turn. Who is cancelled has no place."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if turn.done() and not turn.cancelled():
                self.give_back()  # the turn and the cancellation came together
            raise

    def give_back(self) -> None:
        """Hands the place to whoever waits longest."""
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class _Gate(Places):
    """The places of one target, kept while there are calls to it."""

    __slots__ = ("calls",)

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.calls = 0
        """Those inside and those that wait."""


class Slots:
    """A place at the target and one of all for each call.

    The target's is asked for first: whoever waits because of a slow target holds nothing that calls to others need. A
    target without calls takes no memory.
    """

    def __init__(self, everywhere: int, each: int) -> None:
        self._everywhere = Places(everywhere)
        self._each = each
        self._gates: dict[str, _Gate] = {}

    def __len__(self) -> int:
        """Targets that have calls."""
        return len(self._gates)

    async def take(self, target_id: str) -> None:
        """Waits for a slot. Who has taken one gives it back; who is cancelled while waiting has none."""
        gate = self._gates.get(target_id)
        if gate is None:
            gate = self._gates[target_id] = _Gate(self._each)
        gate.calls += 1
        try:
            if not gate.take_free():
                await gate.take_next()
            try:
                if not self._everywhere.take_free():
                    await self._everywhere.take_next()
            except BaseException:
                gate.give_back()
                raise
        except BaseException:
            self._leave(target_id, gate)
            raise

    def give_back(self, target_id: str) -> None:
        gate = self._gates[target_id]
        self._everywhere.give_back()
        gate.give_back()
        self._leave(target_id, gate)

    def _leave(self, target_id: str, gate: _Gate) -> None:
        gate.calls -= 1
        if not gate.calls:
            del self._gates[target_id]
