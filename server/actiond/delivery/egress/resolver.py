"""Resolves names by the system's resolver, on threads of its own: look-ups that hang hold up nothing else.

On the default executor, which has as few as six threads, a handful of names with an unreachable name server would stop
everything else that needs a thread.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

MAX_LOOKUPS = 32
"""Look-ups that run at once: each has a thread until the system's resolver returns, whatever deadline has passed."""


class Resolver(Protocol):
    """Finds the addresses of names."""

    async def resolve(self, host: str) -> list[str]:
        """Return the numeric addresses of a name, in the order of preference. Raise OSError if it has none."""

    def close(self) -> None:
        """Release everything. Look-ups that run are left to end by themselves."""


class SystemResolver:
    """Runs getaddrinfo, which blocks and cannot be interrupted, in threads that are started as needed."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="resolver")

    async def resolve(self, host: str) -> list[str]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[str]:
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        # A label is empty or too long.
        raise socket.gaierror(socket.EAI_NONAME, "not a valid host name") from error
    return [_numeric(address) for _, _, _, _, address in infos]


def _numeric(address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> str:
    """Return the address as text, with its zone: a link-local address is unusable without it."""
    zone = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{zone}" if zone else str(address[0])
