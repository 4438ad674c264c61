"""Maps the HTTP client's exceptions to outcomes."""

import ssl
from collections.abc import Iterator

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from actiond.delivery.egress.policy import AddressDeniedError
from actiond.delivery.outcomes import Outcome

CLIENT_ERRORS = (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError)
"""Exceptions that a target can cause. UnicodeError: the host cannot be encoded as a DNS name."""

# The order matters: a TLS error is a connection error too, and a bad certificate is a ValueError.
_OUTCOMES: tuple[tuple[Outcome, tuple[type[BaseException], ...]], ...] = (
    (Outcome.TLS, (aiohttp.ClientSSLError, ssl.SSLError)),
    (Outcome.ADDRESS_DENIED, (AddressDeniedError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError)),
    (Outcome.PROTOCOL, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError, HttpProcessingError)),
)


def outcome_of(error: BaseException) -> Outcome:
    """Return the outcome for an error, which depends on the error and on its causes."""
    errors = list(_chain(error))
    for outcome, kinds in _OUTCOMES:
        if any(isinstance(each, kinds) for each in errors):
            return outcome
    return Outcome.CONNECT


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
