"""Logs why a store fails, and not more often than an operator can read it: every call may find out."""

import logging
import time
from math import inf

from actiond.actions.errors import StoreError, StoreUnavailableError

_INTERVAL = 1.0
"""Seconds between two lines."""

_log = logging.getLogger(__name__)


class FailureLog:
    """The log of one store. Its threads share it."""

    def __init__(self) -> None:
        self._logged_at = -inf

    def note(self, failure: StoreError) -> StoreError:
        """Log a failure for a reason of the store's own, and return it. Any other is logged where it ends a call."""
        now = time.monotonic()
        if isinstance(failure, StoreUnavailableError) and now - self._logged_at >= _INTERVAL:
            self._logged_at = now
            _log.error("the store is unavailable: %s", failure)
        return failure
