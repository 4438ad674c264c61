"""The server that `Gateway.listen` returns: its connections, the one sweep over them, and the end."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from math import inf
from typing import Any

from rpcfront.calls.running_requests import RunningRequests
from rpcfront.listener.connection import NOTICE_SECONDS, Connection
from rpcfront.listener.engine import Engine
from rpcfront.listener.forwarded import Client, TrustedProxies
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.listener.sniff import Sniffer, TlsSniffer
from rpcfront.listener.tls import Tls, TlsFiles, TlsReloader, current
from rpcfront.router import Router

_BACKLOG = 4096
_MAX_TICK = 1.0
"""Seconds between two sweeps, unless a limit of time is shorter than some of them."""
_CLOSE_SECONDS = 1.0
"""How long the last responses, of calls that were cancelled, have to reach their clients."""
_EVICTED = 64
"""How many idle connections are closed at once for new ones: finding them takes a look at every connection."""
_LOG_PERIOD = 10.0
"""Seconds in which no more than so many handshakes that failed are logged:"""
_LOGGED_FAILURES = 10

_log = logging.getLogger(__name__)


class Server:
    """Serves HTTP/1.1 and HTTP/2 on one port of an event loop."""

    def __init__(
        self,
        router: Router,
        running: RunningRequests,
        connection_limits: ConnectionLimits,
        trusted_proxies: TrustedProxies | None = None,
        make_engine: Callable[[ConnectionLimits], Engine] | None = None,
    ) -> None:
        """Take what connections need. `make_engine` makes the HTTP/2 engine of a connection, ngh2's unless given."""
        self.router = router
        self.errors = router.errors
        self.limits = router.dispatcher.limits
        self.running = running
        self.connection_limits = connection_limits
        self.trusted_proxies = trusted_proxies or TrustedProxies(())
        self.is_draining = False
        self.now = 0.0
        self.date = self.date_lines = ""
        self.loop: asyncio.AbstractEventLoop
        self.make_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
        self._make_engine = make_engine
        self._make_http1: Callable[[asyncio.Transport], Connection]
        self._make_http2: Callable[[asyncio.Transport], Connection]
        self._connections: dict[Any, None] = {}
        """In the order in which they came."""
        self.tls_context: Callable[[], ssl.SSLContext] | None = None
        """Returns the context of a new connection; None without TLS."""
        self._watching: asyncio.Task[Any] | None = None
        """Watches the files of TLS."""
        self._make_sniffer: Callable[[], Sniffer]
        self._listening: asyncio.Server | None = None
        self._accepting: set[asyncio.Task[Any]] = set()
        """The last connections that were accepted, as long as it takes the loop to begin them."""
        self._sweeper: asyncio.TimerHandle | None = None
        self._no_connections = asyncio.Event()
        self._refused = False
        """Whether it has been logged that there are too many connections."""
        self._failed_handshakes = 0
        """Those of the current period of the log."""
        self._period_began = -inf

    async def start(
        self, host: str, port: int, sock: socket.socket | None, tls: Tls | None, *, reuse_port: bool = False
    ) -> None:
        """Listen on an address, or on a socket that is bound. Raises OSError, and TlsFileError."""
        # These load httptools and ngh2, which whoever only imports this package does without.
        from rpcfront.listener.engine_ngh2 import Ngh2Engine
        from rpcfront.listener.http1 import Http1Connection
        from rpcfront.listener.http2 import Http2Connection

        self._make_http1 = partial(Http1Connection, self)
        self._make_http2 = partial(Http2Connection, self, self._make_engine or Ngh2Engine)
        self.loop = loop = asyncio.get_running_loop()
        # Without the detour, and without making up a name: a sixth of what a task costs.
        is_plain = loop.get_task_factory() is None
        self.make_task = partial(asyncio.Task, loop=loop, name="request") if is_plain else loop.create_task
        self._sweep()
        where: dict[str, Any] = {"sock": sock} if sock is not None else {"host": host, "port": port}
        if sock is None and reuse_port:
            where["reuse_port"] = True
        try:
            if tls is not None:
                self._use_tls(tls)
            self._make_sniffer = partial(Sniffer if self.tls_context is None else TlsSniffer, self)
            self._listening = await loop.create_server(self._make_sniffer, backlog=_BACKLOG, **where)
        except BaseException:
            self._stop_background()
            raise

    def _use_tls(self, tls: Tls) -> None:
        if isinstance(tls, TlsFiles):
            tls = TlsReloader(tls)
            self._watching = self.loop.create_task(tls.watch())
        self.tls_context = current(tls)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._listening is None or not self._listening.sockets:
            raise RuntimeError("the server does not listen")
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    @property
    def addresses(self) -> list[str]:
        """The URLs of the addresses that are listened on."""
        sockets = [] if self._listening is None else self._listening.sockets
        scheme = "http" if self.tls_context is None else "https"
        return [f"{scheme}://{_host_and_port(*each.getsockname()[:2])}" for each in sockets]

    # Connections.

    def add(self, connection: Any) -> bool:
        """Count a new connection. Return whether it may stay."""
        limit = self.connection_limits.connections
        if len(self._connections) >= limit:
            idle = sorted((each for each in self._connections if each.is_idle), key=lambda each: each.idle_since)
            for each in idle[: max(1, min(_EVICTED, limit // 8))]:
                each.evict()
            if not idle:
                if not self._refused:
                    self._refused = True
                    _log.warning("all %d connections are busy: new ones are closed", limit)
                return False
        elif len(self._connections) < limit // 2:
            self._refused = False
        self._connections[connection] = None
        self._no_connections.clear()
        return True

    def make_connection(self, transport: asyncio.Transport, *, is_http2: bool) -> Connection:
        """Return what serves a connection once its protocol is known."""
        return (self._make_http2 if is_http2 else self._make_http1)(transport)

    def replace(self, old: Any, new: Any) -> None:
        """Count a connection under its new name."""
        self._connections.pop(old, None)
        self._connections[new] = None

    def remove(self, connection: Any) -> None:
        """Forget a connection that has ended."""
        self._connections.pop(connection, None)
        if not self._connections:
            self._no_connections.set()

    def _sweep(self) -> None:
        """Enforce the limits of time on every connection, and make the date."""
        self.now = self.loop.time()
        self.date = formatdate(usegmt=True)
        self.date_lines = f"date: {self.date}\r\n\r\n"
        for connection in list(self._connections):
            try:
                connection.sweep(self.now)
            except Exception:  # noqa: BLE001  # one connection's failure must not end the sweeps over all others
                _log.exception("a connection could not be swept")
                connection.transport.abort()
        limits = self.connection_limits
        shortest = min(limits.head_seconds, limits.idle_seconds, limits.write_seconds, self.limits.read_seconds)
        self._sweeper = self.loop.call_later(min(_MAX_TICK, shortest / 4), self._sweep)

    def note_failed_handshake(self, transport: asyncio.Transport, reason: str) -> None:
        """Log why a client could not connect, unless there have been many: strangers cause it."""
        now, others = self.loop.time(), ""
        if now - self._period_began >= _LOG_PERIOD:
            missing = self._failed_handshakes - _LOGGED_FAILURES
            others = f"; {missing} before it were not logged" if missing > 0 else ""
            self._failed_handshakes, self._period_began = 0, now
        self._failed_handshakes += 1
        if self._failed_handshakes > _LOGGED_FAILURES:
            return
        peer = Client.of_connection(transport.get_extra_info("peername"), is_secure=True).peer
        _log.info("TLS: the handshake with %s failed: %s%s", peer, reason, others)

    def _stop_background(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    # The end.

    def begin_drain(self) -> None:
        """Accept connections for no more than a moment, and let all end with their last responses."""
        if self.is_draining:
            return
        self.is_draining = True
        # Not at once: closing it resets the connections that wait to be accepted, whose requests may have been sent,
        # and uvloop accepts no more than one of them in an iteration.
        self.loop.call_later(NOTICE_SECONDS, self._stop_listening)
        for connection in list(self._connections):
            connection.drain()

    def _stop_listening(self) -> None:
        if self._listening is not None:
            for each in self._listening.sockets:
                self._accept_rest(each.fileno())
            self._listening.close()
            self._listening = None
        if not self._connections:
            self._no_connections.set()

    def _accept_rest(self, descriptor: int) -> None:
        """Accept the connections that wait: closing the socket that is listened on would reset them."""
        with socket.socket(fileno=os.dup(descriptor)) as listening, suppress(OSError):  # there is no more
            while True:
                accepted, _ = listening.accept()
                accepting = self.loop.connect_accepted_socket(self._make_sniffer, accepted)
                task = self.loop.create_task(accepting)
                self._accepting.add(task)
                task.add_done_callback(self._accepting.discard)

    async def wait_closed(self) -> None:
        """Wait until a server that drains has no connection left."""
        while self._connections or self._listening is not None or self._accepting:
            self._no_connections.clear()
            if self._accepting:
                await asyncio.wait(self._accepting)
            else:
                await self._no_connections.wait()

    async def drain(self, grace: float) -> None:
        """Stop: let calls finish within `grace` seconds, cancel the others, and close everything."""
        self.begin_drain()
        try:
            await asyncio.wait_for(self.wait_closed(), grace)
        except TimeoutError:
            await self.cancel()
        self.close()

    async def cancel(self) -> None:
        """Cancel the calls that are running. Return once their clients have been told, after a second at the latest."""
        self._stop_listening()
        self.router.dispatcher.stopping = True
        for connection in list(self._connections):
            for request in connection.requests():
                if request.task is not None:
                    self.loop.call_soon(request.task.cancel)
        try:
            await asyncio.wait_for(self.wait_closed(), _CLOSE_SECONDS)
        except TimeoutError:
            return

    def close(self) -> None:
        """Close everything at once."""
        self._stop_listening()
        for connection in list(self._connections):
            connection.transport.abort()
        self._stop_background()


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
