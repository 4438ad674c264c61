"""Logs the failures of a store that nobody else does: those of changes that are no part of a call."""

import logging

from actiond.actions.errors import StoreError, StoreUnavailableError


def log_fault(log: logging.Logger, error: StoreError) -> None:
    """Log a failure, unless the store has, as it does when it is unavailable. What is left is a fault of a program."""
    if not isinstance(error, StoreUnavailableError):
        log.error("a change of deliveries has failed, and is tried again: %s", error)
