"""Reads the URL of an endpoint. Neither resolves names nor decides what to allow.

The check at CreateTarget and the client read URLs here, so both see the same host, and what the client cannot call is
refused when it is given.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote_to_bytes

from yarl import URL

from actiond.delivery.egress.networks import Address

MAX_NAME_LENGTH = 253
"""Limit on a name in the DNS (RFC 1035, 2.3.4, less the octets that frame its labels), without the dot at its end."""

_LABEL = r"[a-z0-9_-]{1,63}"
_NAME = re.compile(rf"(?!-){_LABEL}(\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE_ASCII = re.compile(r"[!-~]+")
_LOOPBACK: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_NOT_A_URL = "the endpoint is not a URL"
_NO_HOST = "the endpoint's host is neither a name nor an address"


class EndpointError(ValueError):
    """The endpoint cannot be called. The text repeats nothing of it but a denied or misspelled address."""


@dataclass(frozen=True, slots=True)
class Host:
    """The host of a URL, as far as the URL itself determines it."""

    addresses: tuple[Address, ...]
    """The addresses that it always means, whatever a resolver returns; empty for a name."""
    error: str | None = None
    """Why the host is invalid, even if its addresses may be called."""


@dataclass(frozen=True, slots=True)
class HostAddress:
    """What to dial."""

    host: str
    """A name, in ASCII and lower case, with the dot at its end if it was written with one; or a numeric address."""
    port: int
    addresses: tuple[Address, ...]
    """The addresses that the host always means; empty for a name, which has to be resolved."""

    @property
    def server_name(self) -> str:
        """The host as certificates name it: they know no dot at the end (RFC 6066, 3)."""
        return self.host.removesuffix(".")


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """The parts of an endpoint's URL."""

    scheme: str
    """`http` or `https`."""
    address: HostAddress
    target: str
    """Path and query as they were written, for the request line: a query may be signed."""
    credentials: bytes | None
    """User and password, with a colon between them, as Basic authentication sends them."""


def read_host(url: str) -> Host:
    """Read the host of an http or https URL."""
    try:
        return _read_host(_parse(url).raw_host or "")
    except EndpointError as error:
        return Host((), str(error))


def read_url(text: str) -> EndpointUrl:
    """Read the URL of an endpoint. Raise EndpointError."""
    url = _parse(text)
    name = url.raw_host or ""
    host = _read_host(name)
    if host.error is not None:
        raise EndpointError(host.error)
    try:
        port = url.port
    except ValueError:
        port = None
    if url.scheme not in {"http", "https"} or not port:
        raise EndpointError("the endpoint is not an http or https URL with a valid port")
    # What is not printable ASCII has to be percent-encoded. Everything else is left as it is.
    written = URL(text, encoded=True) if _PRINTABLE_ASCII.fullmatch(text) else url
    target = written.raw_path_qs or "/"
    return EndpointUrl(url.scheme, HostAddress(name, port, host.addresses), target, _credentials(url))


def _parse(text: str) -> URL:
    try:
        url = URL(text)
        # In ASCII and lower case: IDNA has replaced all look-alikes of digits and dots by the plain characters.
        _ = url.raw_host
    except (ValueError, IndexError):  # IndexError: brackets in the user info alone
        raise EndpointError(_NOT_A_URL) from None
    return url


def _read_host(host: str) -> Host:
    name = host.rstrip(".")
    is_name = len(host) - len(name) <= 1 and len(name) <= MAX_NAME_LENGTH and _NAME.fullmatch(name) is not None
    if name == "localhost" or name.endswith(".localhost"):
        # Always loopback (RFC 6761, section 6.3), whether or not the system's resolver knows.
        return Host(_LOOPBACK, None if is_name else _NO_HOST)
    # Checked first, as most hosts are names: in every spelling of an address, the last label is a number.
    if is_name and not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return Host(())
    address = _literal(name)
    if address is not None:
        return Host((address,), None if host == str(address) else f"the address must be written as {address}")
    return Host((), _NO_HOST)


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


def _credentials(url: URL) -> bytes | None:
    """Return the octets of user and password (RFC 3986, 3.2.1), which are UTF-8 if whoever wrote the URL used that.

    A browser, curl and Go send the same.
    """
    if not url.raw_user and not url.raw_password:
        return None
    user = unquote_to_bytes(url.raw_user or "")
    if b":" in user:
        raise EndpointError("the endpoint's user name contains a colon, which Basic authentication cannot send")
    return user + b":" + unquote_to_bytes(url.raw_password or "")
