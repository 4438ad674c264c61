"""Calls and their results in one form for every protocol, and metadata as HTTP carries it."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import status_pb2

from tests.support.clients.http import Reply
from tests.support.wire.grpc_web import to_base64

Pairs = list[tuple[str, str | bytes]]

# Headers of HTTP and of the protocols: the other headers of a response are its initial metadata.
_NOT_METADATA = {
    "accept-encoding",
    "connect-accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "date",
    "grpc-accept-encoding",
    "server",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-request-id",
}


@dataclass(frozen=True)
class Ended:
    """How a call ended, in one form for every protocol."""

    status: status_pb2.Status
    messages: list[Any]
    initial: Pairs
    trailing: Pairs

    @property
    def texts(self) -> list[str]:
        """Texts of the messages."""
        return [message.text for message in self.messages]


@dataclass(frozen=True)
class Call:
    """A client's call."""

    method: MethodDescriptor
    request: Any
    """A Note."""
    metadata: Pairs = field(default_factory=list)
    seconds: float | None = None
    """The deadline."""

    @property
    def rpc_path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def json_path(self) -> str:
        """The route that the test service's proto gives every method."""
        return f"/v1/{self.method.containing_service.name}/{self.method.name}"

    @property
    def milliseconds(self) -> str | None:
        return None if self.seconds is None else str(round(self.seconds * 1000))


def from_base64(text: str) -> bytes:
    """Decode a `-bin` value, which is sent unpadded."""
    assert not text.endswith("="), "binary values go out without padding"
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def to_headers(metadata: Iterable[tuple[str, str | bytes]]) -> list[tuple[str, str]]:
    """Return metadata as a client sends it, in letter case as HTTP/1.1 allows, with repeated binary values joined."""
    binary: dict[str, list[str]] = {}
    headers: list[tuple[str, str]] = []
    for key, value in metadata:
        if isinstance(value, str):
            headers.append((key.title(), value))
        else:
            binary.setdefault(key.title(), []).append(to_base64(value))
    return headers + [(key, ",".join(values)) for key, values in binary.items()]


def to_pairs(headers: Iterable[tuple[str, str]]) -> Pairs:
    """Return metadata as a client reads it, with repeated binary values, which HTTP joins, split again."""
    pairs: Pairs = []
    for key, value in headers:
        assert re.fullmatch(r"[a-z0-9_.-]+", key), f"not a metadata key: {key!r}"
        pairs += [(key, from_base64(part)) for part in value.split(",")] if key.endswith("-bin") else [(key, value)]
    return pairs


def initial_of(reply: Reply) -> Pairs:
    """Return the initial metadata of a response."""
    return to_pairs((key, value) for key, value in reply.headers if key not in _NOT_METADATA)


def split_trailers(reply: Reply, prefix: str) -> tuple[Pairs, Pairs]:
    """Return the initial and trailing metadata of a response that has its trailers among its headers."""
    initial = [(key, value) for key, value in initial_of(reply) if not key.startswith(prefix)]
    trailing = [(key.removeprefix(prefix), value) for key, value in reply.headers if key.startswith(prefix)]
    return initial, to_pairs(trailing)
