"""Cross-origin resource sharing (the Fetch standard, section 3.2): which pages of other origins may call."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rpcfront.protocols.http import Headers, HttpRequest

ANY = "*"

# What gRPC-Web and Connect clients send beside the headers that need no permission.
ALLOW_HEADERS = (
    "content-type",
    "authorization",
    "grpc-timeout",
    "x-grpc-web",
    "x-user-agent",
    "connect-protocol-version",
    "connect-timeout-ms",
)
# By name: `*` counts as a name when a request carries credentials.
EXPOSE_HEADERS = ("grpc-status", "grpc-message", "grpc-status-details-bin")

_VARY = ("vary", "Origin")

MAX_AGE = 7200
"""Seconds for which a browser may keep a preflight's answer; Chromium keeps none longer."""


@dataclass(frozen=True)
class Cors:
    """Who may call from a browser. Empty origins, the default: no page of another origin."""

    origins: frozenset[str] = frozenset()
    """Such as `https://console.example`; `*` stands for every origin, then without credentials."""
    allow_headers: tuple[str, ...] = ()
    """Beside ALLOW_HEADERS."""
    expose_headers: tuple[str, ...] = ()
    """Beside EXPOSE_HEADERS."""
    _preflight: Headers = field(init=False, repr=False, compare=False)
    _expose: tuple[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        allowed = ", ".join((*ALLOW_HEADERS, *self.allow_headers))
        preflight = [("access-control-allow-headers", allowed), ("access-control-max-age", str(MAX_AGE))]
        object.__setattr__(self, "_preflight", preflight)
        exposed = ", ".join((*EXPOSE_HEADERS, *self.expose_headers))
        object.__setattr__(self, "_expose", ("access-control-expose-headers", exposed))

    def headers(self, request: HttpRequest) -> Headers:
        """For every answer, errors and preflights included."""
        if not self.origins:
            return []
        return [_VARY, *self._grant(request)]

    def preflight(self, request: HttpRequest, methods: Iterable[str]) -> Headers:
        """Beside `headers`, for the answer to a preflight request of a path that takes `methods`."""
        if not self._grant(request):
            return []
        return [("access-control-allow-methods", ", ".join(methods)), *self._preflight]

    def _grant(self, request: HttpRequest) -> Headers:
        origin = request.header("origin")
        if origin is None:
            return []
        if origin in self.origins:
            return [
                ("access-control-allow-origin", origin),
                ("access-control-allow-credentials", "true"),
                self._expose,
            ]
        return [("access-control-allow-origin", ANY), self._expose] if ANY in self.origins else []


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks leave for a request that is yet to come."""
    return request.method == "OPTIONS" and request.header("access-control-request-method") is not None
