"""The listener for native gRPC: a grpc.aio server."""

import asyncio
from collections.abc import Callable

import grpc

from actiond.config.groups import LimitSettings
from actiond.process.parts import PartError, never
from actiond.process.sockets import ReservedSocket

_NEVER = 86_400.0
"""Seconds: longer than any grace period."""


class GrpcListener:
    """A Part. It serves what `add_services` registers."""

    name = "gRPC listener"

    def __init__(
        self, socket: ReservedSocket, limits: LimitSettings, add_services: Callable[[grpc.aio.Server], None]
    ) -> None:
        self._socket = socket
        self._limits = limits
        self._add_services = add_services
        self._server: grpc.aio.Server
        self._stopped: asyncio.Future[None] | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server(
            options=(
                ("grpc.so_reuseport", 1),
                ("grpc.max_receive_message_length", self._limits.max_body),
                # Of one connection. Concurrent calls, over all of them, are the gateway's to count.
                ("grpc.max_concurrent_streams", self._limits.max_concurrent),
                # A peer that vanished silently is noticed within a minute and a half.
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                # Clients may ping as often; the default drops them for more than a ping in five minutes.
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            )
        )
        self._add_services(self._server)
        try:
            self._server.add_insecure_port(str(self._socket.address))
        except RuntimeError as error:
            raise PartError(f"gRPC cannot listen on {self._socket.address}") from error
        await self._server.start()

    async def ended(self) -> None:
        await never()

    def drain(self) -> None:
        # Once only and without a grace period of its own: when a second stop has ended the server, a timeout in the
        # first one would touch it once more, and crash the process.
        self._stopped = asyncio.ensure_future(self._server.stop(_NEVER))

    async def idle(self) -> None:
        if self._stopped is not None:
            await asyncio.shield(self._stopped)

    async def cancel(self) -> None:
        if self._stopped is None or not self._stopped.done():
            await self._server.stop(None)
        await self.idle()

    async def close(self) -> None:
        if self._stopped is None:
            await self._server.stop(None)
