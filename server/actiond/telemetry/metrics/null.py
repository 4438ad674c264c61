"""The recorder of a server without metrics."""

from actiond.delivery.outcomes import TargetCall
from rpcfront import Call


class NullMetrics:
    """Has the methods of Metrics, and counts nothing."""

    def observe_call(self, call: Call) -> None:
        """Ignore an API call."""

    def observe_target(self, call: TargetCall) -> None:
        """Ignore a call to a target."""

    def observe_started(self, under_way: int) -> None:
        """Ignore how many calls to targets are in flight."""

    def observe_batch(self, size: int, waiting: int) -> None:
        """Ignore a batch of changes."""
