"""The beginning of a connection: its TLS handshake, and whether it speaks HTTP/1.1 or HTTP/2.

That is told by ALPN if TLS has agreed on one, else by the first bytes of the connection.
"""

import asyncio
import ssl
from collections.abc import Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any

from rpcfront.listener.connection import LINGER_SECONDS, NOTICE_SECONDS, Connection

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The first bytes of every HTTP/2 connection (RFC 9113, 3.4). No HTTP/1.1 request begins like it."""

_TLS_HANDSHAKE = b"\x16\x03"
"""The first bytes of TLS (RFC 8446, 5.1)."""
_NO_TLS = frozenset({"HTTP_REQUEST", "WRONG_VERSION_NUMBER"})
"""What OpenSSL calls first bytes that are not TLS's."""


class Sniffer(asyncio.Protocol):
    """A connection of which it is not known yet what it speaks. It keeps the first bytes, and hands them on."""

    def __init__(self, server: "Any") -> None:
        self._server = server
        self._kept = b""
        self._is_known = False
        """Whether it is known what the connection speaks, which something else serves then."""
        self._is_lost = False
        self.idle_since = 0.0
        self.is_idle = True

    def connection_made(self, transport: Any) -> None:
        self.transport: Any = transport
        self.idle_since = self._server.now
        if not self._server.add(self):
            transport.abort()
            return
        if self._server.is_draining:
            self.drain()

    def data_received(self, data: bytes) -> None:
        self._kept += data
        self._sniff()

    def _sniff(self) -> None:
        size = min(len(self._kept), len(_PREFACE))
        if self._kept[:size] != _PREFACE[:size]:
            if self._kept.startswith(_TLS_HANDSHAKE) and self._server.tls_context is None:
                self._server.note_failed_handshake(self.transport, "this address has no TLS")
            self._become(is_http2=False)
        elif size == len(_PREFACE):
            self._become(is_http2=True)

    def _become(self, *, is_http2: bool) -> None:
        self._is_known = True
        connection: Connection = self._server.make_connection(self.transport, is_http2=is_http2)
        self._server.replace(self, connection)
        self.transport.set_protocol(connection)
        if self._kept:
            connection.data_received(self._kept)
        if self._server.is_draining:
            # gRPC clients take a connection that begins with a GOAWAY for one that failed.
            self._server.loop.call_later(NOTICE_SECONDS, connection.drain)

    def requests(self) -> list[Any]:
        """Return none: no request has begun."""
        return []

    def connection_lost(self, _error: Exception | None) -> None:
        self._is_lost = True
        self._server.remove(self)

    def drain(self) -> None:
        """Close, unless a request was on its way."""
        self._server.loop.call_later(NOTICE_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if not self._is_known:
            self.transport.abort()

    def evict(self) -> None:
        """Close: no request has begun."""
        self.is_idle = False
        self.transport.abort()

    def sweep(self, now: float) -> None:
        """Close a connection that does not begin."""
        if now - self.idle_since >= self._server.connection_limits.head_seconds:
            self.transport.abort()


class TlsSniffer(Sniffer):
    """The same for a server with TLS. The connection counts from its first byte, not from the end of its handshake."""

    _is_secure = False
    """Whether the handshake is done."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if not transport.is_closing():
            # The first step now, as what arrives before it would be lost. A task takes it later.
            shaking = self._shake_hands()
            with suppress(StopIteration):  # it has failed already
                self._handshake = self._server.loop.create_task(_go_on(shaking, shaking.send(None)))

    async def _shake_hands(self) -> None:
        server = self._server
        try:
            transport = await server.loop.start_tls(
                self.transport,
                self,
                server.tls_context(),
                server_side=True,
                ssl_handshake_timeout=server.connection_limits.handshake_seconds,
                ssl_shutdown_timeout=LINGER_SECONDS,
            )
        except OSError as error:
            self.connection_lost(error)
            if isinstance(error, ssl.SSLError):
                server.note_failed_handshake(self.transport, _reason(error))
            self.transport.abort()
            return
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is None or self._is_lost:  # uvloop returns it, too, if the connection was aborted meanwhile
            self.connection_lost(None)
            return
        self.transport = transport
        self._is_secure = True
        self.idle_since = server.now
        chosen = ssl_object.selected_alpn_protocol()
        if chosen is not None:
            self._become(is_http2=chosen == "h2")
        else:
            self._sniff()

    def data_received(self, data: bytes) -> None:
        if self._is_secure:
            super().data_received(data)
        else:
            # It came with the end of the handshake, which the task has not seen yet.
            self._kept += data

    def sweep(self, now: float) -> None:
        if self._is_secure:  # a handshake has a limit of its own
            super().sweep(now)


@coroutine
def _go_on(begun: Coroutine[Any, None, None], awaited: Any) -> Generator[Any, None, None]:
    """Let a task run a coroutine of which the first step has been taken, which awaits something."""
    try:
        while True:
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001  # it is the coroutine's
                awaited = begun.throw(error)
            else:
                awaited = begun.send(None)
    except StopIteration:
        return


def _reason(error: ssl.SSLError) -> str:
    """Return why a handshake failed."""
    if error.reason in _NO_TLS:
        return "the client does not speak TLS"
    return getattr(error, "verify_message", "") or (error.reason or str(error)).replace("_", " ").lower()
