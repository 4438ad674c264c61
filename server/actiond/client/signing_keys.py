"""The signing key of a target that has just been created: CreateTarget sends it once, beside its response."""

from collections.abc import Iterable
from typing import Any

SIGNING_KEY = "actiond-signing-key"
"""The trailing metadata that carries a new target's signing key."""
WEBHOOK_SECRET = "actiond-webhook-secret"  # noqa: S105  # a name
"""The trailing metadata that carries the same key in the form that Standard Webhooks libraries take."""


def signing_key(trailing_metadata: Iterable[Any] | None) -> str:
    """Return the signing key in the trailing metadata of a call of CreateTarget, of `grpc` or of `grpc.aio`.

    `whsec` makes of it what Standard Webhooks libraries take. Raises LookupError if the metadata has no key.
    """
    for name, value in trailing_metadata or ():
        if name == SIGNING_KEY:
            return str(value)
    raise LookupError(f"the trailing metadata has no {SIGNING_KEY}; that of CreateTarget alone has one")
