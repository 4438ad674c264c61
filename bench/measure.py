"""Measures rows side by side: rounds, the processes' time, and the median over all rounds."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import nan
from operator import attrgetter
from pathlib import Path
from statistics import median

from bench.load import Load

WARM_UP = 0.5
"""Seconds, at the most, of calls that do not count."""
SATURATED = 0.9
"""From this share on, of a core for the generator or of all cores together, more than the server is measured."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """One row in one round, or in the median over all."""

    rate: float
    p50: float
    p99: float
    cpu: float
    """Seconds of the server's processes, a call."""
    generator: float
    """The share of a core that the generator took; 0 where there is none, the bench's own process doing the work."""

    @property
    def is_saturated(self) -> bool:
        """Whether the load generator stood in the server's way."""
        everything = self.rate * self.cpu + self.generator
        return self.generator > SATURATED or everything > SATURATED * (os.cpu_count() or 1)


RATE: Callable[[Figures], float] = attrgetter("rate")


@dataclass(frozen=True, slots=True)
class Result:
    """One row over all rounds."""

    rounds: Sequence[Figures]

    @property
    def median(self) -> Figures:
        return Figures(*map(median, zip(*map(astuple, self.rounds), strict=True)))

    @property
    def spread(self) -> float:
        """From the slowest round to the fastest, of their median."""
        rates = [one.rate for one in self.rounds]
        return (max(rates) - min(rates)) / median(rates)

    def of(self, other: "Result", figure: Callable[[Figures], float] = RATE) -> float:
        """A figure beside another row's: the median of the rounds' ratios, whose noise is of one moment."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        # The processes' time is counted in steps of 10 ms: a very short round may see none.
        return median(figure(own) / (figure(others) or nan) for own, others in pairs)


def measure(loads: Mapping[str, tuple[Load, Sequence[int]]], rounds: int, seconds: float) -> Mapping[str, Result]:
    """All rows once, then all of them again: a noisy moment meets every row. Each comes with its processes."""
    for load, processes in loads.values():
        _round(load, processes, min(seconds, WARM_UP))
    taken: dict[str, list[Figures]] = {name: [] for name in loads}
    for _ in range(rounds):
        for name, (load, processes) in loads.items():
            taken[name].append(_round(load, processes, seconds))
    return {name: Result(figures) for name, figures in taken.items()}


def _round(load: Load, processes: Sequence[int], seconds: float) -> Figures:
    # On connections of its own: the server closes those that were idle while the other rows had their turn.
    load.open()
    try:
        cpu, own = _cpu_seconds(processes), time.process_time()
        sample = load.run(seconds)
        cpu, own = _cpu_seconds(processes) - cpu, time.process_time() - own
    finally:
        load.close()
    return Figures(
        rate=sample.rate,
        p50=sample.percentile(50),
        p99=sample.percentile(99),
        cpu=cpu / len(sample.latencies),
        generator=0.0 if os.getpid() in processes else own / sample.seconds,
    )


def _cpu_seconds(processes: Iterable[int]) -> float:
    """User and system time so far, of all their threads."""
    return sum(map(_ticks, processes)) / _TICKS


def _ticks(process: int) -> int:
    # proc(5): utime and stime are the 14th and 15th field; the second, in brackets, is a name that may hold anything.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
