"""What the HTTP client raises, as an outcome."""

import ssl
from collections.abc import Iterator

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from actiond.delivery.egress.policy import AddressDeniedError
from actiond.delivery.outcomes import Outcome

FAULTS = (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError)
"""All that a call can end with through no fault of ours. UnicodeError: a host that no name can be."""

# In this order: a fault of TLS is raised as one of the connection, a bad certificate as a bad value too.
_OUTCOMES: tuple[tuple[Outcome, tuple[type[BaseException], ...]], ...] = (
    (Outcome.TLS, (aiohttp.ClientSSLError, ssl.SSLError)),
    (Outcome.ADDRESS, (AddressDeniedError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError)),
    (Outcome.PROTOCOL, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError, HttpProcessingError)),
)


def outcome_of(fault: BaseException) -> Outcome:
    """By the fault and by what it was raised from."""
    faults = list(_chain(fault))
    for outcome, kinds in _OUTCOMES:
        if any(isinstance(each, kinds) for each in faults):
            return outcome
    return Outcome.CONNECT


def _chain(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__
