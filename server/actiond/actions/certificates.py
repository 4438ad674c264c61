"""Names in clients' certificates (subject alternative names), to which tokens are bound.

A name is written as `kind:value`: `dns:worker.example`, `uri:spiffe://example/worker`, `email:worker@example.com`,
`ip:192.0.2.1`. Names are compared as a whole: there are no wildcards.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address

MAX_NAME = 2048
"""Characters of a name: as many as a SPIFFE ID may have."""

_HOST = r"(?=.{1,254}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
_FORMS = {
    "dns": re.compile(_HOST),
    "uri": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+"),
    "email": re.compile(rf"[!-?A-~]+@{_HOST}"),
    "ip": re.compile(r"[0-9A-Fa-f.:]+"),
}


def parse_name(text: str) -> str:
    """Return a name, as an operator writes it, in the form in which names are compared.

    Raises ValueError with a one-line reason.
    """
    kind, _, value = text.partition(":")
    if "*" in value:
        raise ValueError(f"{text[:MAX_NAME]!r} has a wildcard: a token is bound to one name")
    form = _FORMS.get(kind.lower())
    if form is None or len(text) > MAX_NAME or not form.fullmatch(value):
        kinds = ", ".join(f"{name}:" for name in _FORMS)
        raise ValueError(f"{text[:MAX_NAME]!r} is not a name in a certificate, one of {kinds} and its value")
    return canonical_name(kind.lower(), value)


def canonical_name(kind: str, value: str) -> str:
    """Return the name with a value as it is in a certificate. Raises ValueError for an IP address that is none."""
    return f"{kind}:{_CANONICAL[kind](value)}"


def _email(value: str) -> str:
    mailbox, _, host = value.rpartition("@")
    return f"{mailbox}@{_dns(host)}"


def _dns(value: str) -> str:
    return value.lower().removesuffix(".")


_CANONICAL: Mapping[str, Callable[[str], str]] = {
    "dns": _dns,
    "uri": str,
    "email": _email,
    "ip": lambda value: str(ip_address(value)),
}
