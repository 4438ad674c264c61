"""Where a worker counts what it does: on the way of every call, so without a lock, its series found by a dict."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from google.rpc import code_pb2
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from actiond.actions.ports import TargetRequest
from actiond.delivery.observers import TargetObserver
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.telemetry.metrics import families
from actiond.telemetry.metrics.endpoint import Authorize, MetricsEndpoint
from actiond.telemetry.metrics.exposition import text
from actiond.telemetry.metrics.families import CALL_DURATION, OTHER, Family, parse_key
from actiond.telemetry.metrics.memory import Memory
from rpcfront import CallEnd, CallStart, Handler, Observer

Cells: TypeAlias = "memoryview[float]"
"""The figures of a series."""

TARGETS = 2000
"""Targets of a worker that have series of their own."""
NO_METHOD = "none"

_CODES = {number: name for name, number in code_pb2.Code.items()}


class Histogram:
    """One series: how often values fell into each bucket, and their sum."""

    __slots__ = ("_bounds", "_cells")

    def __init__(self, bounds: Sequence[float], cells: Cells) -> None:
        self._bounds = bounds
        self._cells = cells

    def observe(self, value: float) -> None:
        """Takes a value."""
        cells = self._cells
        cells[bisect_left(self._bounds, value)] += 1.0
        cells[-1] += value


class Metrics:
    """A worker's figures, and the text that Prometheus reads, which is about all workers.

    `ended`, `observe_target` and `observe_started` are for the event loop's thread, `observe_batch` for the
    writer's: each figure is counted by one thread alone.
    """

    def __init__(self, memory: Memory | None = None, worker: int = 1) -> None:
        """`memory` is what the workers share, `worker` the number of this one."""
        self._memory = memory or Memory()
        self._region = self._memory.regions[worker]
        self._region.claim()
        self._calls: dict[tuple[str, str, int], tuple[Cells, Histogram]] = {}
        self._target_calls: dict[tuple[str, Outcome], tuple[Cells, Histogram]] = {}
        self._ignored: dict[str, Cells] = {}
        self._targets = self._known_targets()
        # The writer's series are made here: later only the loop's thread makes any.
        self._batch_size = self._histogram(families.BATCH_SIZE)
        self._waiting = self._cells(families.WAITING)
        self._started = self._cells(families.STARTED)
        # Whoever counted here before is gone, with all that waited or ran in it.
        self._waiting[0] = self._started[0] = 0.0

    @property
    def call_observers(self) -> Sequence[Observer]:
        """What the gateway is given."""
        return (self,)

    @property
    def target_observers(self) -> Sequence[TargetObserver]:
        """What the client of targets is given."""
        return (_TargetMetrics(self),)

    def handlers(self, path: str, authorize: Authorize | None) -> Mapping[str, Handler]:
        """Return what serves the metrics on a path, to those whom `authorize` lets in; None lets everybody in."""
        return {path: MetricsEndpoint(self.render, CONTENT_TYPE_PLAIN_0_0_4, authorize)}

    def started(self, call: CallStart) -> None:
        """Count nothing: calls are counted when they end."""

    def ended(self, _token: object, call: CallEnd) -> None:
        """Count an API call that has ended, or a request over HTTP that reached no method."""
        key = (call.method, call.protocol, call.code)
        series = self._calls.get(key) or self._add_call(key)
        series[0][0] += 1.0
        series[1].observe(call.seconds)

    def observe_target(self, call: TargetCall) -> None:
        """A call to a target has ended."""
        series = self._target_calls.get((call.target_id, call.outcome)) or self._add_target_call(call)
        series[0][0] += 1.0
        series[1].observe(call.seconds)
        if call.is_ignored:
            target = self._target(call.target_id)
            if target not in self._ignored:
                self._ignored[target] = self._cells(families.IGNORED, target)
            self._ignored[target][0] += 1.0

    def observe_started(self, under_way: int) -> None:
        """How many calls to targets are under way now that nobody waits for."""
        self._started[0] = under_way

    def observe_batch(self, size: int, waiting: int) -> None:
        """The store's writer has committed `size` changes, and `waiting` have come in the meantime."""
        self._batch_size.observe(size)
        self._waiting[0] = waiting

    def render(self) -> bytes:
        """The figures of all workers. Takes a while: a thread of its own is the place for it."""
        return text(self._memory.regions)

    def _add_call(self, key: tuple[str, str, int]) -> tuple[Cells, Histogram]:
        """Methods, protocols and codes are the gateway's own words, never a stranger's: so they are few."""
        method, protocol, code = key
        count = self._cells(families.CALLS, method or NO_METHOD, protocol, _CODES.get(code, OTHER))
        # What reached no method took no time to speak of, and would blur the others' figures.
        durations = (
            self._histogram(CALL_DURATION, method, protocol)
            if method
            else Histogram(CALL_DURATION.bounds, _unread(CALL_DURATION.cells))
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
        """The label of a target."""
        if target_id not in self._targets:
            if len(self._targets) >= TARGETS:
                return OTHER
            self._targets.add(target_id)
        return target_id

    def _known_targets(self) -> set[str]:
        """Those that the worker before this one had counted for."""
        keys = (parse_key(key) for key, _ in self._region.rows())
        return {labels[0] for name, labels in keys if name == families.TARGET_CALLS.name} - {OTHER}

    def _histogram(self, family: Family, *labels: str) -> Histogram:
        return Histogram(family.bounds, self._cells(family, *labels))

    def _cells(self, family: Family, *labels: str) -> Cells:
        row = self._region.row(family.key(*labels), family.cells)
        # A full region is ruled out by the bounds on labels; were it not, a figure is lost and no call.
        return _unread(family.cells) if row is None else row


class _TargetMetrics:
    """Counts the calls to targets, for Metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._background = 0

    def started(self, request: TargetRequest, _headers: dict[str, str]) -> bool:
        """Return whether the call is in the background."""
        is_background = not request.target.type.waits
        if is_background:
            self._count_background(1)
        return is_background

    def ended(self, is_background: bool, call: TargetCall) -> None:  # what `started` has returned
        """Count the call."""
        self._metrics.observe_target(call)
        if is_background:
            self._count_background(-1)

    def _count_background(self, more: int) -> None:
        self._background += more
        self._metrics.observe_started(self._background)


def _unread(cells: int) -> Cells:
    """Figures that nobody will see."""
    return memoryview(bytearray(8 * cells)).cast("d")
