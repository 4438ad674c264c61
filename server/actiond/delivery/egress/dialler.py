"""Opens connections, to allowed addresses only. All dialling of the client comes through here."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TypeVar

from actiond.delivery.egress.policy import AddressDeniedError, AddressGuard
from actiond.delivery.egress.resolver import MAX_LOOKUPS, Resolver, SystemResolver
from actiond.delivery.egress.url import HostAddress
from actiond.fairness import FairSlots

DNS_CACHE_SECONDS = 1
"""How long calls share the result of a look-up. Cached addresses too are checked at each dial."""
MAX_CACHED_NAMES = 4_096
"""Names whose addresses are cached."""
ATTEMPT_DELAY_SECONDS = 0.25
"""How long an address has before the next one is tried beside it (RFC 8305, 5)."""

P = TypeVar("P", bound=asyncio.Protocol)


@dataclass(slots=True)
class _Lookup:
    """A look-up that runs or has ended, and the calls that share it."""

    task: "asyncio.Task[list[str]]"
    has_begun: bool = False
    """Whether a thread is at it, which nothing can stop."""
    waiting: int = 0
    expires_at: float = field(default=float("inf"))


class Dialler:
    """Connects to hosts. Must be used on one event loop."""

    def __init__(self, guard: AddressGuard, resolver: Resolver | None = None) -> None:
        """Take the guard, and a resolver, which the dialler closes; None for the system's."""
        self._guard = guard
        self._resolver = resolver or SystemResolver()
        self._lookups: dict[str, _Lookup] = {}
        self._threads = FairSlots(MAX_LOOKUPS)

    async def connect(
        self, address: HostAddress, owner: str, make_protocol: Callable[[], P], context: ssl.SSLContext | None
    ) -> P:
        """Connect to a host, over TLS if there is a context, and return the connection's protocol.

        Raise AddressDeniedError if every address of the host is denied, otherwise another OSError. If cancelled,
        nothing stays open.

        owner: whose call it is. Look-ups that hang hold up those of other owners as little as possible.
        """
        dialled = await self._dial(await self.addresses(address, owner), address.port)
        loop = asyncio.get_running_loop()
        name = None if context is None else address.server_name
        try:
            _, protocol = await loop.create_connection(make_protocol, sock=dialled, ssl=context, server_hostname=name)
        except BaseException:
            dialled.close()
            raise
        return protocol

    async def addresses(self, address: HostAddress, owner: str) -> list[str]:
        """Return the addresses of a host that may be dialled. Raises what `connect` raises before it dials."""
        return self._allowed([str(each) for each in address.addresses] or await self._resolve(address.host, owner))

    def close(self) -> None:
        """Begin no more look-ups."""
        self._resolver.close()

    def _allowed(self, candidates: Sequence[str]) -> list[str]:
        """Return the addresses that may be dialled. Raise AddressDeniedError if none may be."""
        denials = [self._guard.dial_denial(candidate) for candidate in candidates]
        allowed = [candidate for candidate, denial in zip(candidates, denials, strict=True) if denial is None]
        if allowed:
            return _interleaved(allowed)
        if denials:
            raise AddressDeniedError(str(denials[0]))
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")

    async def _dial(self, addresses: Sequence[str], port: int) -> socket.socket:
        """Connect to the first address that accepts, each a little later than the one before (RFC 8305)."""
        if len(addresses) == 1:
            return await self._connect(addresses[0], port)
        left = list(reversed(addresses))
        running: set[asyncio.Task[socket.socket]] = set()
        errors: list[BaseException] = []
        try:
            while left or running:
                if left:
                    running.add(asyncio.ensure_future(self._connect(left.pop(), port)))
                done, running = await asyncio.wait(
                    running, timeout=ATTEMPT_DELAY_SECONDS if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                connected = [task.result() for task in done if task.exception() is None]
                errors += [error for task in done if (error := task.exception()) is not None]
                for further in connected[1:]:
                    further.close()
                if connected:
                    return connected[0]
        finally:
            for task in running:
                task.add_done_callback(_close_late)
                task.cancel()
        raise errors[0]

    async def _connect(self, address: str, port: int) -> socket.socket:
        # The last check, of the very address that is dialled.
        self._guard.check(address)
        dialled = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            dialled.setblocking(False)
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(dialled, (address, port))
        except BaseException:
            dialled.close()
            raise
        return dialled

    async def _resolve(self, host: str, owner: str) -> list[str]:
        """Return the addresses of a name. Calls to the same name share a look-up."""
        loop = asyncio.get_running_loop()
        lookup = self._lookups.get(host)
        if lookup is None or lookup.expires_at < loop.time():
            self._forget_expired(loop.time())
            lookup = self._lookups[host] = _Lookup(loop.create_task(self._look_up(host, owner)))
            lookup.task.add_done_callback(_retrieve)
        lookup.waiting += 1
        try:
            return await asyncio.shield(lookup.task)
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and not lookup.has_begun and not lookup.task.done():
                lookup.task.cancel()
                self._forget(host, lookup)

    async def _look_up(self, host: str, owner: str) -> list[str]:
        lookup = self._lookups[host]
        await self._threads.acquire(owner)
        lookup.has_begun = True
        try:
            found = await self._resolver.resolve(host)
        except BaseException:
            self._forget(host, lookup)
            raise
        finally:
            self._threads.release(owner)
        lookup.expires_at = asyncio.get_running_loop().time() + DNS_CACHE_SECONDS
        return found

    def _forget(self, host: str, lookup: _Lookup) -> None:
        if self._lookups.get(host) is lookup:
            del self._lookups[host]

    def _forget_expired(self, now: float) -> None:
        if len(self._lookups) < MAX_CACHED_NAMES:
            return
        self._lookups = {host: lookup for host, lookup in self._lookups.items() if lookup.expires_at >= now}


def _interleaved(addresses: Sequence[str]) -> list[str]:
    """Return the addresses with the families taking turns, the first one's first (RFC 8305, 4)."""
    is_six = ":" in addresses[0]
    first = [address for address in addresses if (":" in address) is is_six]
    other = [address for address in addresses if (":" in address) is not is_six]
    return [address for address in chain.from_iterable(zip_longest(first, other)) if address is not None]


def _close_late(task: "asyncio.Task[socket.socket]") -> None:
    """Close what a cancelled attempt has connected all the same."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _retrieve(task: "asyncio.Task[list[str]]") -> None:
    """Take the error of a look-up that nobody waits for any more."""
    with suppress(asyncio.CancelledError):
        task.exception()
