"""Guards against server-side request forgery: calls do not reach this machine, its network or its cloud by default.

The same rules are applied twice. CreateTarget checks the endpoint's text, so that a plain mistake is reported at once.
The connector checks the very address that it is about to dial, so that neither a name that resolves differently by
then nor an unforeseen spelling gets through. This module makes no call itself.
"""

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from actiond.delivery.egress.embedded_ipv4 import embedded_ipv4
from actiond.delivery.egress.networks import Address, Rules
from actiond.delivery.egress.resolver import SystemResolver
from actiond.delivery.egress.url import read_host

_DNS_CACHE_SECONDS = 1
"""How long calls share the result of a look-up. Cached addresses too are checked at each dial."""


class AddressDeniedError(OSError):
    """The address may not be called. The text names the rule that denies it, and is for the log only.

    An OSError, so that the connector tries the name's next address. It is the cause of what aiohttp raises in the end.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Decides which addresses may be called: by default public ones, except the metadata services of clouds.

    The most specific network that contains an address decides, the defaults included (see `Rules`). An IPv6 address
    with embedded IPv4 addresses is denied when it or any of them is; only a rule that allows this one IPv6 address
    (/128) makes the embedded ones irrelevant.
    """

    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    deny: tuple[IPv4Network | IPv6Network, ...] = ()
    _rules: Rules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rules", Rules(self.allow, self.deny))

    def check(self, address: str) -> None:
        """Raise AddressDeniedError unless this numeric address, which may have a zone (`fe80::1%2`), may be called."""
        reason = self._dial_denial(address)
        if reason is not None:
            raise AddressDeniedError(reason)

    def deny_reason(self, endpoint: str) -> str | None:
        """Return why the host in this URL cannot be called; None if it can be, or if it is a name.

        A name may resolve to anything by the time of a call, so it is checked only then.
        """
        host = read_host(endpoint)
        reasons = [self._denial(address) for address in host.addresses]
        if reasons and None not in reasons:
            return reasons[0]
        return host.error

    def connector(self, *, resolver: AbstractResolver | None = None, **options: Any) -> TCPConnector:
        """Return a connector that never dials a denied address, and closes its resolver.

        A session that uses it must not have a proxy: the addresses that a proxy dials cannot be checked here.

        options: passed on to TCPConnector.
        """
        checked = _CheckedResolver(resolver or SystemResolver(), self._dial_denial)
        options.setdefault("ttl_dns_cache", _DNS_CACHE_SECONDS)
        return _Connector(checked, socket_factory=self._open, **options)

    def _open(self, info: AddrInfoType) -> socket.socket:
        """Open a socket to dial `info` with. All dialling comes through here, numeric hosts included."""
        family, kind, protocol, _, address = info
        self.check(address[0])
        return socket.socket(family, kind, protocol)

    def _dial_denial(self, text: str) -> str | None:
        """Return why the numeric address, which may have a zone, must not be dialled; None if it may be."""
        try:
            address = ip_address(text)
        except ValueError:
            return "the address to dial is not numeric"
        # Without its zone, which is free text and does not matter here.
        return self._denial(IPv6Address(int(address)) if isinstance(address, IPv6Address) else address)

    def _denial(self, address: Address) -> str | None:
        """Return why the address, or an IPv4 address embedded in it, is denied; None if it is allowed."""
        rule = self._rules.rule_for(address)
        if not rule.allows:
            return f"{address} is {rule}"
        if not isinstance(address, IPv6Address) or rule.is_single_address:
            return None
        for embedded in embedded_ipv4(address):
            inner = self._rules.rule_for(embedded)
            if not inner.allows:
                return f"{address} embeds {embedded}, which is {inner}"
        return None


class _CheckedResolver(AbstractResolver):
    """Leaves denied addresses out of a look-up.

    They would be refused when dialled, too. But aiohttp merges several refused dials into one plain OSError, which
    would make a denied name look like one that does not respond.
    """

    def __init__(self, resolver: AbstractResolver, denial: Callable[[str], str | None]) -> None:
        self._resolver = resolver
        self._denial = denial

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [(result, self._denial(result["host"])) for result in await self._resolver.resolve(host, port, family)]
        allowed = [result for result, denial in found if denial is None]
        if allowed:
            return allowed
        if found:
            raise AddressDeniedError(str(found[0][1]))
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")

    async def close(self) -> None:
        await self._resolver.close()


class _Connector(TCPConnector):
    """Closes its resolver; aiohttp closes only a resolver that it made itself."""

    def __init__(self, resolver: AbstractResolver, **options: Any) -> None:
        super().__init__(resolver=resolver, **options)
        self._checked = resolver

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        await self._checked.close()
