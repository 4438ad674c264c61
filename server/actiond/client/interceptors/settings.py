"""The settings of an interceptor, and whose call it is."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from actiond.client.headers import SECRET_HEADERS, SHOWN_HEADERS

DEFAULT_BUDGET = 2.0
"""Seconds."""
SKIPPED_SERVICES = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)
"""The services that are not asked about unless `skip` is given."""

CHANNEL_OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", -1),
)
"""Options for a channel to actiond. A dead connection is detected within 15 seconds, and a restarted actiond is found
within one (by default gRPC waits for up to two minutes). Messages may be as large as actiond's own limits allow.
"""


class User(NamedTuple):
    """Who calls, as the service has verified it."""

    id: str = ""
    """Empty if that is not known."""
    org_id: str = ""
    """The organization that the user belongs to. If it is empty, targets get the resource owner of the token."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an interceptor was made with. Raises ValueError for a setting that makes no sense."""

    fail_open: bool
    budget: float
    """Seconds."""
    streams: bool
    headers: frozenset[str] | None
    """Those that are sent; None for all but SECRET_HEADERS."""
    skip: frozenset[str]

    @classmethod
    def of(
        cls, *, fail_open: bool, budget: float, streams: bool, headers: Collection[str] | None, skip: Collection[str]
    ) -> "Settings":
        """Return the settings, `headers` being those beside SHOWN_HEADERS."""
        if not (budget > 0 and math.isfinite(budget)):
            raise ValueError(f"budget is {budget}; it must be a number of seconds above 0")
        for name, value in (("headers", headers), ("skip", skip)):
            if isinstance(value, str):
                raise ValueError(f"{name} is one string; it must be a collection of names")  # noqa: TRY004  # its value
        names = [name.lower() for name in headers or ()]
        if secret := SECRET_HEADERS.intersection(names):
            raise ValueError(f"headers names {', '.join(sorted(secret))}, which may hold a secret and is never sent")
        if binary := [name for name in names if name.endswith("-bin")]:
            raise ValueError(f"headers names {', '.join(binary)}; only headers with text can be sent")
        sent = None if headers is None else frozenset((*SHOWN_HEADERS, *names))
        return cls(fail_open, budget, streams, sent, frozenset(skip))

    def sends(self, header: str) -> bool:
        """Return whether actiond gets a header, by its name in lower case."""
        if header in SECRET_HEADERS or header.endswith("-bin"):
            return False
        return self.headers is None or header in self.headers

    def skips(self, method: str) -> bool:
        """Return whether a method, `/package.Service/Method`, is not asked about."""
        return method[1:].partition("/")[0] in self.skip
