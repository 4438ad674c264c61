"""Resolves names as the system does, on threads of its own.

It knows nothing of which addresses may be called. The loop's own getaddrinfo would do, but for its few threads: under
uvloop a pair of names whose servers do not answer would hold up the look-ups of all others.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

_THREADS = 32


class SystemResolver(AbstractResolver):
    """getaddrinfo, which blocks and cannot be told to stop; its threads are started as they are needed."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port, family)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    try:
        infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        # A label that is empty or too long. aiohttp expects that a look-up fails with an OSError.
        raise socket.gaierror(socket.EAI_NONAME, "no name can be written so") from error
    return [
        ResolveResult(
            hostname=host,
            host=_numeric(address),
            port=port,
            family=found,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for found, _, protocol, _, address in infos
    ]


def _numeric(address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> str:
    """The address as text; a link-local one leads nowhere without its zone."""
    zone = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{zone}" if zone else str(address[0])
