"""Tells HTTP/1.1 from HTTP/2: by ALPN if TLS has agreed on one, else by the first bytes of the connection."""

import asyncio
from typing import Any

from rpcfront.listener.connection import NOTICE_SECONDS, Connection

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The first bytes of every HTTP/2 connection (RFC 9113, 3.4). No HTTP/1.1 request begins like it."""


class Sniffer(asyncio.Protocol):
    """A connection of which it is not known yet what it speaks. It keeps the first bytes, and hands them on."""

    def __init__(self, server: "Any") -> None:
        self._server = server
        self._kept = b""
        self.idle_since = 0.0
        self.is_idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.idle_since = self._server.now
        if not self._server.add(self):
            transport.close()
            return
        if self._server.is_draining:
            self.drain()
        ssl_object = transport.get_extra_info("ssl_object")
        chosen = None if ssl_object is None else ssl_object.selected_alpn_protocol()
        if chosen is not None:
            self._become(is_http2=chosen == "h2")

    def data_received(self, data: bytes) -> None:
        self._kept += data
        size = min(len(self._kept), len(_PREFACE))
        if self._kept[:size] != _PREFACE[:size]:
            self._become(is_http2=False)
        elif size == len(_PREFACE):
            self._become(is_http2=True)

    def _become(self, *, is_http2: bool) -> None:
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
        self._server.remove(self)

    def drain(self) -> None:
        """Close, unless a request was on its way."""
        self._server.loop.call_later(NOTICE_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.transport.get_protocol() is self:
            self.transport.close()

    def evict(self) -> None:
        """Close: no request has begun."""
        self.is_idle = False
        self.transport.close()

    def sweep(self, now: float) -> None:
        """Close a connection that does not begin."""
        if now - self.idle_since >= self._server.connection_limits.head_seconds:
            self.transport.close()
