"""Counts what a worker does. It runs on every call, so it takes no lock and finds a series by one dict lookup."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from google.rpc import code_pb2
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from actiond.actions.deliveries import UNFINISHED, DeathReason, DeliveryState, DeliveryTotals
from actiond.actions.ports import TargetRequest
from actiond.delivery.observers import TargetObserver
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.telemetry.metrics import families
from actiond.telemetry.metrics.endpoint import MetricsEndpoint
from actiond.telemetry.metrics.exposition import render_text
from actiond.telemetry.metrics.families import CALL_DURATION, OTHER, Family, parse_key
from actiond.telemetry.metrics.memory import Memory
from rpcfront import Authorize, CallEnd, CallStart, Handler, Observer

Cells: TypeAlias = "memoryview[float]"
"""The cells of a series."""

MAX_TARGETS = 2000
"""Targets of a worker with separate series; further ones are counted under OTHER."""
NO_METHOD = "none"
"""The method label of HTTP requests that reached no method."""

_CODES = {number: name for name, number in code_pb2.Code.items()}


class Histogram:
    """One histogram series: the count of values in each bucket, and their sum."""

    __slots__ = ("_bounds", "_cells")

    def __init__(self, bounds: Sequence[float], cells: Cells) -> None:
        self._bounds = bounds
        self._cells = cells

    def observe(self, value: float) -> None:
        """Count a value."""
        cells = self._cells
        cells[bisect_left(self._bounds, value)] += 1.0
        cells[-1] += value


class Metrics:
    """Records one worker's metrics, and renders those of all workers.

    `ended`, `observe_target` and `set_background_calls` must be called on the event loop's thread, `observe_batch` on
    the store's writer thread, so that each series has one writing thread.
    """

    def __init__(self, memory: Memory | None = None, worker: int = 1) -> None:
        """Take the memory that the workers share, and the number of this worker."""
        self._memory = memory or Memory()
        self._region = self._memory.regions[worker]
        self._region.claim()
        self._calls: dict[tuple[str, str, int], tuple[Cells, Histogram]] = {}
        self._target_calls: dict[tuple[str, Outcome], tuple[Cells, Histogram]] = {}
        self._ignored_failures: dict[str, Cells] = {}
        self._targets = self._known_targets()
        # Create the writer thread's series here: later on, only the loop's thread may create series.
        self._batch_size = self._histogram(families.BATCH_SIZE)
        self._pending_changes = self._cells(families.PENDING_CHANGES)
        self._background_calls = self._cells(families.BACKGROUND_CALLS)
        self._deliveries = _DeliveryMetrics(self)
        # The gauges of a former process are void: what was queued or running in it ended with it.
        self._pending_changes[0] = self._background_calls[0] = 0.0

    @property
    def call_observers(self) -> Sequence[Observer]:
        """Observers for the gateway."""
        return (self,)

    @property
    def target_observers(self) -> Sequence[TargetObserver]:
        """Observers for the target client."""
        return (_TargetMetrics(self),)

    @property
    def delivery_metrics(self) -> "_DeliveryMetrics":
        """An observer for the courier and the keeper."""
        return self._deliveries

    def handlers(self, path: str, authorize: Authorize | None) -> Mapping[str, Handler]:
        """Return the handler that serves the metrics on `path` to what `authorize` accepts; None accepts everything."""
        return {path: MetricsEndpoint(self.render, CONTENT_TYPE_PLAIN_0_0_4, authorize)}

    def started(self, call: CallStart) -> None:
        """Do nothing: calls are counted when they end."""

    def ended(self, _token: object, call: CallEnd) -> None:
        """Count an API call that has ended, or an HTTP request that reached no method."""
        key = (call.method, call.protocol, call.code)
        series = self._calls.get(key) or self._add_call(key)
        series[0][0] += 1.0
        series[1].observe(call.seconds)

    def observe_target(self, call: TargetCall) -> None:
        """Count a call to a target that has ended."""
        series = self._target_calls.get((call.target_id, call.outcome)) or self._add_target_call(call)
        series[0][0] += 1.0
        series[1].observe(call.seconds)
        if call.is_ignored:
            target = self._target(call.target_id)
            if target not in self._ignored_failures:
                self._ignored_failures[target] = self._cells(families.IGNORED_FAILURES, target)
            self._ignored_failures[target][0] += 1.0

    def set_background_calls(self, count: int) -> None:
        """Record the number of calls to targets that are running in the background."""
        self._background_calls[0] = count

    def observe_batch(self, size: int, waiting: int) -> None:
        """Count a batch of `size` changes that the store's writer committed, and record how many are `waiting` now."""
        self._batch_size.observe(size)
        self._pending_changes[0] = waiting

    def render(self) -> bytes:
        """Return the metrics of all workers as text. Takes a while, so call it on a separate thread."""
        return render_text(self._memory.regions)

    def counter(self, family: Family, label: str = "") -> Cells:
        """Return the cell of a counter or gauge."""
        return self._cells(family, label) if family.labels else self._cells(family)

    def histogram(self, family: Family) -> Histogram:
        """Return a histogram without labels."""
        return self._histogram(family)

    def _add_call(self, key: tuple[str, str, int]) -> tuple[Cells, Histogram]:
        """Add a series. Methods, protocols and codes are the gateway's, never a client's text, so there are few."""
        method, protocol, code = key
        count = self._cells(families.CALLS, method or NO_METHOD, protocol, _CODES.get(code, OTHER))
        # A request that reached no method took almost no time, and would distort the histogram of real calls.
        durations = (
            self._histogram(CALL_DURATION, method, protocol)
            if method
            else Histogram(CALL_DURATION.bounds, _discarded_cells(CALL_DURATION.cells))
        )
        self._calls[key] = count, durations
        return count, durations

    def _add_target_call(self, call: TargetCall) -> tuple[Cells, Histogram]:
        target, outcome = self._target(call.target_id), call.outcome
        if (target, outcome) not in self._target_calls:
            count = self._cells(families.TARGET_CALLS, target, outcome.value)
            durations = self._histogram(families.TARGET_CALL_DURATION, outcome.value)
            self._target_calls[target, outcome] = count, durations
        return self._target_calls[target, outcome]

    def _target(self, target_id: str) -> str:
        """Return the label of a target."""
        if target_id not in self._targets:
            if len(self._targets) >= MAX_TARGETS:
                return OTHER
            self._targets.add(target_id)
        return target_id

    def _known_targets(self) -> set[str]:
        """Return the ids of the targets that a former process of this worker has counted calls of."""
        keys = (parse_key(key) for key, _ in self._region.rows())
        return {labels[0] for name, labels in keys if name == families.TARGET_CALLS.name} - {OTHER}

    def _histogram(self, family: Family, *labels: str) -> Histogram:
        return Histogram(family.bounds, self._cells(family, *labels))

    def _cells(self, family: Family, *labels: str) -> Cells:
        row = self._region.row(family.key(*labels), family.cells)
        # The limits on labels keep a region from filling up; if one did, a count would be lost and no call would fail.
        return _discarded_cells(family.cells) if row is None else row


class _TargetMetrics:
    """Observes the target client on behalf of Metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._background = 0

    def started(self, request: TargetRequest, _headers: dict[str, str]) -> bool:
        """Return whether the call is in the background."""
        is_background = not request.target.type.waits
        if is_background:
            self._add_background(1)
        return is_background

    def ended(self, is_background: bool, call: TargetCall) -> None:  # what `started` has returned
        """Count the call."""
        self._metrics.observe_target(call)
        if is_background:
            self._add_background(-1)

    def _add_background(self, more: int) -> None:
        self._background += more
        self._metrics.set_background_calls(self._background)


class _DeliveryMetrics:
    """Observes the courier and the keeper on behalf of Metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lag = metrics.histogram(families.DELIVERY_LAG)
        self._age = metrics.histogram(families.DELIVERY_AGE)
        self._claim_size = metrics.histogram(families.CLAIM_SIZE)
        self._leases_lost = metrics.counter(families.LEASES_LOST)
        self._attempts: dict[str, Cells] = {}
        # Gauges of a former process: if another one counts now, these would be added to its figures.
        self.counted(None)

    def claimed(self, deliveries: int) -> None:
        self._claim_size.observe(deliveries)

    def began(self, lag_seconds: float) -> None:
        self._lag.observe(lag_seconds)

    def attempted(self, outcome: str) -> None:
        cells = self._attempts.get(outcome)
        if cells is None:
            cells = self._attempts[outcome] = self._metrics.counter(families.DELIVERY_ATTEMPTS, outcome)
        cells[0] += 1.0

    def delivered(self, age_seconds: float) -> None:
        self._age.observe(age_seconds)

    def died(self, reasons: Iterable[DeathReason]) -> None:
        for reason in reasons:
            self._metrics.counter(families.DELIVERIES_DEAD, reason.value)[0] += 1.0

    def lost_leases(self, leases: int) -> None:
        self._leases_lost[0] += leases

    def counted(self, totals: DeliveryTotals | None) -> None:
        counts = {} if totals is None else totals.by_state
        for state in (*UNFINISHED, DeliveryState.DEAD):
            self._metrics.counter(families.DELIVERIES, state.value)[0] = counts.get(state, 0)
        oldest_due_ms, paused = (0, 0) if totals is None else (totals.oldest_due_ms, totals.paused_targets)
        self._metrics.counter(families.OLDEST_DUE)[0] = oldest_due_ms / 1000
        self._metrics.counter(families.PAUSED_TARGETS)[0] = paused


def _discarded_cells(cells: int) -> Cells:
    """Return cells that are never exposed."""
    return memoryview(bytearray(8 * cells)).cast("d")
