"""The headers of proxied calls, as Envoy sends them: names in lower case, repeats kept."""

from collections.abc import Mapping, Sequence

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import HeaderMap

from actiond.client.headers import SHOWN_HEADERS

Pairs = Sequence[tuple[str, str]]
"""Names and values."""


def path_of(headers: HeaderMap) -> str:
    """Return the path of a request; empty if it is not there."""
    # Not as `fields_of` does: of most calls nothing else is read, and it is among the first headers.
    for header in headers.headers:
        if header.key == ":path":
            return (header.raw_value or header.value.encode()).decode("latin-1")
    return ""


def pairs(headers: HeaderMap) -> Pairs:
    """Return names and values, those of HTTP/2 itself included."""
    # Most of the time goes into the access to fields, so that each is looked at once.
    return [
        (header.key, raw.decode("latin-1") if (raw := header.raw_value) else header.value) for header in headers.headers
    ]


def fields_of(headers: Pairs) -> dict[str, str]:
    """Return the headers by name, of repeats the first."""
    return dict(reversed(headers))


def metadata_of(headers: Pairs) -> list[tuple[str, str]]:
    """Return the headers that match conditions may see: neither those of HTTP/2 itself nor binary metadata."""
    return [(name, value) for name, value in headers if name[:1] != ":" and not name.endswith("-bin")]


def shown(headers: Pairs) -> dict[str, list[str]]:
    """Return the headers that targets see."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name == ":authority":
            found["host"] = [value]
        elif name in SHOWN_HEADERS and not (name == "host" and name in found):
            found.setdefault(name, []).append(value)
    return {name: found[name] for name in SHOWN_HEADERS if name in found}


def content_type_of(fields: Mapping[str, str]) -> str:
    """Return the content type without its parameters, in lower case; empty if there is none."""
    return fields.get("content-type", "").partition(";")[0].strip().lower()
