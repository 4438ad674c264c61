"""Which addresses may be called, under which networks."""

# ruff: noqa: RUF001, characters that look like others are what is tested

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from actiond.delivery.egress.embedded_ipv4 import embedded_ipv4
from actiond.delivery.egress.networks import parse_network
from actiond.delivery.egress.policy import AddressDeniedError, AddressGuard

GUARD = AddressGuard()


def guard(allow: str = "", deny: str = "") -> AddressGuard:
    """One of networks that stand in a text."""
    return AddressGuard(
        allow=tuple(ip_network(network) for network in allow.split()),
        deny=tuple(ip_network(network) for network in deny.split()),
    )


def is_denied(guarded: AddressGuard, address: str) -> bool:
    try:
        guarded.check(address)
    except AddressDeniedError:
        return True
    return False


@pytest.mark.parametrize(
    ("allow", "deny", "address", "denied"),
    [
        # The defaults are networks as well.
        ("10.0.0.0/8", "", "10.1.2.3", False),
        ("10.1.0.0/16", "", "10.1.2.3", False),
        ("10.1.0.0/16", "", "10.2.2.3", True),
        ("0.0.0.0/0", "", "10.1.2.3", True),
        ("0.0.0.0/0", "", "127.0.0.1", True),
        ("127.0.0.1/32", "", "127.0.0.1", False),
        ("127.0.0.1/32", "", "127.0.0.2", True),
        ("::1/128", "", "::1", False),
        ("fd12::/16", "", "fd12::1", False),
        ("fd12::/16", "", "fd13::1", True),
        ("::/0", "", "4000::1", False),
        ("::/0", "", "fe80::1", True),
        ("fe80::/10", "", "fe80::1%eth0", False),
        # A denial of the operator's, and what is allowed by default.
        ("", "8.0.0.0/8", "8.8.8.8", True),
        ("", "8.0.0.0/8", "9.9.9.9", False),
        ("", "0.0.0.0/0", "9.9.9.9", True),
        ("", "::/0", "2606:4700::1", True),
        ("", "::/0", "::ffff:8.8.8.8", True),
        ("9.9.9.9/32", "0.0.0.0/0", "9.9.9.9", False),
        # The most specific wins.
        ("8.8.0.0/16", "8.0.0.0/8", "8.8.8.8", False),
        ("8.0.0.0/8", "8.8.0.0/16", "8.8.8.8", True),
        ("10.0.0.0/8", "10.0.0.0/9", "10.1.2.3", True),
        ("10.0.0.0/8 10.1.2.3/32", "10.1.0.0/16", "10.1.2.3", False),
        # A tie denies.
        ("10.0.0.0/8", "10.0.0.0/8", "10.1.2.3", True),
        ("8.8.8.8/32", "8.8.8.8/32", "8.8.8.8", True),
        # What carries an address is denied for either.
        ("10.0.0.0/8", "", "::ffff:10.1.2.3", False),
        ("10.0.0.0/8", "", "64:ff9b::10.1.2.3", False),
        ("", "8.0.0.0/8", "::ffff:8.8.8.8", True),
        ("", "8.0.0.0/8", "2002:808:808::1", True),
        ("", "64:ff9b::/96", "64:ff9b::8.8.8.8", True),
        ("64:ff9b::/96", "", "64:ff9b::10.1.2.3", True),
        ("64:ff9b:1::/48", "", "64:ff9b:1::808:808", False),
        ("64:ff9b:1::/48", "", "64:ff9b:1::10.1.2.3", True),
        ("2600::/16", "", "2600::5efe:10.1.2.3", True),
        # Unless this one IPv6 address is named.
        ("2600::5efe:10.1.2.3/128", "", "2600::5efe:10.1.2.3", False),
        ("64:ff9b::10.1.2.3/128", "", "64:ff9b::10.1.2.3", False),
        ("64:ff9b::10.1.2.2/127", "", "64:ff9b::10.1.2.3", True),
    ],
)
def test_the_most_specific_network_wins(allow: str, deny: str, address: str, denied: bool) -> None:
    assert is_denied(guard(allow, deny), address) is denied


METADATA = (
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::a9fe:a9fe",
)


@pytest.mark.parametrize("address", METADATA)
def test_no_wider_network_lets_a_metadata_service_in(address: str) -> None:
    one = ip_network(address)
    for length in range(one.max_prefixlen):
        assert is_denied(AddressGuard(allow=(one.supernet(new_prefix=length),)), address)


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_is_called_once_it_is_named(address: str) -> None:
    assert not is_denied(guard(address), address)


def test_a_named_metadata_service_is_called_in_its_mapped_form() -> None:
    assert not is_denied(guard("169.254.169.254"), "::ffff:169.254.169.254")


@pytest.mark.parametrize("address", ["", "example.com", "127.1", "8.8.8.8%lo", "8.8.8.8 ", "[::1]", "8.8.8.8:80"])
def test_what_is_not_a_numeric_address_is_not_dialled(address: str) -> None:
    assert is_denied(GUARD, address)


def test_a_denial_says_which_rule() -> None:
    with pytest.raises(AddressDeniedError, match=re.escape("10.1.2.3 is private (10.0.0.0/8)")):
        GUARD.check("10.1.2.3")
    with pytest.raises(AddressDeniedError, match=re.escape("8.8.8.8 is denied by the settings (8.0.0.0/8)")):
        guard(deny="8.0.0.0/8").check("8.8.8.8")


def test_a_denial_repeats_no_zone() -> None:
    with pytest.raises(AddressDeniedError, match=re.escape("fe80::1 is link-local (fe80::/10)")):
        GUARD.check("fe80::1%a zone\n")


def test_guards_of_the_same_networks_are_equal() -> None:
    assert guard("10.0.0.0/8") == guard("10.0.0.0/8") != guard("10.0.0.0/9")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("2606:4700::1111", []),
        ("::", []),
        ("::1", []),
        ("::2", ["0.0.0.2"]),
        ("::192.0.2.33", ["192.0.2.33"]),
        ("::ffff:192.0.2.33", ["192.0.2.33"]),
        ("::ffff:0:192.0.2.33", ["192.0.2.33"]),
        ("64:ff9b::192.0.2.33", ["192.0.2.33"]),
        ("64:ff9b:1:c000:2:2100::", ["192.0.2.33", "0.2.33.0", "2.33.0.0"]),
        ("64:ff9b:1:1c0:0:221::", ["192.0.2.33", "0.2.33.0"]),
        ("64:ff9b:1:1:c0:2:2100:0", ["192.0.2.33", "33.0.0.0"]),
        ("64:ff9b:1:1::192.0.2.33", ["192.0.2.33"]),
        ("2002:c000:221::1", ["192.0.2.33"]),
        ("2001:0:c000:221:0:0:f7f7:f7f7", ["192.0.2.33", "8.8.8.8"]),
        ("2600:1:2:3:0:5efe:192.0.2.33", ["192.0.2.33"]),
        ("fe80::200:5efe:192.0.2.33", ["192.0.2.33"]),
    ],
)
def test_ipv4_addresses_embedded_in_an_ipv6_address_are_found(address: str, expected: list[str]) -> None:
    assert [str(inner) for inner in embedded_ipv4(IPv6Address(address))] == expected


def spellings(address: IPv4Address) -> dict[str, str]:
    """Hosts that stand for it: as plain text, in the ways of inet_aton, and embedded in IPv6."""
    number, parts = int(address), address.packed
    high, low = number >> 16, number & 0xFFFF
    six = {
        "mapped": f"::ffff:{address}",
        "compatible": f"::{address}",
        "translated of old": f"::ffff:0:{address}",
        "NAT64": f"64:ff9b::{address}",
        "local NAT64 of 96 bits": f"64:ff9b:1::{address}",
        "local NAT64 of 48 bits": f"64:ff9b:1:{high:x}:{low >> 8:x}:{(low & 255) << 8:x}::",
        "6to4": f"2002:{high:x}:{low:x}::1",
        "a Teredo server": f"2001:0:{high:x}:{low:x}:0:0:f7f7:f7f7",
        "a Teredo client": f"2001:0:808:808:0:0:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}",
        "ISATAP": f"2600::5efe:{address}",
        "ISATAP of a unique address": f"2600::200:5efe:{address}",
    }
    return {
        "plain": str(address),
        "a dot at the end": f"{address}.",
        "decimal": str(number),
        "hexadecimal": f"{number:#x}",
        "octal": f"0{number:o}",
        "parts in hexadecimal": ".".join(f"{part:#x}" for part in parts),
        "parts in octal": ".".join(f"0{part:o}" for part in parts),
        "two parts": f"{parts[0]}.{number & 0xFFFFFF}",
        "three parts": f"{parts[0]}.{parts[1]}.{low}",
        "full width": str(address).translate(str.maketrans("0123456789.", "０１２３４５６７８９。")),
        **{form: f"[{text}]" for form, text in six.items()},
    }


@given(st.ip_addresses(v=4))
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("0.0.0.0"))  # noqa: S104  nothing is bound
@example(IPv4Address("224.0.0.1"))
@example(IPv4Address("168.63.129.16"))
def test_a_denied_ipv4_address_is_denied_in_every_form(address: IPv4Address) -> None:
    assume(is_denied(GUARD, str(address)))
    for form, host in spellings(address).items():
        assert GUARD.endpoint_problem(f"http://{host}/") is not None, form
        if host.startswith("["):
            assert is_denied(GUARD, host[1:-1]), form


@given(st.ip_addresses(v=4))
@example(IPv4Address("100.64.0.1"))
def test_an_ipv4_address_is_allowed_only_if_it_is_global(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert is_denied(GUARD, str(address))


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_that_embeds_nothing_is_allowed_only_if_it_is_global(address: IPv6Address) -> None:
    if not embedded_ipv4(address) and (not address.is_global or address.is_multicast or address.is_reserved):
        assert is_denied(GUARD, str(address))


@given(st.integers(0, 2**128 - 1).map(IPv6Address) | st.sampled_from(["::", "::1"]).map(IPv6Address))
def test_outside_the_global_range_only_mapped_and_translated_addresses_can_be_called(address: IPv6Address) -> None:
    if address not in IPv6Network("2000::/3") and not embedded_ipv4(address):
        assert is_denied(GUARD, str(address))


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_what_an_operator_denies_is_denied_in_every_form(address: IPv4Address, length: int) -> None:
    guarded = AddressGuard(deny=(ipaddress.IPv4Network((address, length), strict=False),))
    assert is_denied(guarded, str(address))
    assert all(guarded.endpoint_problem(f"http://{host}/") is not None for host in spellings(address).values())


@given(st.text() | st.ip_addresses().map(str) | st.from_regex(r"[0-9a-f:.%x]{1,20}", fullmatch=True))
def test_check_raises_nothing_but_its_own_error(text: str) -> None:
    is_denied(GUARD, text)


@given(st.text() | st.from_regex(r"https?://[\[\]@:%.0-9a-fxＡ-Ｚ０-９。]{0,20}(/.*)?", fullmatch=True))
def test_any_text_is_judged_as_an_endpoint_without_an_exception(text: str) -> None:
    GUARD.endpoint_problem(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("::1", "::1/128"),
        ("FD00::/8", "fd00::/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_read(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a network"),
        ("localhost", "is not a network"),
        ("10.0.0.0/", "is not a network"),
        ("10.0.0.0/33", "is not a network"),
        ("10.0.0.0/255.0.0.0", "is not a network"),
        ("10.0.0.0/-1", "is not a network"),
        ("10/8", "is not a network"),
        ("010.0.0.0/8", "is not a network"),
        ("10.0.0.0/８", "is not a network"),
        (" 10.0.0.0/8", "is not a network"),
        ("fe80::%eth0/64", "is not a network"),
        ("10.0.0.0/8,11.0.0.0/8", "is not a network"),
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("2001:db8::1/32", "the network is 2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "must be written as 10.0.0.0/8"),
        ("::ffff:127.0.0.1", "must be written as 127.0.0.1/32"),
    ],
)
def test_what_is_no_network_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as raised:
        parse_network(text)
    assert "\n" not in str(raised.value)


@given(st.text() | st.from_regex(r"[0-9a-f:.]{1,12}(/[0-9]{0,4})?", fullmatch=True))
def test_any_text_is_a_network_or_a_value_error(text: str) -> None:
    try:
        network = parse_network(text)
    except ValueError:
        return
    assert parse_network(str(network)) == network
