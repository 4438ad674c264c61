"""Reads the host of a URL: whether it is a name, or an address in one of the many ways to spell one.

It asks the URL parser that the client uses, so both see the same host. It resolves nothing and allows nothing.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from yarl import URL

from actiond.delivery.egress.networks import Address

_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACK: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@dataclass(frozen=True, slots=True)
class Host:
    """What a URL says of where it leads."""

    addresses: tuple[Address, ...]
    """What it can stand for whatever a resolver says; empty for a name."""
    fault: str | None = None
    """Why nobody can be called by it, however harmless its addresses are."""


def read_host(url: str) -> Host:
    """The host of an http or https URL."""
    try:
        # In ASCII and lower case: IDNA has made plain digits and dots of all that look like them.
        host = URL(url).raw_host or ""
    except (ValueError, IndexError):  # the latter where brackets stand in the user's part alone
        return Host((), "the endpoint is not a URL")
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        # Always loopback (RFC 6761, section 6.3), whether or not the system's resolver knows.
        return Host(_LOOPBACK)
    # First, since it is what most hosts are: no spelling of an address ends in a label that is no number.
    if _NAME.fullmatch(name) and not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return Host(())
    address = _literal(name)
    if address is not None:
        return Host((address,), None if host == str(address) else f"the address is to be written as {address}")
    return Host((), "the endpoint's host is neither a name nor an address")


def _literal(host: str) -> Address | None:
    """The address that is spelled here, in the decimal, octal, hexadecimal and short forms of inet_aton as well."""
    text = host.partition("%")[0]
    try:
        return ip_address(text)
    except ValueError:
        pass
    # Checked first, as inet_aton takes anything after a space.
    if not all(_NUMBER.fullmatch(part) for part in text.split(".")):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None
