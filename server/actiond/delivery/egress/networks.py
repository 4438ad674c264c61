"""Decides which networks may be called: the default rules, the operator's rules, and which of them wins.

Matches one address against networks. IPv4 addresses embedded in IPv6 ones are found in `embedded_ipv4.py`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Networks that IANA's special-purpose registries do not list as globally reachable, and multicast. The few reachable
# anycast services within the protocol assignments do not speak HTTP, so they are denied with the rest.
_DENIED = {
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved for protocol assignments",
    "192.0.2.0/24": "reserved for documentation",
    "192.88.99.0/24": "a 6to4 relay",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "reserved for benchmarking",
    "198.51.100.0/24": "reserved for documentation",
    "203.0.113.0/24": "reserved for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "255.255.255.255/32": "broadcast",
    "::/0": "not global unicast",
    "::/128": "unspecified",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "reserved for local NAT64",
    "100::/64": "discard-only",
    "100:0:0:1::/64": "a dummy prefix",
    "2001::/23": "reserved for protocol assignments",
    "2001:db8::/32": "reserved for documentation",
    "3fff::/20": "reserved for documentation",
    "5f00::/16": "a segment routing identifier",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
# Metadata services, from which cloud machines get their identity and credentials. Each rule is for a single address,
# so that a wider network allowed by the operator does not include it.
_METADATA = (
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.23",
    "169.254.10.10",
    "169.254.42.42",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "192.0.0.192",
    "fd00:42::42",
    "fd00:100::100:200",
    "fd00:a9fe:a9fe::1",
    "fd00:c1::a9fe:a9fe",
    "fd00:ec2::23",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::a9fe:a9fe",
)
# Exceptions to the denials above. Some of them embed an IPv4 address, and then that address decides.
_ALLOWED = (
    "2000::/3",  # global unicast
    "::ffff:0:0/96",  # mapped
    "64:ff9b::/96",  # translated
    "2001::/32",  # Teredo
)
_NETWORK = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?")
_MAPPED = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows or denies the addresses of one network."""

    network: Network
    allows: bool
    what: str
    """Ends the sentence "127.0.0.1 is …"."""

    @property
    def is_single_address(self) -> bool:
        """Whether the network is a single address."""
        return self.network.prefixlen == self.network.max_prefixlen

    def __str__(self) -> str:
        return self.what if self.is_single_address else f"{self.what} ({self.network})"


_GLOBAL = Rule(IPv4Network("0.0.0.0/0"), allows=True, what="global")


class Rules:
    """Finds the rule for an address among the default rules and the operator's.

    The most specific network that contains an address wins. Of two rules for the same network, the operator's beats the
    default; of two by the operator, the denial wins. A default rule that allows never beats a denial by the operator,
    however specific it is.
    """

    def __init__(self, allow: Iterable[Network], deny: Iterable[Network]) -> None:
        self._defaults = _Table(
            [
                *(Rule(ip_network(network), allows=False, what=what) for network, what in _DENIED.items()),
                *(Rule(ip_network(address), allows=False, what="a cloud's metadata service") for address in _METADATA),
                *(Rule(ip_network(network), allows=True, what="global") for network in _ALLOWED),
            ]
        )
        self._configured = _Table(
            [
                *(Rule(network, allows=True, what="allowed by the settings") for network in allow),
                *(Rule(network, allows=False, what="denied by the settings") for network in deny),
            ]
        )

    def rule_for(self, address: Address) -> Rule:
        """Return the rule that wins for this address."""
        default = self._defaults.longest(address) or _GLOBAL
        configured = self._configured.longest(address)
        if configured is None or (not default.allows and default.network.prefixlen > configured.network.prefixlen):
            return default
        return configured


class _Table:
    """Looks up rules by prefix length and prefix. Of two rules for the same network, the later one is kept."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        levels: dict[int, dict[int, dict[int, Rule]]] = {4: {}, 6: {}}
        for rule in rules:
            shift = rule.network.max_prefixlen - rule.network.prefixlen
            level = levels[rule.network.version].setdefault(shift, {})
            level[int(rule.network.network_address) >> shift] = rule
        self._levels = {version: sorted(level.items()) for version, level in levels.items()}

    def longest(self, address: Address) -> Rule | None:
        """Return the rule with the longest prefix that matches the address, or None."""
        number = int(address)
        for shift, rules in self._levels[address.version]:
            rule = rules.get(number >> shift)
            if rule is not None:
                return rule
        return None


def parse_network(text: str) -> Network:
    """Parse a network such as `10.0.0.0/8`, or a single address. Raise ValueError with a one-line reason."""
    try:
        # Refuse a zone, and a netmask in place of the prefix length: ip_network accepts both.
        network = ip_network(text if _NETWORK.fullmatch(text) else "", strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8, nor an address") from None
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f"{text!r} has bits set beyond its prefix; the network is {network}")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        plain = IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED.prefixlen))
        raise ValueError(f"{text!r} must be written as {plain}")
    return network
