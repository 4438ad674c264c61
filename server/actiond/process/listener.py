"""A listener of a worker: one address, on which every protocol is served."""

from collections.abc import Awaitable, Callable

from actiond.process.parts import PartError, never
from actiond.process.sockets import ReservedSocket
from rpcfront import Server

Listen = Callable[[str, int], Awaitable[Server]]
"""Listens on a host and a port. Raises OSError."""


class Listener:
    """A Part."""

    _server: Server

    def __init__(self, socket: ReservedSocket, listen: Listen) -> None:
        self.name = f"listener on {socket.address}"
        self._address = socket.address
        self._listen = listen

    async def start(self) -> None:
        try:
            self._server = await self._listen(self._address.host, self._address.port)
        except OSError as error:
            raise PartError(f"{self._address} cannot be served: {error.strerror}") from error

    async def ended(self) -> None:
        await never()

    def drain(self) -> None:
        self._server.begin_drain()

    async def idle(self) -> None:
        await self._server.wait_closed()

    async def cancel(self) -> None:
        await self._server.cancel()

    async def close(self) -> None:
        self._server.close()
