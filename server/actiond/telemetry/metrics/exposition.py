"""Renders the metrics of all workers in Prometheus's text format: totals, and the resource usage of each process."""

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import TypeVar

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from actiond.telemetry.metrics.families import FAMILIES, Family, Kind, parse_key
from actiond.telemetry.metrics.memory import Region

SERIES_PER_SLICE = 32
"""Series processed before other threads get to run: less than half a millisecond's work."""
PAUSE_SECONDS = 0.0001
"""Any pause releases the GIL; a sleep of zero would often reacquire it at once."""

T = TypeVar("T")

Series = dict[tuple[str, ...], list[float]]
"""The cells of a family's series, by label values."""


def render_text(regions: Mapping[int, Region]) -> bytes:
    """Return the response body of `GET /metrics`. `regions` are those of the workers, by number."""
    return generate_latest(_Workers(regions))


class _Workers(Collector):
    """Collects the metrics of all workers."""

    def __init__(self, regions: Mapping[int, Region]) -> None:
        self._regions = regions

    def collect(self) -> Iterator[Metric]:
        processes = {number: region.process for number, region in self._regions.items()}
        living = {number: process for number, process in processes.items() if process is not None}
        totals = _totals(self._regions, living)
        for metric in (*(_metric(family, totals[family.name]) for family in FAMILIES), *_processes(living)):
            metric.samples = _Samples(metric.samples)
            yield metric


def _with_pauses(items: Iterable[T]) -> Iterator[T]:
    """Yield the items with pauses, so that the event loop gets to run while thousands of series are rendered.

    A computing thread releases the GIL only every five milliseconds, and each iteration of the loop would wait as long.
    """
    for number, item in enumerate(items, start=1):
        yield item
        if number % SERIES_PER_SLICE == 0:
            time.sleep(PAUSE_SECONDS)


class _Samples(list[Sample]):
    """Samples that pause while prometheus_client iterates over them, which it does by itself."""

    def __iter__(self) -> Iterator[Sample]:
        return _with_pauses(super().__iter__())


def _totals(regions: Mapping[int, Region], living: Mapping[int, int]) -> dict[str, Series]:
    """Return each family's series, summed over the workers; gauges only over those whose process is alive."""
    totals: dict[str, Series] = {family.name: {} for family in FAMILIES}
    gauges = {family.name for family in FAMILIES if family.kind is Kind.GAUGE}
    for number, region in regions.items():
        for key, cells in _with_pauses(region.rows()):
            name, labels = parse_key(key)
            if name in gauges and number not in living:
                continue
            total = totals[name].get(labels)
            totals[name][labels] = cells if total is None else [a + b for a, b in zip(total, cells, strict=True)]
    return totals


def _metric(family: Family, series: Series) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, series)
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(family.name, family.help, labels=family.labels)
    for labels, cells in _with_pauses(sorted(series.items())):
        metric.add_metric(labels, cells[0])
    return metric


def _histogram(family: Family, series: Series) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*map(str, family.bounds), "+Inf"]
    for labels, (*buckets, total) in _with_pauses(sorted(series.items())):
        metric.add_metric(labels, list(zip(bounds, accumulate(buckets), strict=True)), total)
    return metric


def _processes(living: Mapping[int, int]) -> Iterable[Metric]:
    """Return memory, CPU time and open file descriptors of each worker's process."""
    metrics: dict[str, Metric] = {}
    for number, process in living.items():
        for one in ProcessCollector(pid=partial(int, process), registry=None).collect():
            metric = metrics.setdefault(one.name, Metric(one.name, one.documentation, one.type))
            metric.samples += [sample._replace(labels={"worker": str(number)}) for sample in one.samples]
    return metrics.values()
