"""Which networks may be called: the rules that hold from the start, the operator's, and which of them wins.

It weighs one plain address against networks. What an address stands for besides itself is said by `addresses.py`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What IANA's special-purpose registries do not call globally reachable, and multicast. The few anycast services that
# lie within the protocol assignments and are reachable speak no HTTP: they are denied with the rest.
_DENIED = {
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by a carrier's customers",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "kept for protocols",
    "192.0.2.0/24": "kept for documentation",
    "192.88.99.0/24": "a relay of 6to4",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "kept for benchmarks",
    "198.51.100.0/24": "kept for documentation",
    "203.0.113.0/24": "kept for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "255.255.255.255/32": "broadcast",
    "::/0": "not global unicast",
    "::/128": "unspecified",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "kept for local translation",
    "100::/64": "discarded",
    "100:0:0:1::/64": "a dummy prefix",
    "2001::/23": "kept for protocols",
    "2001:db8::/32": "kept for documentation",
    "3fff::/20": "kept for documentation",
    "5f00::/16": "a segment of a route",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
# Where clouds tell a machine who it is and hand out its credentials. Each is a rule of full length, so that no wider
# network that the operator allows lets it in.
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
# What the denials above would take in too. Some carry an IPv4 address, and what they carry decides.
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
    """What holds for the addresses of one network."""

    network: Network
    allows: bool
    what: str
    """Ends the sentence "127.0.0.1 is …"."""

    @property
    def is_for_one(self) -> bool:
        """Whether it names a single address."""
        return self.network.prefixlen == self.network.max_prefixlen

    def __str__(self) -> str:
        return self.what if self.is_for_one else f"{self.what} ({self.network})"


_GLOBAL = Rule(IPv4Network("0.0.0.0/0"), allows=True, what="global")


class Rules:
    """The networks that are denied by default, and the operator's.

    The most specific network that holds an address wins. Of two rules for the same network the operator's beats the
    default, and of the operator's own two the denial beats the allowance. What is allowed by default is allowed only
    as long as nobody says otherwise: it beats no denial of the operator's.
    """

    def __init__(self, allow: Iterable[Network], deny: Iterable[Network]) -> None:
        self._defaults = _Table(
            [
                *(Rule(ip_network(network), allows=False, what=what) for network, what in _DENIED.items()),
                *(Rule(ip_network(address), allows=False, what="a cloud's metadata service") for address in _METADATA),
                *(Rule(ip_network(network), allows=True, what="global") for network in _ALLOWED),
            ]
        )
        self._given = _Table(
            [
                *(Rule(network, allows=True, what="allowed by the settings") for network in allow),
                *(Rule(network, allows=False, what="denied by the settings") for network in deny),
            ]
        )

    def of(self, address: Address) -> Rule:
        """The rule that wins for this address."""
        default = self._defaults.longest(address) or _GLOBAL
        given = self._given.longest(address)
        if given is None or (not default.allows and default.network.prefixlen > given.network.prefixlen):
            return default
        return given


class _Table:
    """Rules by the length of their networks and their leading bits; of two for one network the later holds."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        levels: dict[int, dict[int, dict[int, Rule]]] = {4: {}, 6: {}}
        for rule in rules:
            shift = rule.network.max_prefixlen - rule.network.prefixlen
            level = levels[rule.network.version].setdefault(shift, {})
            level[int(rule.network.network_address) >> shift] = rule
        self._levels = {version: sorted(level.items()) for version, level in levels.items()}

    def longest(self, address: Address) -> Rule | None:
        """The rule of the longest network that holds the address."""
        number = int(address)
        for shift, rules in self._levels[address.version]:
            rule = rules.get(number >> shift)
            if rule is not None:
                return rule
        return None


def parse_network(text: str) -> Network:
    """A network as `10.0.0.0/8`, or an address for itself alone. Raises ValueError with a reason of one line."""
    try:
        # A zone or a mask in place of the length is refused, as ip_network takes both.
        network = ip_network(text if _NETWORK.fullmatch(text) else "", strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8, nor an address") from None
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f"{text!r} has bits beyond its length; the network is {network}")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        plain = IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED.prefixlen))
        raise ValueError(f"{text!r} is written {plain}")
    return network
