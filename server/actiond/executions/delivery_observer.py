"""Lets metrics observe deliveries."""

from collections.abc import Iterable
from typing import Protocol

from actiond.actions.deliveries import DeathReason


class DeliveryObserver(Protocol):
    """Is notified of what a worker does with deliveries, on the event loop. Its methods must not block."""

    def claimed(self, deliveries: int) -> None:
        """Observe a claim that got so many deliveries."""

    def began(self, lag_seconds: float) -> None:
        """Observe that an attempt begins, so long after it was due."""

    def attempted(self, outcome: str) -> None:
        """Observe how an attempt ended."""

    def delivered(self, age_seconds: float) -> None:
        """Observe a 2xx response, so long after the event."""

    def died(self, reasons: Iterable[DeathReason]) -> None:
        """Observe deliveries that were given up."""

    def lost_leases(self, leases: int) -> None:
        """Observe claims whose lease passed without a result."""
