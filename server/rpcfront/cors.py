"""Cross-origin resource sharing (Fetch standard, section 3.2): which pages of other origins may call."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rpcfront.arguments import check_list, check_type
from rpcfront.protocols.edge import Edge
from rpcfront.protocols.http import Headers, HttpRequest

ANY = "*"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.\-]*://[^/?#@A-Z\s]+")  # browsers write it so (RFC 6454, 6.2)

# What clients of every protocol send beside the headers that need no permission.
_ALLOW_HEADERS = ("content-type", "authorization")

_VARY = ("vary", "Origin")

MAX_AGE = 7200
"""Seconds for which a browser may cache a preflight response; Chromium caches none longer."""


@dataclass(frozen=True)
class Cors:
    """Which pages may call from a browser. Without origins, the default, only those of the server's own origin."""

    origins: frozenset[str] = frozenset()
    """Such as `https://console.example`. `*` allows every origin, but no credentials."""
    allow_headers: tuple[str, ...] = ()
    """Request headers that pages may send beside those that the protocols need."""
    expose_headers: tuple[str, ...] = ()
    """Response headers that pages may read beside those that the protocols need."""

    def __post_init__(self) -> None:
        """Take any collection of origins. Raises TypeError, and ValueError for what no browser sends as an origin."""
        check_list("origins", self.origins)
        for origin in self.origins:
            check_type("an origin", origin, str)
            if origin != ANY and _ORIGIN.fullmatch(origin) is None:
                raise ValueError(f"{origin!r} is not an origin: scheme://host[:port], in small letters, without a path")
        object.__setattr__(self, "origins", frozenset(self.origins))


class CorsPolicy:
    """The headers by which a browser learns what is allowed: by a `Cors`, and what the edges' clients send and read."""

    def __init__(self, cors: Cors, edges: Iterable[Edge]) -> None:
        edges = list(edges)
        self.is_enabled = bool(cors.origins)
        """Whether any page of another origin may call; `headers` is empty otherwise."""
        self._origins = cors.origins
        # By name: `*` counts as a name when a request carries credentials.
        allowed = dict.fromkeys(name for edge in edges for name in edge.allow_headers)
        exposed = dict.fromkeys(name for edge in edges for name in edge.expose_headers)
        self._preflight = [
            ("access-control-allow-headers", ", ".join((*_ALLOW_HEADERS, *allowed, *cors.allow_headers))),
            ("access-control-max-age", str(MAX_AGE)),
        ]
        self._expose = ("access-control-expose-headers", ", ".join((*exposed, *cors.expose_headers)))

    def headers(self, request: HttpRequest) -> Headers:
        """Return the headers of every response, errors and preflights included."""
        return [_VARY, *self._grant(request)] if self.is_enabled else []

    def preflight(self, request: HttpRequest, methods: Iterable[str]) -> Headers:
        """Return the headers beside `headers` that answer a preflight request of a path that takes `methods`."""
        if not self._grant(request):
            return []
        return [("access-control-allow-methods", ", ".join(methods)), *self._preflight]

    def _grant(self, request: HttpRequest) -> Headers:
        origin = request.header("origin")
        if origin is None:
            return []
        if origin in self._origins:
            return [
                ("access-control-allow-origin", origin),
                ("access-control-allow-credentials", "true"),
                self._expose,
            ]
        return [("access-control-allow-origin", ANY), self._expose] if ANY in self._origins else []


def is_preflight(request: HttpRequest) -> bool:
    """Return whether a request is a preflight, by which a browser asks if it may send another one."""
    return request.method == "OPTIONS" and request.header("access-control-request-method") is not None
