"""The recorder of a server without metrics."""

from collections.abc import Mapping, Sequence

from actiond.delivery.observers import TargetObserver
from rpcfront import Authorize, Handler, Observer


class NullMetrics:
    """Implements the interface of Metrics without counting anything."""

    call_observers: Sequence[Observer] = ()
    target_observers: Sequence[TargetObserver] = ()

    def handlers(self, _path: str, _authorize: Authorize | None) -> Mapping[str, Handler]:
        """Return no handlers: there are no metrics to serve."""
        return {}

    def observe_batch(self, size: int, waiting: int) -> None:
        """Ignore a batch of changes."""
