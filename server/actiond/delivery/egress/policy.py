"""Guards against server-side request forgery: calls do not reach this machine, its network or its cloud by default.

The same rules are applied twice. CreateTarget checks the endpoint's text, so that a plain mistake is reported at once.
The dialler checks the very address that it is about to dial, so that neither a name that resolves differently by then
nor an unforeseen spelling gets through. This module makes no call itself.
"""

import errno
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from actiond.actions.ports import EndpointProblem
from actiond.delivery.egress.embedded_ipv4 import embedded_ipv4
from actiond.delivery.egress.networks import Address, Rules
from actiond.delivery.egress.url import EndpointError, read_host, read_url


class AddressDeniedError(OSError):
    """The address may not be called. The text names the rule that denies it, and is for the log only."""

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
        reason = self.dial_denial(address)
        if reason is not None:
            raise AddressDeniedError(reason)

    def endpoint_problem(self, endpoint: str) -> EndpointProblem | None:
        """Return why this http or https URL cannot be called; None if it can be, as far as the URL shows.

        A name may resolve to anything by the time of a call, so it is checked only then.
        """
        denials = [self._denial(address) for address in read_host(endpoint).addresses]
        if denials and all(denials):
            return EndpointProblem(denials[0] or "", is_denied=True)
        try:
            read_url(endpoint)
        except EndpointError as error:
            return EndpointProblem(str(error), is_denied=False)
        return None

    def dial_denial(self, text: str) -> str | None:
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
