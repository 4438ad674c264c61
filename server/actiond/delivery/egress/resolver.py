"""Resolves names with the system's resolver, in a dedicated thread pool.

Does not know which addresses may be called. The event loop's getaddrinfo is not used because it has few threads: under
uvloop, two names whose DNS servers do not respond would hold up all other look-ups.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

_MAX_THREADS = 32


class SystemResolver(AbstractResolver):
    """Runs getaddrinfo, which blocks and cannot be interrupted, in threads that are started as needed."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="resolver")

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
        # A label is empty or too long. aiohttp expects a failed look-up to raise an OSError.
        raise socket.gaierror(socket.EAI_NONAME, "not a valid host name") from error
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
    """Return the address as text, with its zone: a link-local address is unusable without it."""
    zone = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{zone}" if zone else str(address[0])
