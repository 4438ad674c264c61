"""Keeps connections to targets, and decides which of them a POST may use.

**A POST is sent once.** A target may have acted on a request although no response arrived, so a request is never sent
again once it was handed to the kernel (RFC 9110, 9.2.2). Yet a target may close a keep-alive connection at any moment,
and that must not make a call to a healthy target fail. Hence:

- idle connections are kept for less time than common servers keep theirs, so that usually this side closes first;
- just before a connection is reused, the kernel is asked whether anything has arrived on it. On an idle connection,
  anything means that it is over: it is dropped and another one is used, before a byte was sent.

This leaves the case of a FIN still in transit when the request is sent. That call fails, as it does in Go's client.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable

from actiond.delivery.egress.dialler import Dialler
from actiond.delivery.http1.connection import Connection
from actiond.delivery.http1.endpoints import Endpoint, Origin
from actiond.delivery.http1.response import BodyLimit, ConnectionLostError, ResponseReader

KEEPALIVE_SECONDS = 4
"""How long an idle connection is kept. Node, uvicorn and Apache close theirs after 5 s."""
MAX_IDLE_CONNECTIONS = 1_024
"""Limit on idle connections. Beyond it, the one that has been idle for longest is closed."""


class ConnectionPool:
    """Exchanges requests for responses, on idle connections where there are any. Must be used on one event loop."""

    def __init__(self, dialler: Dialler, ssl_context: ssl.SSLContext | None = None) -> None:
        """Take the dialler, which the pool closes.

        ssl_context: verifies https targets; None for the system's trust store.
        """
        self._dialler = dialler
        self._ssl_context = ssl_context or _system_context()
        self._idle: dict[Origin, list[Connection]] = {}
        """By origin; the one that was used last is the last one."""
        self._idle_since: OrderedDict[Connection, tuple[Origin, float]] = OrderedDict()
        self._busy: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def exchange(
        self, endpoint: Endpoint, head: bytes, body: bytes, limit: BodyLimit, owner: str
    ) -> ResponseReader:
        """Send a request and return its response, which is complete. Raise what Dialler and Connection raise.

        owner: whose target it is, see Dialler.
        """
        origin = endpoint.origin
        connection = self._take_idle(origin) or await self._connect(endpoint, owner)
        self._busy.add(connection)
        try:
            response = await connection.exchange(head, body, limit)
        finally:
            self._busy.discard(connection)
        if response.is_reusable and not self._is_closed:
            self._keep(origin, connection)
        return response

    async def close(self) -> None:
        """Close every connection at once. Exchanges that run fail."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in (*self._busy, *self._idle_since):
            connection.abort()
        self._idle.clear()
        self._idle_since.clear()
        self._dialler.close()
        # uvloop closes a transport in the next iteration.
        await asyncio.sleep(0)

    async def _connect(self, endpoint: Endpoint, owner: str) -> Connection:
        connection = await self._dialler.connect(
            endpoint.address, owner, Connection, self._ssl_context if endpoint.is_tls else None
        )
        if self._is_closed:
            connection.abort()
            raise ConnectionLostError
        return connection

    def _take_idle(self, origin: Origin) -> Connection | None:
        connections = self._idle.get(origin)
        while connections:
            connection = connections.pop()
            del self._idle_since[connection]
            if not connections:
                del self._idle[origin]
            if connection.is_usable():
                return connection
            connection.abort()
        return None

    def _keep(self, origin: Origin, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        if len(self._idle_since) >= MAX_IDLE_CONNECTIONS:
            self._drop_oldest()
        self._idle.setdefault(origin, []).append(connection)
        self._idle_since[connection] = origin, loop.time()
        if self._sweep is None:
            self._sweep = loop.call_later(KEEPALIVE_SECONDS, self._close_old, loop.time)

    def _close_old(self, now: Callable[[], float]) -> None:
        """Close the connections that were idle for too long."""
        self._sweep = None
        while self._idle_since:
            _, since = next(iter(self._idle_since.values()))
            left = since + KEEPALIVE_SECONDS - now()
            if left > 0:
                self._sweep = asyncio.get_running_loop().call_later(left, self._close_old, now)
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        connection, (origin, _) = self._idle_since.popitem(last=False)
        connections = self._idle[origin]
        connections.remove(connection)
        if not connections:
            del self._idle[origin]
        connection.abort()


def _system_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
