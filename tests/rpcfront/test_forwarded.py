"""Who the client is behind proxies: what each header says, who is believed, what is ignored."""

import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.listener.forwarded import MAX_HOPS, Client, TrustedProxies

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
PROXY = Client(ip_address("10.0.0.1"), 4711, "http")
STRANGER = Client(ip_address("203.0.113.9"), 4711, "http")
AS_CONNECTED = "ipv4:10.0.0.1:4711"


def seen(**headers: str | Sequence[str]) -> tuple[str, str]:
    """Return the peer and the scheme of a request from the proxy with these headers, `x_forwarded_for` and so on."""
    return seen_from(PROXY, headers)


def seen_from(connection: Client, headers: Mapping[str, str | Sequence[str]]) -> tuple[str, str]:
    named: Mapping[str, Sequence[str]] = {
        name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in headers.items()
    }
    client = PROXIES.client(connection, lambda name: named.get(name, ()))
    return client.peer, client.scheme


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("for=192.0.2.60", "ipv4:192.0.2.60"),
        ("For=192.0.2.60", "ipv4:192.0.2.60"),
        ('for="192.0.2.60"', "ipv4:192.0.2.60"),
        ('for="192.0.2.60:1234"', "ipv4:192.0.2.60:1234"),
        ('for="192.0.2.60:_hidden"', "ipv4:192.0.2.60"),
        ('for="[2001:db8:cafe::17]"', "ipv6:[2001:db8:cafe::17]"),
        ('for="[2001:DB8:cafe::17]:4711"', "ipv6:[2001:db8:cafe::17]:4711"),
        ('for="[::ffff:192.0.2.60]:1"', "ipv4:192.0.2.60:1"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "ipv4:192.0.2.60"),
        ("by=203.0.113.43 ; for=192.0.2.60;", "ipv4:192.0.2.60"),
        ('host="a, b; c=\\"d\\"";for=192.0.2.60', "ipv4:192.0.2.60"),
        ('for="19\\2.0.2.60"', "ipv4:192.0.2.60"),
        ("for=198.51.100.1, for=192.0.2.60", "ipv4:192.0.2.60"),
        ("for=198.51.100.1,for=192.0.2.60,for=10.9.9.9", "ipv4:192.0.2.60"),
        ('for=192.0.2.60, for="[fd00::1]:1", for=10.9.9.9', "ipv4:192.0.2.60"),
        ("for=10.1.1.1, for=10.2.2.2", "ipv4:10.1.1.1"),  # clients of one's own network
        (" , for=192.0.2.60 ,, ", "ipv4:192.0.2.60"),
        # What stands further left than the client was not written by a proxy.
        ("for=unknown, for=192.0.2.60", "ipv4:192.0.2.60"),
        ('for="open, for=192.0.2.60', "ipv4:192.0.2.60"),
        ('for="open, for="[2001:db8::1]:1"', "ipv6:[2001:db8::1]:1"),
        ('x"\\, for="192.0.2.60:5"', "ipv4:192.0.2.60:5"),
        ("\\, for=192.0.2.60", "ipv4:192.0.2.60"),
        # Read as far as it can be.
        ("for=unknown, for=10.2.2.2", "ipv4:10.2.2.2"),
        ('for="open, for=10.2.2.2', "ipv4:10.2.2.2"),
    ],
)
def test_forwarded_names_the_client(value: str, peer: str) -> None:
    assert seen(forwarded=value)[0] == peer


@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        "192.0.2.60",
        "for",
        "for=",
        "for=unknown",
        "for=_hidden",
        "for=example.com",
        "for=192.0.2.60:80",  # RFC 7239, section 4: a colon must be quoted
        "for=2001:db8::1",
        'for="2001:db8::1"',  # section 6: IPv6 is in brackets
        "for=[2001:db8::1]",
        'for="[192.0.2.60]"',
        'for="[fe80::1%eth0]"',
        'for="[2001:db8::1"',
        "for=192.0.2.060",
        "for=192.0.2.256",
        "for=192.0.2",
        "for=3221225985",
        'for="192.0.2.60:65536"',
        'for="192.0.2.60:"',
        'for="192.0.2.60',
        "for=192.0.2.60;for=192.0.2.61",
        "for = 192.0.2.60",
        "for=192.0.2.60 proto=https",
        "for=192.0.2.60;=",
        "proto=https",
        "for=192.0.2.60, for=unknown",
        "for=192.0.2.60;host=" + "a" * 512,
        "for=\u0661.0.2.60",
    ],
)
def test_a_malformed_value_of_forwarded_is_ignored(value: str) -> None:
    assert seen(forwarded=value) == (AS_CONNECTED, "http")


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("192.0.2.60", "ipv4:192.0.2.60"),
        (" 192.0.2.60\t", "ipv4:192.0.2.60"),
        ("192.0.2.60:1234", "ipv4:192.0.2.60:1234"),
        ("2001:db8::1", "ipv6:[2001:db8::1]"),
        ("[2001:db8::1]", "ipv6:[2001:db8::1]"),
        ("[2001:db8::1]:1234", "ipv6:[2001:db8::1]:1234"),
        ("::ffff:192.0.2.60", "ipv4:192.0.2.60"),
        ("198.51.100.1, 192.0.2.60", "ipv4:192.0.2.60"),
        ("198.51.100.1, 192.0.2.60, 10.1.1.1, fd00::1", "ipv4:192.0.2.60"),
        ("10.1.1.1, 10.2.2.2", "ipv4:10.1.1.1"),
        ("nonsense, 192.0.2.60", "ipv4:192.0.2.60"),
        ("nonsense, 10.2.2.2", "ipv4:10.2.2.2"),
        (",192.0.2.60", "ipv4:192.0.2.60"),
    ],
)
def test_x_forwarded_for_names_the_client(value: str, peer: str) -> None:
    assert seen(x_forwarded_for=value)[0] == peer


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", ",", "unknown", "example.com", "192.0.2.60, ", "192.0.2.256", "192.0.2.60:x", "192.0.2.60:65536"),
        *(
            "[192.0.2.60]",
            "1:2",
            "fe80::1%eth0",
            "2001:db8::g",
            "[2001:db8::1",
            ":::",
            '"192.0.2.60"',
            "for=192.0.2.60",
        ),
    ],
)
def test_a_malformed_value_of_x_forwarded_for_is_ignored(value: str) -> None:
    assert seen(x_forwarded_for=value) == (AS_CONNECTED, "http")


def test_headers_that_are_repeated_are_one_list() -> None:
    assert seen(forwarded=["for=198.51.100.1", "for=192.0.2.60, for=10.1.1.1"])[0] == "ipv4:192.0.2.60"
    assert seen(x_forwarded_for=["198.51.100.1", "192.0.2.60, 10.1.1.1"])[0] == "ipv4:192.0.2.60"


@pytest.mark.parametrize(
    "headers",
    [
        {"forwarded": "for=192.0.2.60;proto=https"},
        {"x_forwarded_for": "192.0.2.60", "x_forwarded_proto": "https"},
        {"x_forwarded_proto": "https"},
    ],
)
@pytest.mark.parametrize("connection", [STRANGER, Client(None, None, "http")])
def test_headers_of_those_who_are_not_trusted_count_for_nothing(connection: Client, headers: dict[str, str]) -> None:
    assert seen_from(connection, headers) == (connection.peer, "http")


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({"forwarded": "for=192.0.2.60;proto=https"}, "https"),
        ({"forwarded": "for=192.0.2.60;proto=HTTPS"}, "https"),
        ({"forwarded": 'for=192.0.2.60;proto="https"'}, "https"),
        ({"forwarded": "for=192.0.2.60;proto=https, for=10.1.1.1;proto=http"}, "https"),
        ({"forwarded": "for=192.0.2.60, for=10.1.1.1;proto=https"}, "http"),
        ({"forwarded": "for=192.0.2.60;proto=gopher"}, "http"),
        ({"forwarded": "for=192.0.2.60", "x_forwarded_proto": "https"}, "http"),
        ({"x_forwarded_for": "192.0.2.60", "x_forwarded_proto": "https"}, "https"),
        ({"x_forwarded_for": "192.0.2.60, 10.1.1.1", "x_forwarded_proto": "https"}, "https"),
        ({"x_forwarded_for": "192.0.2.60, 10.1.1.1", "x_forwarded_proto": "https, http"}, "https"),
        ({"x_forwarded_for": "192.0.2.60", "x_forwarded_proto": "https, http"}, "http"),
        ({"x_forwarded_for": "192.0.2.60", "x_forwarded_proto": "wss"}, "http"),
        ({"x_forwarded_for": "192.0.2.60"}, "http"),
        ({"x_forwarded_proto": "https"}, "https"),
        ({"x_forwarded_proto": ["http", "HTTPS"]}, "https"),
        ({"x_forwarded_proto": ""}, "http"),
    ],
)
def test_the_scheme_is_the_one_that_the_client_used(headers: dict[str, str], scheme: str) -> None:
    assert seen(**headers)[1] == scheme


@pytest.mark.parametrize("forwarded", ["for=198.51.100.1;proto=https", "nonsense", ""])
def test_headers_that_disagree_are_ignored(forwarded: str) -> None:
    """A client can write the header that its proxy passes on."""
    headers = {"forwarded": forwarded, "x_forwarded_for": "192.0.2.60", "x_forwarded_proto": "https"}
    assert seen(**headers) == (AS_CONNECTED, "http")


def test_headers_that_agree_add_up() -> None:
    assert seen(forwarded="for=192.0.2.60;proto=https", x_forwarded_for="192.0.2.60:99") == (
        "ipv4:192.0.2.60:99",
        "https",
    )


@pytest.mark.parametrize(
    ("peername", "peer"),
    [
        (("192.0.2.1", 80), "ipv4:192.0.2.1:80"),
        (("2001:db8::1", 80, 0, 0), "ipv6:[2001:db8::1]:80"),
        (("fe80::1%eth0", 80, 0, 2), "ipv6:[fe80::1]:80"),
        (("::ffff:192.0.2.1", 80, 0, 0), "ipv4:192.0.2.1:80"),
        ("", "unix:"),
        (None, ""),
    ],
)
def test_a_connection_is_known_by_what_its_transport_says(peername: object, peer: str) -> None:
    assert Client.of_connection(peername, is_secure=False).peer == peer
    assert Client.of_connection(peername, is_secure=True).scheme == "https"


def test_a_chain_is_read_no_further_than_its_limit() -> None:
    chain = ["192.0.2.60", *["10.1.1.1"] * MAX_HOPS]
    assert seen(x_forwarded_for=", ".join(chain))[0] == "ipv4:10.1.1.1"
    assert seen(forwarded=", ".join(f"for={hop}" for hop in chain))[0] == "ipv4:10.1.1.1"
    assert seen(x_forwarded_for=", ".join(chain[:-1]))[0] == "ipv4:192.0.2.60"
    assert seen(forwarded=", ".join(f"for={hop}" for hop in chain[:-1]))[0] == "ipv4:192.0.2.60"


@pytest.mark.parametrize("part", ['"', "\\", ",", ";", "for=10.1.1.1,", '"\\",', "a=b;", ":", "["])
def test_no_header_takes_long_to_read(part: str) -> None:
    value = part * (65_536 // len(part))
    begun = time.process_time()
    for _ in range(10):
        seen(forwarded=value)
        seen(x_forwarded_for=value, x_forwarded_proto=value)
    assert time.process_time() - begun < 1


trusted = st.sampled_from(["10.0.0.7", "10.255.0.1", "fd00::7"]).map(ip_address)
anybody = st.ip_addresses().filter(lambda address: getattr(address, "ipv4_mapped", None) is None)
garbage = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)


@given(
    written=garbage,
    client=anybody,
    proxies=st.lists(trusted, max_size=MAX_HOPS - 1),
    port=st.none() | st.integers(0, 65535),
    is_own_line=st.booleans(),
)
def test_whatever_a_client_writes_it_is_the_one_that_the_first_proxy_saw(
    written: str, client: object, proxies: Sequence[object], port: int | None, is_own_line: bool
) -> None:
    """Each proxy appends the address that called it: the first one the client's, each other that of the one before."""
    if PROXIES.trust(client):  # type: ignore[arg-type]  # it is an IP address
        return
    suffix = "" if port is None else f":{port}"
    texts = [f"[{hop}]{suffix}" if ":" in str(hop) else f"{hop}{suffix}" for hop in (client, *proxies)]
    expected = Client(client, port, "http").peer  # type: ignore[arg-type]  # it is an IP address
    for name, added in (("forwarded", [f'for="{text}"' for text in texts]), ("x_forwarded_for", texts)):
        lines = [written, ", ".join(added)] if is_own_line else [", ".join((written, *added))]
        assert seen(**{name: lines})[0] == expected


@given(forwarded=st.lists(garbage), addresses=st.lists(garbage), schemes=st.lists(garbage))
def test_no_header_makes_it_fail(forwarded: list[str], addresses: list[str], schemes: list[str]) -> None:
    peer, scheme = seen(forwarded=forwarded, x_forwarded_for=addresses, x_forwarded_proto=schemes)
    assert peer
    assert scheme in {"http", "https"}
