"""Keeps calls from going where an operator would not have them go: to this machine, its network, its cloud.

Two questions, one answer. CreateTarget asks about an endpoint's text, so that a plain mistake is told at once. The
connector asks about the very address that it is about to dial, so that neither a name that resolves to something else
by then nor a spelling nobody thought of gets through. It makes no call itself.
"""

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from actiond.delivery.egress.embedded_ipv4 import carried
from actiond.delivery.egress.networks import Address, Rules
from actiond.delivery.egress.resolver import SystemResolver
from actiond.delivery.egress.url import read_host

_NAMES_KEPT = 1
"""Seconds for which calls share a look-up. What was looked up is checked at each dial, however old it is."""


class AddressDeniedError(OSError):
    """The address may not be called. Its text says which rule holds, and is for the log only.

    An OSError, so that who dials goes on to a name's next address. It is the cause of what aiohttp raises then.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Which addresses may be called: by default those of the Internet at large, and no metadata service of a cloud.

    The most specific network that holds an address decides, the defaults included (see `Rules`). An IPv6 address that
    carries IPv4 ones is denied when it or any of them is; only a rule that allows this one IPv6 address (/128) makes
    what it carries irrelevant.
    """

    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    deny: tuple[IPv4Network | IPv6Network, ...] = ()
    _rules: Rules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rules", Rules(self.allow, self.deny))

    def check(self, address: str) -> None:
        """Raises AddressDeniedError unless this numeric address, perhaps with a zone (`fe80::1%2`), may be called."""
        reason = self._reason(address)
        if reason is not None:
            raise AddressDeniedError(reason)

    def deny_reason(self, endpoint: str) -> str | None:
        """Why the host that this URL spells out cannot be called; None for one that can, or for a name.

        A name may resolve to anything by the time of a call, so only the call can tell.
        """
        host = read_host(endpoint)
        reasons = [self._weigh(address) for address in host.addresses]
        if reasons and None not in reasons:
            return reasons[0]
        return host.fault

    def connector(self, *, resolver: AbstractResolver | None = None, **options: Any) -> TCPConnector:
        """A connector that dials no denied address, and closes its resolver; `options` are TCPConnector's.

        A session must not be told of a proxy: what the proxy dials is seen by nobody here.
        """
        checked = _CheckedResolver(resolver or SystemResolver(), self._reason)
        options.setdefault("ttl_dns_cache", _NAMES_KEPT)
        return _Connector(checked, socket_factory=self._open, **options)

    def _open(self, info: AddrInfoType) -> socket.socket:
        """Opens a socket to dial `info` with. All dialling comes through here, numeric hosts included."""
        family, kind, protocol, _, address = info
        self.check(address[0])
        return socket.socket(family, kind, protocol)

    def _reason(self, text: str) -> str | None:
        try:
            address = ip_address(text)
        except ValueError:
            return "what is to be dialled is not a numeric address"
        # Without its zone, which is free text and decides nothing.
        return self._weigh(IPv6Address(int(address)) if isinstance(address, IPv6Address) else address)

    def _weigh(self, address: Address) -> str | None:
        rule = self._rules.of(address)
        if not rule.allows:
            return f"{address} is {rule}"
        if not isinstance(address, IPv6Address) or rule.is_for_one:
            return None
        for within in carried(address):
            inner = self._rules.of(within)
            if not inner.allows:
                return f"{address} stands for {within}, which is {inner}"
        return None


class _CheckedResolver(AbstractResolver):
    """Leaves denied addresses out of a look-up.

    The dial would refuse them too. But aiohttp makes one plain OSError of several refused dials, and then nobody could
    tell a denied name from one that does not answer.
    """

    def __init__(self, resolver: AbstractResolver, reason: Callable[[str], str | None]) -> None:
        self._resolver = resolver
        self._reason = reason

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [(result, self._reason(result["host"])) for result in await self._resolver.resolve(host, port, family)]
        allowed = [result for result, reason in found if reason is None]
        if allowed:
            return allowed
        if found:
            raise AddressDeniedError(str(found[0][1]))
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")

    async def close(self) -> None:
        await self._resolver.close()


class _Connector(TCPConnector):
    """Closes its resolver; aiohttp leaves one that it did not make itself open."""

    def __init__(self, resolver: AbstractResolver, **options: Any) -> None:
        super().__init__(resolver=resolver, **options)
        self._checked = resolver

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        await self._checked.close()
