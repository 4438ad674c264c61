"""Maps what a call raises to outcomes."""

import logging
import ssl

from actiond.delivery.egress.policy import AddressDeniedError
from actiond.delivery.egress.url import EndpointError
from actiond.delivery.http1.response import ResponseError
from actiond.delivery.outcomes import Outcome

_log = logging.getLogger(__name__)

# The order matters: a denied address and a TLS error are OSErrors, too.
_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    (AddressDeniedError, Outcome.ADDRESS_DENIED),
    (EndpointError, Outcome.ADDRESS_DENIED),
    (ssl.SSLError, Outcome.TLS),
    (ResponseError, Outcome.PROTOCOL),
    (OSError, Outcome.CONNECT),
    (UnicodeError, Outcome.ADDRESS_DENIED),  # from a codec of host names
)


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome for an error. One that nobody foresaw fails the call too, and is logged."""
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            return outcome
    # Without its text and traceback, which may contain the address.
    _log.error("a call to a target failed with an unexpected %s", type(error).__name__)
    return Outcome.CONNECT
