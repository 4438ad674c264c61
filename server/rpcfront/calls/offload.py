"""Work on large messages, done away from the event loop, which would hold up every other call.

The pool is small and one for the whole process: its threads share the interpreter with the loop, so more of them would
slow down the loop and finish no sooner.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

OFFLOAD_BYTES = 32 * 1024
"""Messages from this size on are parsed, checked and encoded in the pool."""

_THREADS = 2


async def run_in_offload_pool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns, run in the pool."""
    return await asyncio.wrap_future(_pool().submit(work, *args, **kwargs))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="large-message")
