"""Finds the IPv4 addresses embedded in an IPv6 address, to which a translator or a tunnel would forward its packets.

Knows the address formats, not which addresses may be called.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_LOW = 0xFFFFFFFF
_ISATAP = 0x00005EFE
_ISATAP_UNIVERSAL = 0x02000000


def embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return every IPv4 address that the address may embed; most embed none."""
    number = int(address)
    found = [four & _LOW for network, read in _FORMATS if address in network for four in read(number)]
    # ISATAP: an interface identifier under any prefix (RFC 5214). Its u bit says whether the IPv4 address is unique.
    if number >> 32 & _LOW & ~_ISATAP_UNIVERSAL == _ISATAP:
        found.append(number & _LOW)
    return tuple(map(IPv4Address, found))


def _last(number: int) -> Iterator[int]:
    yield number


def _compatible(number: int) -> Iterator[int]:
    # `::` and `::1` have the same prefix but embed nothing (RFC 4291, section 2.5.5.1).
    if number > 1:
        yield number


def _six_to_four(number: int) -> Iterator[int]:
    yield number >> 80


def _teredo(number: int) -> Iterator[int]:
    """Yield the Teredo server, and the client, whose bits are inverted (RFC 4380, section 4)."""
    yield number >> 64
    yield ~number


def _translated(number: int) -> Iterator[int]:
    """Yield what RFC 6052, section 2.2 embeds. The prefix length is unknown, so every length that fits is read."""
    # Bits 64 to 71 separate the parts of the IPv4 address and belong to neither.
    joined = (number >> 64) << 56 | number & (1 << 56) - 1
    for length in (48, 56, 64):
        rest = 88 - length
        if joined & (1 << rest) - 1 == 0:
            yield joined >> rest
    if number & _LOW:
        yield number


_FORMATS: tuple[tuple[IPv6Network, Callable[[int], Iterator[int]]], ...] = (
    (IPv6Network("::/96"), _compatible),
    (IPv6Network("::ffff:0:0/96"), _last),
    (IPv6Network("::ffff:0:0:0/96"), _last),
    (IPv6Network("64:ff9b::/96"), _last),
    (IPv6Network("64:ff9b:1::/48"), _translated),
    (IPv6Network("2001::/32"), _teredo),
    (IPv6Network("2002::/16"), _six_to_four),
)
