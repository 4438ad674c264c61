"""Counts calls to targets."""

from actiond.actions.ports import TargetRequest
from actiond.delivery.outcomes import TargetCall
from actiond.telemetry.metrics.recorder import Metrics


class TargetMetrics:
    """An observer of the client's."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._background = 0

    def started(self, request: TargetRequest, _headers: dict[str, str]) -> bool:
        """Return whether the call is in the background."""
        is_background = not request.target.type.waits
        if is_background:
            self._change_background(1)
        return is_background

    def ended(self, token: bool, call: TargetCall) -> None:  # what `started` has returned
        """Count the call."""
        self._metrics.observe_target(call)
        if token:
            self._change_background(-1)

    def _change_background(self, by: int) -> None:
        self._background += by
        self._metrics.observe_started(self._background)
