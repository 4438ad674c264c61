"""The recorder of a server without metrics."""

from collections.abc import Iterable, Mapping, Sequence

from actiond.actions.deliveries import DeathReason, DeliveryTotals
from actiond.delivery.observers import TargetObserver
from rpcfront import Authorize, Handler, Observer


class NullMetrics:
    """Implements the interface of Metrics without counting anything."""

    call_observers: Sequence[Observer] = ()
    target_observers: Sequence[TargetObserver] = ()

    @property
    def delivery_metrics(self) -> "_NullDeliveryMetrics":
        """An observer that observes nothing."""
        return _NullDeliveryMetrics()

    def handlers(self, _path: str, _authorize: Authorize | None) -> Mapping[str, Handler]:
        """Return no handlers: there are no metrics to serve."""
        return {}

    def observe_batch(self, size: int, waiting: int) -> None:
        """Ignore a batch of changes."""


class _NullDeliveryMetrics:
    def claimed(self, deliveries: int) -> None: ...
    def began(self, lag_seconds: float) -> None: ...
    def attempted(self, outcome: str) -> None: ...
    def delivered(self, age_seconds: float) -> None: ...
    def died(self, reasons: Iterable[DeathReason]) -> None: ...
    def lost_leases(self, leases: int) -> None: ...
    def counted(self, totals: DeliveryTotals | None) -> None: ...
