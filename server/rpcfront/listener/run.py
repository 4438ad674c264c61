"""Serves until a signal ends it: what `Gateway.run` does. It is a whole program, so it says where it listens."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from rpcfront.listener.server import Server
from rpcfront.listener.tls import Tls, TlsFiles, TlsReloader

_STOP = (signal.SIGTERM, signal.SIGINT)

Listen = Callable[[Tls | None], Awaitable[Server]]
"""Begins to listen, with TLS if it is given something."""


def run(listen: Listen, tls: Tls | None, grace: float) -> None:
    """Serve until SIGTERM or SIGINT, then let calls finish within `grace` seconds.

    A second signal ends the grace period. Files for TLS are followed, and loaded again on SIGHUP.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("run() makes an event loop of its own; in a coroutine, use `await gateway.listen(...)`")
    uvloop.run(_serve_files(listen, tls, grace) if isinstance(tls, TlsFiles) else _serve(listen, tls, grace))


async def _serve_files(listen: Listen, files: TlsFiles, grace: float) -> None:
    reloader = TlsReloader(files)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.reload_soon)
    watching = asyncio.create_task(reloader.watch())
    try:
        await _serve(listen, reloader, grace)
    finally:
        watching.cancel()


async def _serve(listen: Listen, tls: Tls | None, grace: float) -> None:
    stop, stop_at_once = asyncio.Event(), asyncio.Event()
    server = await listen(tls)
    for address in server.addresses:
        print(f"Listening on {address}", file=sys.stderr, flush=True)  # noqa: T201  # to whoever has started it
    loop = asyncio.get_running_loop()
    for number in _STOP if isinstance(tls, TlsReloader) else (*_STOP, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: (stop_at_once if stop.is_set() else stop).set())
    await stop.wait()
    print(f"Draining: calls have {grace:g} s to end; another Ctrl-C ends them now", file=sys.stderr, flush=True)  # noqa: T201  # as above
    draining = asyncio.ensure_future(server.drain(grace))
    hurried = asyncio.ensure_future(stop_at_once.wait())
    await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():
        await server.cancel()
    await draining
    hurried.cancel()
