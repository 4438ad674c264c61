"""The figures of all workers as the text that Prometheus reads: added up, and beside them what each process takes."""

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

STRETCH = 32
"""Series that are dealt with before other threads have a turn: less than half a millisecond's worth."""
PAUSE = 0.0001
"""Seconds. Any pause gives the interpreter's lock away; none at all would often take it right back."""

T = TypeVar("T")

Series = dict[tuple[str, ...], list[float]]
"""Figures by the values of the labels."""


def text(regions: Mapping[int, Region]) -> bytes:
    """What `GET /metrics` answers. `regions` are those of the workers, by number."""
    return generate_latest(_Workers(regions))


class _Workers(Collector):
    def __init__(self, regions: Mapping[int, Region]) -> None:
        self._regions = regions

    def collect(self) -> Iterator[Metric]:
        processes = {number: region.process for number, region in self._regions.items()}
        living = {number: process for number, process in processes.items() if process is not None}
        totals = _totals(self._regions, living)
        for metric in (*(_metric(family, totals[family.name]) for family in FAMILIES), *_processes(living)):
            metric.samples = _Samples(metric.samples)
            yield metric


def _unhurried(items: Iterable[T]) -> Iterator[T]:
    """The items, with pauses.

    A thread that computes gives the interpreter's lock away every five milliseconds only. So long would the event
    loop wait for each of its turns, while thousands of series are written.
    """
    for number, item in enumerate(items, start=1):
        yield item
        if number % STRETCH == 0:
            time.sleep(PAUSE)


class _Samples(list[Sample]):
    """prometheus_client goes through them on its own, so this is where it can be made to pause."""

    def __iter__(self) -> Iterator[Sample]:
        return _unhurried(super().__iter__())


def _totals(regions: Mapping[int, Region], living: Mapping[int, int]) -> dict[str, Series]:
    """Each family's series, added up over the workers. What is waiting or running in one that has died is gone."""
    totals: dict[str, Series] = {family.name: {} for family in FAMILIES}
    gone_with_worker = {family.name for family in FAMILIES if family.kind is Kind.GAUGE}
    for number, region in regions.items():
        for key, figures in _unhurried(region.rows()):
            name, labels = parse_key(key)
            if name in gone_with_worker and number not in living:
                continue
            total = totals[name].get(labels)
            totals[name][labels] = figures if total is None else [a + b for a, b in zip(total, figures, strict=True)]
    return totals


def _metric(family: Family, series: Series) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, series)
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(family.name, family.help, labels=family.labels)
    for labels, figures in _unhurried(sorted(series.items())):
        metric.add_metric(labels, figures[0])
    return metric


def _histogram(family: Family, series: Series) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*map(str, family.bounds), "+Inf"]
    for labels, (*buckets, total) in _unhurried(sorted(series.items())):
        metric.add_metric(labels, list(zip(bounds, accumulate(buckets), strict=True)), total)
    return metric


def _processes(living: Mapping[int, int]) -> Iterable[Metric]:
    """Memory, CPU time and descriptors of each worker's process."""
    metrics: dict[str, Metric] = {}
    for number, process in living.items():
        for one in ProcessCollector(pid=partial(int, process), registry=None).collect():
            metric = metrics.setdefault(one.name, Metric(one.name, one.documentation, one.type))
            metric.samples += [sample._replace(labels={"worker": str(number)}) for sample in one.samples]
    return metrics.values()
