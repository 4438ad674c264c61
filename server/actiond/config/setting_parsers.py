"""Parsers of one setting's text. Each returns a value or raises ValueError with a reason that fits on a line.

They know nothing of flags, variables or files: `setting.py` says whose text it was.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actiond.actions.events import OWN_AGGREGATES
from actiond.actions.instance_keys import KeyAlgorithm
from actiond.delivery.egress.networks import Network, parse_network

_BRACKETED = re.compile(r"\[(?P<host>[0-9A-Fa-f:.]+)\]:(?P<port>[0-9]{1,5})")
_PLAIN = re.compile(r"(?P<host>[^\s:\[\]/@]+):(?P<port>[0-9]{1,5})", re.ASCII)
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_EXTERNAL_URL = re.compile(
    r"https://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/.*)?", re.ASCII
)
_HEADER = re.compile(r"[a-z0-9_-]+")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)*")
_SEPARATORS = re.compile(r"[,\s]+")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

_EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")
_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}

MAX_FUNCTION_NAME = 1000
"""Characters in the name of a function, and in a type of events."""
MAX_SPANS = 100
MAX_SPAN_MS = 366 * 86_400_000
RESERVED_EVENT_TYPES = OWN_AGGREGATES
"""First words of the types of actiond's own events."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. The host is a name or an IP address, IPv6 without brackets; port 0 means any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where another gRPC server listens, and whether with TLS."""

    address: Address
    is_tls: bool


def optional_address(text: str) -> Address | None:
    """Parse HOST:PORT, or `none`."""
    try:
        return None if text == "none" else address(text)
    except ValueError as error:
        raise ValueError(f"{error}; or none") from error


def address(text: str) -> Address:
    """Parse HOST:PORT, with brackets around an IPv6 address."""
    match = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not HOST:PORT (with brackets around an IPv6 address: [::1]:8080)")
    port = int(match["port"])
    if port > 65535:
        raise ValueError(f"{text!r}: a port is at most 65535")
    return Address(match["host"], port)


def server_addresses(text: str) -> tuple[ServerAddress, ...]:
    """Parse a list of HOST:PORT, or https://HOST:PORT for TLS."""
    return tuple(map(_server_address, _parts(text)))


def _server_address(text: str) -> ServerAddress:
    plain = text.removeprefix("https://")
    found = address(plain)
    if not found.port:
        raise ValueError(f"{text!r}: a port is at least 1")
    return ServerAddress(found, is_tls=plain != text)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`, plain digits only."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """Parse a number of seconds above 0 and up to an hour, fractions allowed."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not 0 < float(text) <= 3600:
        raise ValueError(f"{text!r} is not a number of seconds above 0 and up to 3600")
    return float(text)


def span(least_ms: int, most_ms: int) -> Callable[[str], int]:
    """Return a parser of spans of time, as 500ms, 30s, 5m, 2h, 7d, in milliseconds, between two bounds."""

    def parse(text: str) -> int:
        value = _span_ms(text)
        if not least_ms <= value <= most_ms:
            raise ValueError(f"{text!r} is not a span from {_span_text(least_ms)} to {_span_text(most_ms)}")
        return value

    return parse


def spans(text: str) -> tuple[int, ...]:
    """Parse a list of spans of time, in milliseconds."""
    values = tuple(_span_ms(part) for part in _parts(text))
    if not 1 <= len(values) <= MAX_SPANS or not all(1 <= value <= MAX_SPAN_MS for value in values):
        raise ValueError(f"{text!r} is not a list of 1 to {MAX_SPANS} spans from 1ms to {_span_text(MAX_SPAN_MS)}")
    return values


@dataclass(frozen=True, slots=True)
class FailuresWithin:
    """So many failures in a row, which take so long."""

    failures: int
    span_ms: int


def failures_within(text: str) -> FailuresWithin:
    """Parse a number of failures and a span, as 8,30s."""
    match = re.fullmatch(r"([0-9]{1,6}),(.+)", text)
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is not a number of failures and the span that they take at least, as 8,30s")
    return FailuresWithin(int(match[1]), _span_ms(match[2]))


def _span_ms(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a span of time like 500ms, 30s, 5m, 2h or 7d")
    return int(match[1]) * _UNITS_MS[match[2]]


def _span_text(ms: int) -> str:
    """Return a span in the largest unit in which it is a whole number."""
    return next(f"{ms // size}{unit}" for unit, size in _UNITS_MS.items() if ms % size == 0)


def event_types(text: str) -> tuple[str, ...]:
    """Parse a list of types of other services' events, as order.placed."""
    names = tuple(_parts(text))
    for name in names:
        if len(name) > MAX_FUNCTION_NAME or not _EVENT_TYPE.fullmatch(name):
            raise ValueError(
                f"{name[:MAX_FUNCTION_NAME]!r} is not a type of events: words of a-z, 0-9 and _, separated by dots,"
                f" such as order.placed, up to {MAX_FUNCTION_NAME} characters"
            )
        if name.partition(".")[0] in RESERVED_EVENT_TYPES:
            raise ValueError(f"{name!r} begins like an event of actiond itself")
    return names


def boolean(text: str) -> bool:
    """Parse true or false, and the usual synonyms."""
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError(f"{text!r} is neither true nor false")
    return value


def one_of(*names: str) -> Callable[[str], str]:
    """Return a parser of one of these names, in any letter case."""

    def parse(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(f"{text!r} is none of {', '.join(names)}")
        return text.lower()

    return parse


def key_algorithm(text: str) -> KeyAlgorithm:
    """Parse the name of an algorithm that instance keys may have, in any letter case."""
    found = {algorithm.value.lower(): algorithm for algorithm in KeyAlgorithm}.get(text.lower())
    if found is None:
        raise ValueError(f"{text!r} is none of {', '.join(algorithm.value for algorithm in KeyAlgorithm)}")
    return found


def external_url(text: str) -> str:
    """Return the URL at which clients find the server, without a slash at its end; empty for none."""
    if not text:
        return ""
    match = _EXTERNAL_URL.fullmatch(text)
    if match is None or int(match["port"] or 0) > 65535 or not _PATH.fullmatch(match["path"] or ""):
        raise ValueError(f"{text!r} must be https://HOST[:PORT][/PATH], without a slash at its end")
    return text


def origins(text: str) -> tuple[str, ...]:
    """Return origins as browsers write them (RFC 6454, section 6.2): lower case, without the scheme's default port."""
    return tuple(_origin(part.lower()) for part in _parts(text))


def _origin(text: str) -> str:
    if text == "*":
        return text
    match = _ORIGIN.fullmatch(text)
    if match is None or int(match["port"] or 0) > 65535:
        raise ValueError(f"{text!r} is not an origin (scheme://host[:port], without a path) or *")
    if match["port"] is not None and match["port"] == _DEFAULT_PORTS.get(match["scheme"]):
        return text[: match.start("port") - 1]
    return text


def path_prefix(text: str) -> str:
    """Return a path below which everything is served, or nothing, as `rpcfront.Info` takes it.

    Checked here too, because those who read settings do not load rpcfront: the supervisor, and most commands.
    """
    if not _PATH.fullmatch(text):
        raise ValueError(f"{text!r} is not like /path or /path/path, percent-encoded")
    return text


def header_names(text: str) -> tuple[str, ...]:
    """Return names of header fields, lower case. Refuse `*`: browsers take it literally when credentials are sent."""
    names = tuple(part.lower() for part in _parts(text))
    for name in names:
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a header")
    return names


def optional_header_name(text: str) -> str:
    """Return the name of a header field, lower case; empty for none."""
    if text and not _HEADER.fullmatch(text.lower()):
        raise ValueError(f"{text!r} is not the name of a header")
    return text.lower()


def claim_path(text: str) -> str:
    """Return the path of a claim, keys separated by `/`; empty for none."""
    if not text.isprintable():
        raise ValueError(f"{text!r} is not the path of a claim")
    return text


def paths(text: str) -> tuple[Path, ...]:
    """Parse a list of files, separated by line breaks or, as in PATH, by colons."""
    return tuple(Path(part) for part in re.split(r"[\n:]", text) if part)


def file(text: str) -> Path:
    """Parse the path of a file, which need not exist."""
    if not text or not text.isprintable():
        raise ValueError(f"{text!r} is not the path of a file")
    return Path(text)


def directory(text: str) -> Path:
    """Parse the path of a directory, which need not exist."""
    if not text or not text.isprintable():
        raise ValueError(f"{text!r} is not the path of a directory")
    return Path(text)


def function_names(text: str) -> tuple[str, ...]:
    """Parse a list of names that a condition may contain."""
    names = tuple(_parts(text))
    for name in names:
        if len(name) > MAX_FUNCTION_NAME or not name.isprintable():
            raise ValueError(
                f"{name[:MAX_FUNCTION_NAME]!r} is not a name of up to {MAX_FUNCTION_NAME} printable characters"
            )
    return names


def networks(text: str) -> tuple[Network, ...]:
    """Parse a list of networks, as 10.1.0.0/16; an address alone is a network of one."""
    return tuple(map(parse_network, _parts(text)))


def _parts(text: str) -> list[str]:
    return [part for part in _SEPARATORS.split(text) if part]


def secret(text: str) -> str:
    """Check that a token can be sent in an Authorization header. Never repeat it in an error."""
    if not text:
        raise ValueError("is empty")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("holds a space, a control character or one that is not ASCII")
    return text
