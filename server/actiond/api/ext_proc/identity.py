"""Whose a proxied call is: what filters before ext_proc have verified, and what the operator believes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import ProcessingRequest
from google.protobuf.struct_pb2 import Struct, Value

JWT_FILTER = "envoy.filters.http.jwt_authn"
"""The namespace of Envoy's dynamic metadata that has the claims of verified tokens."""
EXT_PROC_FILTER = "envoy.filters.http.ext_proc"
"""The key of the attributes that the filter's request_attributes ask for."""
CERTIFICATE_ATTRIBUTES = (
    "connection.uri_san_peer_certificate",
    "connection.dns_san_peer_certificate",
    "connection.subject_peer_certificate",
)
"""What names the client in its certificate, the first that there is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a proxied call; empty where that is not known."""

    user_id: str = ""
    org_id: str = ""


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """Where the identity is found. Claims are paths: keys separated by `/`, as `realm/user_id`."""

    user_claim: str = "sub"
    org_claim: str = ""
    """Empty for none."""
    user_header: str = ""
    """The name of a header that is believed, in lower case; empty for none. Envoy must strip it from clients' calls."""

    def identity(self, first: ProcessingRequest, headers: Mapping[str, str]) -> Identity:
        """Return the identity in a stream's first message, whose headers are given by name.

        A verified claim wins against a certificate, and that against the header.
        """
        tokens = _tokens(first)
        user = _claim(tokens, self.user_claim) or _certificate(first)
        if not user and self.user_header:
            user = headers.get(self.user_header, "")
        return Identity(user, _claim(tokens, self.org_claim))


def _tokens(first: ProcessingRequest) -> list[Struct]:
    """Return the claims of every verified token: `payload_in_metadata` gives each a name of its own."""
    by_filter = first.metadata_context.filter_metadata
    if JWT_FILTER not in by_filter:
        return []
    payloads = by_filter[JWT_FILTER].fields
    return [payloads[name].struct_value for name in sorted(payloads) if payloads[name].HasField("struct_value")]


def _claim(tokens: list[Struct], path: str) -> str:
    """Return a claim; empty if no token has it, or if they do not agree."""
    found = {text for token in tokens if (text := _text(token, path))} if path else set()
    return found.pop() if len(found) == 1 else ""


def _text(token: Struct, path: str) -> str:
    """Return a string in a token, at a path or by a name that contains slashes itself."""
    for keys in ([path], path.split("/")):
        value = next(_values(token, keys), None)
        if value is not None and value.HasField("string_value"):
            return value.string_value
    return ""


def _values(token: Struct, keys: list[str]) -> Iterator[Value]:
    """Yield the value at a path if there is one."""
    *outer, last = keys
    for key in outer:
        if key not in token.fields:
            return
        token = token.fields[key].struct_value
    if last in token.fields:
        yield token.fields[last]


def _certificate(first: ProcessingRequest) -> str:
    if EXT_PROC_FILTER not in first.attributes:
        return ""
    attributes = first.attributes[EXT_PROC_FILTER].fields
    found = (attributes[name].string_value for name in CERTIFICATE_ATTRIBUTES if name in attributes)
    return next(filter(None, found), "")
