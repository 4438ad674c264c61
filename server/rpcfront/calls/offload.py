"""Work on large messages, done away from the event loop, which would hold up every other call.

The pool is small and one for the whole process: its threads share the interpreter with the loop, so more of them would
slow down the loop and finish no sooner. Those who use it take turns, so that one of them holds up another by the work
that runs, and not by all that it has given.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
T = TypeVar("T")

OFFLOAD_BYTES = 32 * 1024
"""Messages from this size on are parsed, checked and encoded in the pool."""

_THREADS = 2


async def run_in_offload_pool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns, run in the pool."""
    return await run_in_turn(None, work, *args, **kwargs)


async def run_in_turn(user: Hashable, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns, run in the pool when it is the user's turn."""
    loop = asyncio.get_running_loop()
    turns = _turns.setdefault(loop, _Turns())
    await turns.take(user)
    running = loop.run_in_executor(_pool(), partial(work, *args, **kwargs))
    # The turn ends with the work, also if its caller is cancelled before.
    running.add_done_callback(turns.give_back)
    return await asyncio.shield(running)


class _Turns:
    """Lets as much work run at once as there are threads. Users that wait take turns; for each, the first is first."""

    def __init__(self) -> None:
        self._free = _THREADS
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, user: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()  # it was granted just before the cancellation
            raise

    def give_back(self, _work: Any = None) -> None:
        """Grant the turn to the next user that still waits."""
        while self._waiting:
            user, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[user] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()
"""Of each loop, since a loop's futures are its own."""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="large-message")
