"""Who the client is when a proxy connects for it: Forwarded (RFC 7239) and the X-Forwarded-* headers.

Each proxy adds the address that it was called from at the right end. So the headers are read from there, as long as
each hop is a trusted proxy. What is further left was written by somebody who is not trusted, and is not looked at.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 32
"""Elements that are read of a header. The client is looked for no further."""
MAX_ELEMENT = 512
"""Characters of an element of Forwarded."""

_SCHEMES = frozenset(("http", "https"))
_V4 = r"(?P<v4>[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
_V6 = r"\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]"
_NODE = re.compile(rf"(?:{_V4}|{_V6})(?::(?:(?P<port>[0-9]{{1,5}})|_[A-Za-z0-9._-]+))?")
"""RFC 7239, section 6: an address and perhaps a port; not `unknown`, nor a name that hides the address."""
_PAIR = re.compile(
    r"""[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[^"\\]|\\.)*"))?[ \t]*"""
)
_QUOTED_PAIR = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Client:
    """The other end of a call: of the connection, or of the one that a proxy has accepted."""

    address: Address | None
    """None for what is no address of the internet, such as a Unix socket."""
    port: int | None
    """None if the proxy does not say."""
    scheme: str
    """`http` or `https`."""
    name: str = ""
    """What grpcio calls a peer without an address; empty if it is unknown."""

    @classmethod
    def of_connection(cls, peer: object, *, is_secure: bool) -> "Client":
        """Return the other end of a connection, by its transport's `peername`."""
        scheme = "https" if is_secure else "http"
        if isinstance(peer, tuple) and len(peer) >= 2:
            return cls(_unmapped(ip_address(str(peer[0]).partition("%")[0])), peer[1], scheme)
        return cls(None, None, scheme, "" if peer is None else "unix:")

    @property
    def peer(self) -> str:
        """The other end as grpcio writes it: `ipv4:127.0.0.1:50000`, without the port if that is unknown."""
        if self.address is None:
            return self.name
        port = "" if self.port is None else f":{self.port}"
        return f"ipv4:{self.address}{port}" if self.address.version == 4 else f"ipv6:[{self.address}]{port}"


class _Hop(NamedTuple):
    """What a proxy says about the connection that it has accepted."""

    address: Address
    port: int | None
    scheme: str | None


class TrustedProxies:
    """The networks of proxies whose headers are believed."""

    def __init__(self, networks: Iterable[Network | str]) -> None:
        """Take networks, also as CIDR such as `10.0.0.0/8`. Raises ValueError for what is none."""
        if isinstance(networks, str):
            raise TypeError("trusted_proxies must be a list of networks, not one string")
        self._networks = tuple(ip_network(network) for network in networks)

    def trust(self, address: Address | None) -> bool:
        """Return whether this is the address of a trusted proxy."""
        return address is not None and any(address in network for network in self._networks)

    def client(self, connection: Client, values: Callable[[str], Sequence[str]]) -> Client:
        """Return the client of a request: its other end is `connection`, and `values` returns all values of a header.

        Headers from an untrusted peer are ignored. So are two headers that disagree: a proxy that writes only one of
        them may pass on what its client has written into the other.
        """
        if not self.trust(connection.address):
            return connection
        forwarded, addresses = values("forwarded"), values("x-forwarded-for")
        schemes = _schemes(values("x-forwarded-proto"))
        if not forwarded and not addresses:
            return replace(connection, scheme=next(schemes, None) or connection.scheme)
        hops = []
        if forwarded:
            hops.append(self._client_of(map(_forwarded_hop, _elements(", ".join(forwarded)))))
        if addresses:
            hops.append(self._client_of(map(_x_forwarded_hop, _parts(addresses), schemes)))
        first, last = hops[0], hops[-1]
        if first is None or last is None or first.address != last.address:
            return connection
        claimed = {hop.scheme for hop in (first, last) if hop.scheme is not None}
        scheme = claimed.pop() if len(claimed) == 1 else connection.scheme
        return Client(last.address, first.port if last.port is None else last.port, scheme)

    def _client_of(self, hops: Iterable[_Hop | None]) -> _Hop | None:
        """Return the first hop that is no trusted proxy, or else the last one that can be read."""
        found = None
        for hop in hops:
            if hop is None:
                break
            found = hop
            if not self.trust(hop.address):
                break
        return found


def _x_forwarded_hop(node: str, scheme: str | None) -> _Hop | None:
    """Return the hop of an element of X-Forwarded-For; None for a malformed one."""
    is_bare = node.count(":") > 1 and "[" not in node
    return _hop(f"[{node}]" if is_bare else node, scheme)


def _forwarded_hop(element: str | None) -> _Hop | None:
    """Return the hop of an element of Forwarded; None for a malformed one, and one that names no address."""
    if element is None:
        return None
    pairs: dict[str, str] = {}
    at = 0
    while True:
        match = _PAIR.match(element, at)
        if match is None:
            return None
        if match[1]:
            name = match[1].lower()
            if name in pairs:
                return None
            pairs[name] = _QUOTED_PAIR.sub(r"\1", match[2][1:-1]) if match[2][0] == '"' else match[2]
        at = match.end()
        if at == len(element):
            break
        if element[at] != ";":
            return None
        at += 1
    return _hop(pairs.get("for", ""), _scheme(pairs.get("proto", "")))


def _hop(node: str, scheme: str | None) -> _Hop | None:
    match = _NODE.fullmatch(node)
    if match is None:
        return None
    port = None if match["port"] is None else int(match["port"])
    try:
        address = IPv4Address(match["v4"]) if match["v4"] else _unmapped(IPv6Address(match["v6"]))
    except ValueError:
        return None
    return None if port is not None and port > 65535 else _Hop(address, port, scheme)


def _unmapped(address: Address) -> Address:
    """Return the IPv4 address that is mapped into an IPv6 one: a listener for both families sees those."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _schemes(values: Sequence[str]) -> Iterator[str | None]:
    """Yield the scheme of each hop, from the right. A single one is that of every hop."""
    parts = list(_parts(values))
    yield from map(_scheme, parts)
    rest = _scheme(parts[0]) if len(parts) == 1 else None
    while True:
        yield rest


def _scheme(text: str) -> str | None:
    text = text.lower()
    return text if text in _SCHEMES else None


def _parts(values: Sequence[str]) -> Iterator[str]:
    """Yield the elements of a list without quoted strings, from the right."""
    text = ",".join(values)
    for part in islice(reversed(text.rsplit(",", MAX_HOPS)), MAX_HOPS if text else 0):
        yield part.strip(" \t")


def _elements(text: str) -> Iterator[str | None]:
    """Yield the elements of Forwarded from the right, and None for one that is too long.

    They are split from the right too: a quote that a client leaves open must not swallow what a proxy has added.
    """
    end = len(text)
    for _ in range(MAX_HOPS):
        start = _comma_before(text, end)
        if start is None:
            yield None
            return
        element = text[start + 1 : end].strip(" \t")
        if element:  # RFC 9110, section 5.6.1: empty elements do not count
            yield element
        if start < 0:
            return
        end = start


def _comma_before(text: str, end: int) -> int | None:
    """Return where the element that ends at `end` is separated; -1 for the first one, None for one that is too long."""
    is_quoted = False
    for at in range(end - 1, max(-1, end - MAX_ELEMENT - 1), -1):
        if text[at] == '"' and not _is_escaped(text, at):
            is_quoted = not is_quoted
        elif text[at] == "," and not is_quoted:
            return at
    return -1 if end <= MAX_ELEMENT else None


def _is_escaped(text: str, at: int) -> bool:
    before = at
    while before and text[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1
