"""Gateways that listen, with limits and an engine of a test's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rpcfront import ConnectionLimits, Gateway
from rpcfront.listener.engine import Engine
from rpcfront.listener.server import Server
from rpcfront.listener.tls import Tls


@asynccontextmanager
async def listening(
    gateway: Gateway,
    limits: ConnectionLimits | None = None,
    make_engine: Callable[[ConnectionLimits], Engine] | None = None,
    tls: Tls | None = None,
) -> AsyncIterator[Server]:
    """Listen on a free port. What runs at the end is cancelled."""
    server = Server(gateway._router, gateway._running, limits or ConnectionLimits(), make_engine=make_engine)
    await server.start("127.0.0.1", 0, None, tls)
    try:
        yield server
    finally:
        await server.drain(0)
