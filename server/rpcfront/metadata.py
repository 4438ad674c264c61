"""Metadata, and what is sent like metadata: timeouts, status messages, binary values.

The grammar is that of gRPC over HTTP/2 (PROTOCOL-HTTP2.md, "Requests" and "Responses").
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from google.rpc import code_pb2

from rpcfront.status import status_error


class Metadatum(NamedTuple):
    """A pair, as grpcio has it. The value is bytes if the key ends in `-bin`, else a str."""

    key: str
    value: str | bytes


Metadata = tuple[Metadatum, ...]

DETAILS_KEY = "grpc-status-details-bin"

REST_TRAILER_PREFIX = "grpc-trailer-"
CONNECT_TRAILER_PREFIX = "trailer-"
TRAILER_PREFIXES = (REST_TRAILER_PREFIX, CONNECT_TRAILER_PREFIX)
"""What precedes the names of trailing metadata that travels as headers: in JSON over HTTP and in Connect."""

_TIMEOUT = re.compile(r"([0-9]+(?:\.[0-9]+)?)([HMSmun])", re.ASCII)
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# The grammar allows eight digits of hours. Anything longer means "no real deadline".
_MAX_TIMEOUT = 99_999_999 * 3600.0
_MAX_TIMEOUT_LENGTH = 64
_MILLISECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)

_KEY = re.compile(r"[0-9a-z_.-]+", re.ASCII)
_VALUE = re.compile(r"[\x20-\x7e]*", re.ASCII)

# Headers of HTTP or of a protocol's framing, which servicers do not see.
_NOT_METADATA = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "connect-accept-encoding",
        "connect-content-encoding",
        "connect-protocol-version",
        "connect-timeout-ms",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "grpc-accept-encoding",
        "grpc-encoding",
        "grpc-timeout",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Headers that a servicer may not set: they would break the response that carries them.
_RESERVED = _NOT_METADATA | {"grpc-status", "grpc-message", "date", "server", "vary", "www-authenticate"}


def parse_timeout(text: str) -> float:
    """Return the seconds of a `grpc-timeout`. Raises StatusError (INVALID_ARGUMENT) for a malformed one.

    Some JavaScript clients send a fraction or more than eight digits, which is accepted and clamped.
    """
    match = _TIMEOUT.fullmatch(text) if len(text) <= _MAX_TIMEOUT_LENGTH else None
    if match is None:
        raise status_error(code_pb2.INVALID_ARGUMENT, "grpc-timeout must be digits and one of H, M, S, m, u, n")
    return min(float(match[1]) * _UNITS[match[2]], _MAX_TIMEOUT)


def parse_connect_timeout(text: str) -> float:
    """Return the seconds of a `connect-timeout-ms`. Raises StatusError (INVALID_ARGUMENT) for a malformed one.

    The specification allows ten digits; connect-web sends what its page has computed, fractions included.
    """
    if len(text) > _MAX_TIMEOUT_LENGTH or not _MILLISECONDS.fullmatch(text):
        raise status_error(code_pb2.INVALID_ARGUMENT, "connect-timeout-ms must be digits")
    return min(float(text) / 1000, _MAX_TIMEOUT)


def from_headers(headers: Iterable[tuple[str, str]]) -> Metadata:
    """Return the metadata in HTTP headers, whose names are in lower case. Repeats are kept, in order.

    Raises StatusError (INVALID_ARGUMENT) for a `-bin` value that is not base64.
    """
    metadata: list[Metadatum] = []
    for key, value in headers:
        if key in _NOT_METADATA or key[0] == ":":
            continue
        if key.endswith("-bin"):
            metadata.extend(Metadatum(key, _from_base64(key, part)) for part in value.split(","))
        else:
            metadata.append(Metadatum(key, value))
    return tuple(metadata)


def _from_base64(key: str, text: str) -> bytes:
    text = text.strip(" \t")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise status_error(code_pb2.INVALID_ARGUMENT, f"{key}: not base64") from None


def checked(metadata: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    """Return what a servicer set, checked, so that no CR, LF or non-ASCII text gets into a header or trailer.

    Raises ValueError, as grpcio does, for what no protocol can carry.
    """
    result: list[Metadatum] = []
    for key, value in metadata or ():
        name = key.lower()
        if not _KEY.fullmatch(name) or name in _RESERVED:
            raise ValueError(f"metadata key {key!r} cannot be sent")
        if name.endswith("-bin"):
            if not isinstance(value, bytes):
                raise ValueError(f"metadata {key}: a -bin value must be bytes")
        elif isinstance(value, bytes):
            value = value.decode("ascii")
        elif not isinstance(value, str):
            raise ValueError(f"metadata {key}: neither str nor bytes")
        if isinstance(value, str):
            if not _VALUE.fullmatch(value):
                raise ValueError(f"metadata {key}: not printable ASCII")
            # Spaces around a value are not part of it (PROTOCOL-HTTP2, "ASCII-Value"), and some servers refuse them.
            value = value.strip(" ")
        result.append(Metadatum(name, value))
    return tuple(result)


def to_headers(metadata: Metadata, prefix: str = "") -> list[tuple[str, str]]:
    """Return metadata as headers or trailers, binary values in unpadded base64."""
    return [(prefix + key, to_base64(value) if isinstance(value, bytes) else value) for key, value in metadata]


def to_base64(value: bytes) -> str:
    """Return unpadded base64, which gRPC recommends for senders."""
    return base64.b64encode(value).rstrip(b"=").decode("ascii")


# quote() keeps letters, digits and "_.-~"; everything else in 0x20..0x7E except "%" must be kept, too.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def percent_encode(message: str) -> str:
    """Return a `grpc-message`: UTF-8, percent-encoded only outside 0x20..0x7E and for `%`."""
    return quote(message, safe=_PLAIN, errors="replace")
