"""Reads the host of a URL: a name, or an address in one of its many spellings.

Uses the same URL parser as the client, so both see the same host. Neither resolves names nor decides what to allow.
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
    """The host of a URL, as far as the URL itself determines it."""

    addresses: tuple[Address, ...]
    """The addresses that it always means, whatever a resolver returns; empty for a name."""
    error: str | None = None
    """Why the host is invalid, even if its addresses may be called."""


def read_host(url: str) -> Host:
    """Read the host of an http or https URL."""
    try:
        # In ASCII and lower case: IDNA has replaced all look-alikes of digits and dots by the plain characters.
        host = URL(url).raw_host or ""
    except (ValueError, IndexError):  # IndexError: brackets in the user info alone
        return Host((), "the endpoint is not a URL")
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        # Always loopback (RFC 6761, section 6.3), whether or not the system's resolver knows.
        return Host(_LOOPBACK)
    # Checked first, as most hosts are names: in every spelling of an address, the last label is a number.
    if _NAME.fullmatch(name) and not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return Host(())
    address = _literal(name)
    if address is not None:
        return Host((address,), None if host == str(address) else f"the address must be written as {address}")
    return Host((), "the endpoint's host is neither a name nor an address")


def _literal(host: str) -> Address | None:
    """Parse an address, also in the decimal, octal, hexadecimal and short forms of inet_aton; None if it is none."""
    text = host.partition("%")[0]
    try:
        return ip_address(text)
    except ValueError:
        pass
    # Checked first, as inet_aton ignores anything after a space.
    if not all(_NUMBER.fullmatch(part) for part in text.split(".")):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None
