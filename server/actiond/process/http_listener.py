"""The listener for everything over HTTP/1.1 and HTTP/2: granian's embedded server, on the worker's event loop."""

import asyncio
import time
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from actiond.config.groups import LimitSettings
from actiond.process.parts import PartError
from actiond.process.sockets import ReservedSocket, is_listening

LISTEN_TIMEOUT = 10.0
"""Seconds for granian to begin; it needs a few milliseconds."""


class HttpListener:
    """A Part. It serves an RSGI application, which cancels its own calls: granian ends once they are answered."""

    name = "HTTP listener"

    def __init__(self, socket: ReservedSocket, limits: LimitSettings, application: Any) -> None:
        self._socket = socket
        self._limits = limits
        self._application = application
        self._server: Server
        self._served: asyncio.Task[None]
        self._is_stopped = False

    async def start(self) -> None:
        self._server = Server(
            self._application,
            address=self._socket.address.host,
            port=self._socket.address.port,
            interface=Interfaces.RSGI,
            websockets=False,
            log_enabled=False,
            backlog=4096,
            # It counts connections, idle ones too: the limit on calls is the gateway's.
            backpressure=65_536,
            http1_settings=HTTP1Settings(
                # Also how long a connection may stay idle between two requests.
                header_read_timeout=round(self._limits.read_timeout * 1000),
                max_buffer_size=64 * 1024,
            ),
            http2_settings=HTTP2Settings(
                keep_alive_interval=30_000,
                max_concurrent_streams=100,
                max_headers_size=64 * 1024,
                max_send_buffer_size=256 * 1024,
            ),
        )
        self._served = asyncio.create_task(self._server.serve())
        give_up = time.monotonic() + LISTEN_TIMEOUT
        while not is_listening(self._socket.address):
            if self._served.done() or time.monotonic() > give_up:
                raise PartError(f"HTTP cannot listen on {self._socket.address}")
            await asyncio.sleep(0.005)

    async def ended(self) -> None:
        await asyncio.shield(self._served)

    def drain(self) -> None:
        self._stop()

    async def idle(self) -> None:
        # granian ends when every connection has its response and is closed.
        await asyncio.shield(self._served)

    async def cancel(self) -> None:
        await self.idle()

    async def close(self) -> None:
        if not self._served.done():
            self._stop()

    def _stop(self) -> None:
        if not self._is_stopped:
            self._is_stopped = True
            self._server.stop()  # type: ignore[no-untyped-call]  # granian leaves it so
