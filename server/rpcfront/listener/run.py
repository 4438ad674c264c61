"""Serves until a signal ends it: what `Gateway.run` does."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop

from rpcfront.listener.server import Server

_STOP = (signal.SIGTERM, signal.SIGINT)


def run(listen: Callable[[], Awaitable[Server]], grace: float) -> None:
    """Serve what `listen` returns until SIGTERM or SIGINT, then let calls finish within `grace` seconds.

    A second signal ends the grace period.
    """
    uvloop.run(_serve(listen, grace))


async def _serve(listen: Callable[[], Awaitable[Server]], grace: float) -> None:
    stop, stop_at_once = asyncio.Event(), asyncio.Event()
    server = await listen()
    loop = asyncio.get_running_loop()
    for number in _STOP:
        loop.add_signal_handler(number, lambda: (stop_at_once if stop.is_set() else stop).set())
    await stop.wait()
    draining = asyncio.ensure_future(server.drain(grace))
    hurried = asyncio.ensure_future(stop_at_once.wait())
    await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():
        await server.cancel()
    await draining
    hurried.cancel()
