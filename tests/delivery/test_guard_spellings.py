"""However an address is spelled, a target cannot be made of it and a call does not reach it."""

# ruff: noqa: RUF001, characters that look like others are what is tested

from ipaddress import ip_network

import pytest

from actiond.actions.ports import EndpointProblem
from actiond.delivery.egress.policy import AddressGuard
from tests.delivery.calls import outcome
from tests.delivery.conftest import Listener

GUARD = AddressGuard()
LOOPBACK = AddressGuard(allow=(ip_network("127.0.0.0/8"),))

# The host, and what the reason says of it. The names among them are known without asking anyone.
SPELLINGS = (
    # As it is.
    ("127.0.0.1", "127.0.0.1 is loopback"),
    ("127.0.0.2", "127.0.0.2 is loopback"),
    ("127.255.255.254", "127.255.255.254 is loopback"),
    # With the root's dot.
    ("127.0.0.1.", "127.0.0.1 is loopback"),
    ("127.0.0.1..", "127.0.0.1 is loopback"),
    # Fewer parts.
    ("127.1", "127.0.0.1 is loopback"),
    ("127.0.1", "127.0.0.1 is loopback"),
    ("2130706433", "127.0.0.1 is loopback"),
    ("127.65535", "127.0.255.255 is loopback"),
    # Hexadecimal.
    ("0x7f000001", "127.0.0.1 is loopback"),
    ("0X7F000001", "127.0.0.1 is loopback"),
    ("0x7f.1", "127.0.0.1 is loopback"),
    ("0x7f.0.0.1", "127.0.0.1 is loopback"),
    ("0x7f.0x0.0x0.0x1", "127.0.0.1 is loopback"),
    ("0x0000007f.0.1", "127.0.0.1 is loopback"),
    ("127.0.0x1", "127.0.0.1 is loopback"),
    # Octal.
    ("0177.0.0.1", "127.0.0.1 is loopback"),
    ("0177.1", "127.0.0.1 is loopback"),
    ("017700000001", "127.0.0.1 is loopback"),
    ("00000000177.0.0.1", "127.0.0.1 is loopback"),
    ("127.000.000.001", "127.0.0.1 is loopback"),
    ("0177.0x0.0.01", "127.0.0.1 is loopback"),
    # What IDNA takes for digits, letters and dots.
    ("１２７.0.0.1", "127.0.0.1 is loopback"),
    ("１２７．０．０．１", "127.0.0.1 is loopback"),
    ("①②⑦.⓪.⓪.①", "127.0.0.1 is loopback"),
    ("127。0。0。1", "127.0.0.1 is loopback"),
    ("127｡0｡0｡1", "127.0.0.1 is loopback"),
    ("１２７。１", "127.0.0.1 is loopback"),
    ("0ｘ7ｆ.1", "127.0.0.1 is loopback"),
    # Behind a user's name.
    ("user:secret@127.0.0.1", "127.0.0.1 is loopback"),
    ("example.com@127.1", "127.0.0.1 is loopback"),
    ("example.com%2f@127.0.0.1", "127.0.0.1 is loopback"),
    ("user@[::1]", "::1 is loopback"),
    # Names that are addresses.
    ("localhost", "127.0.0.1 is loopback"),
    ("LocalHost", "127.0.0.1 is loopback"),
    ("ⓛocalhost", "127.0.0.1 is loopback"),
    # IPv6.
    ("[::1]", "::1 is loopback"),
    ("[0:0:0:0:0:0:0:1]", "::1 is loopback"),
    ("[0000::0001]", "::1 is loopback"),
    ("[::0.0.0.1]", "::1 is loopback"),
    ("[::]", ":: is unspecified"),
    ("[fe80::1]", "fe80::1 is link-local"),
    ("[fc00::1]", "fc00::1 is unique local"),
    ("[fd12:3456::1]", "fd12:3456::1 is unique local"),
    ("[fec0::1]", "fec0::1 is site-local"),
    ("[ff02::1]", "ff02::1 is multicast"),
    ("[100::1]", "100::1 is discard-only"),
    ("[2001:db8::1]", "2001:db8::1 is reserved for documentation"),
    ("[3fff::1]", "3fff::1 is reserved for documentation"),
    ("[2001:2::1]", "2001:2::1 is reserved for protocol assignments"),
    ("[5f00::1]", "5f00::1 is a segment routing identifier"),
    ("[4000::1]", "4000::1 is not global unicast"),
    # IPv6 that carries IPv4.
    ("[::ffff:127.0.0.1]", "embeds 127.0.0.1, which is loopback"),
    ("[::FFFF:7F00:1]", "embeds 127.0.0.1, which is loopback"),
    ("[0:0:0:0:0:ffff:7f00:0001]", "embeds 127.0.0.1, which is loopback"),
    ("[::ffff:10.0.0.1]", "embeds 10.0.0.1, which is private"),
    ("[::ffff:169.254.169.254]", "embeds 169.254.169.254, which is a cloud's metadata service"),
    ("[::ffff:0:127.0.0.1]", "not global unicast"),
    ("[::127.0.0.1]", "not global unicast"),
    ("[64:ff9b::127.0.0.1]", "embeds 127.0.0.1, which is loopback"),
    ("[64:ff9b::a9fe:a9fe]", "embeds 169.254.169.254, which is a cloud's metadata service"),
    ("[64:ff9b:1::7f00:1]", "reserved for local NAT64"),
    ("[2002:7f00:1::]", "embeds 127.0.0.1, which is loopback"),
    ("[2002:a00:1::1]", "embeds 10.0.0.1, which is private"),
    ("[2001:0:7f00:1::]", "embeds 127.0.0.1, which is loopback"),
    ("[2001:0:808:808:0:0:80ff:fffe]", "embeds 127.0.0.1, which is loopback"),
    ("[2600::5efe:127.0.0.1]", "embeds 127.0.0.1, which is loopback"),
    ("[2600::200:5efe:c0a8:101]", "embeds 192.168.1.1, which is private"),
    # The rest of IPv4.
    ("0.0.0.0", "0.0.0.0 is unspecified"),  # noqa: S104  nothing is bound
    ("0", "0.0.0.0 is unspecified"),
    ("10.0.0.1", "10.0.0.1 is private"),
    ("012.0.0.1", "10.0.0.1 is private"),
    ("172.16.0.1", "172.16.0.1 is private"),
    ("172.31.255.255", "172.31.255.255 is private"),
    ("192.168.1.1", "192.168.1.1 is private"),
    ("0xc0a80101", "192.168.1.1 is private"),
    ("100.64.0.1", "100.64.0.1 is shared"),
    ("169.254.1.1", "169.254.1.1 is link-local"),
    ("192.0.0.8", "192.0.0.8 is reserved for protocol assignments"),
    ("192.0.2.1", "192.0.2.1 is reserved for documentation"),
    ("198.18.0.1", "198.18.0.1 is reserved for benchmarking"),
    ("224.0.0.1", "224.0.0.1 is multicast"),
    ("240.0.0.1", "240.0.0.1 is reserved"),
    ("255.255.255.255", "255.255.255.255 is broadcast"),
    ("4294967295", "255.255.255.255 is broadcast"),
    # Clouds.
    ("169.254.169.254", "169.254.169.254 is a cloud's metadata service"),
    ("2852039166", "169.254.169.254 is a cloud's metadata service"),
    ("0xa9fea9fe", "169.254.169.254 is a cloud's metadata service"),
    ("100.100.100.200", "100.100.100.200 is a cloud's metadata service"),
    ("168.63.129.16", "168.63.129.16 is a cloud's metadata service"),
    ("192.0.0.192", "192.0.0.192 is a cloud's metadata service"),
    ("169.254.170.2", "169.254.170.2 is a cloud's metadata service"),
    ("[fd00:ec2::254]", "fd00:ec2::254 is a cloud's metadata service"),
    ("[fd20:ce::254]", "fd20:ce::254 is a cloud's metadata service"),
)
# What a system may ask its name server about, or what is no host.
NOT_DIALLED = (
    ("localhost.", "127.0.0.1 is loopback"),
    ("api.localhost", "127.0.0.1 is loopback"),
    ("[::1%25lo]", "::1 is loopback"),
    ("[fe80::1%25eth0]", "fe80::1 is link-local"),
    ("127.0.0.1%25lo", "127.0.0.1 is loopback"),
    ("%31%32%37.0.0.1", "neither a name nor an address"),
    ("127.0.0.1%00.example", "127.0.0.1 is loopback"),
    ("localhost%00", "neither a name nor an address"),
    ("1.2.3.4.5", "neither a name nor an address"),
    ("256.1.1.1", "neither a name nor an address"),
    ("4294967296", "neither a name nor an address"),
    ("089.0.0.1", "neither a name nor an address"),
    ("example.0x7f", "neither a name nor an address"),
    (".127.1", "neither a name nor an address"),
    ("a..b", "neither a name nor an address"),
    ("[::ffff:7f.1]", "neither a name nor an address"),
    ("[::1]x", "not a URL"),
    ("[::1", "not a URL"),
    ("example.com\\@127.0.0.1", "not a URL"),
    ("local\u00adhost", "not a URL"),
    ("[]@", "not a URL"),
    ("", "neither a name nor an address"),
)
# Spellings of 127.0.0.1 that are called where it is allowed: they become its plain form, or mean it by definition.
FOLLOWED = (
    "127.0.0.1",
    "127。0。0。1",
    "１２７.0.0.1",
    "user@127.0.0.1",
    "localhost",
    "localhost.",
    "api.localhost",
    "[::ffff:7f00:1]",
)
# Names that no resolver finds, whatever the DNS holds.
NO_NAMES = ("example.com..", "..", "a..b", "-a.example", f"{'a' * 64}.example", ".".join(["a" * 63] * 4))
# Other reasons for which the client cannot call a URL.
NOT_CALLED = {
    "us%3Aer:pw@example.com": "contains a colon",
    "%3a@example.com": "contains a colon",
    "example.com:0": "valid port",
    "example.com:65536": "not a URL",
}


@pytest.mark.parametrize(("host", "reason"), SPELLINGS + NOT_DIALLED)
def test_no_target_is_made_of_it(host: str, reason: str) -> None:
    said = GUARD.endpoint_problem(f"http://{host}/hook")
    assert said is not None
    assert reason in said.reason


def test_a_port_and_a_path_change_nothing() -> None:
    assert GUARD.endpoint_problem("https://127.0.0.1:8443/a?b=c#d") == EndpointProblem(
        "127.0.0.1 is loopback (127.0.0.0/8)", is_denied=True
    )


@pytest.mark.parametrize(("host", "reason"), SPELLINGS)
async def test_no_call_reaches_it(listener: Listener, host: str, reason: str) -> None:
    assert await outcome(GUARD, f"http://{host}:{listener.port}/") in {"denied", "not a URL"}
    assert listener.connections == 0


@pytest.mark.parametrize("host", NO_NAMES)
def test_no_target_is_made_of_what_no_resolver_finds(host: str) -> None:
    assert GUARD.endpoint_problem(f"http://{host}/hook") == EndpointProblem(
        "the endpoint's host is neither a name nor an address", is_denied=False
    )


@pytest.mark.parametrize(("authority", "reason"), NOT_CALLED.items())
async def test_no_target_is_made_of_what_the_client_cannot_call(authority: str, reason: str) -> None:
    said = GUARD.endpoint_problem(f"http://{authority}/hook")
    assert said is not None
    assert reason in said.reason
    assert await outcome(GUARD, f"http://{authority}/hook") == "not a URL"


@pytest.mark.parametrize("host", FOLLOWED)
async def test_a_call_arrives_where_it_is_allowed(listener: Listener, host: str) -> None:
    assert await outcome(LOOPBACK, f"http://{host}:{listener.port}/") == "204"
    assert listener.connections == 1


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "EXAMPLE.com.",
        "bücher.example",
        "my_service",
        "metadata.google.internal",
        "127.0.0.1.nip.example",
        "localhost.example",
        "notlocalhost",
        "does-not-resolve-yet.invalid",
        "127.0.0.1@example.com",
        "8.8.8.8",
        "[2606:4700::1111]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::8.8.8.8]",
        "[2002:808:808::1]",
    ],
)
def test_a_target_is_made_of_a_name_or_a_global_address(host: str) -> None:
    assert GUARD.endpoint_problem(f"https://{host}/hook") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "api.localhost", "[::ffff:127.0.0.1]"])
def test_a_target_is_made_of_what_is_allowed(host: str) -> None:
    assert LOOPBACK.endpoint_problem(f"http://{host}/hook") is None


@pytest.mark.parametrize(
    ("host", "plain"), [("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1")]
)
def test_an_allowed_address_in_an_old_spelling_is_told_how_to_be_written(host: str, plain: str) -> None:
    assert LOOPBACK.endpoint_problem(f"http://{host}/") == EndpointProblem(
        f"the address must be written as {plain}", is_denied=False
    )


def test_localhost_is_denied_only_where_all_of_loopback_is() -> None:
    assert AddressGuard(allow=(ip_network("::1/128"),)).endpoint_problem("http://localhost/") is None


def test_a_reason_repeats_nothing_of_the_user_and_the_path() -> None:
    said = GUARD.endpoint_problem("http://user:secret@127.0.0.1/token?key=secret")
    assert said == EndpointProblem("127.0.0.1 is loopback (127.0.0.0/8)", is_denied=True)
