"""Measures rows side by side: rounds, the CPU time of processes, and the median over all rounds."""

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from operator import attrgetter
from statistics import median

from bench.load import Load

WARM_UP = 0.5
"""Maximum seconds of calls that are not counted."""
SATURATED = 0.9
"""Above this share of one core for the generator, or of all cores together, the generator limits the result."""

_ALL_THREADS = 2
"""CPUCLOCK_SCHED of Linux: the kind of clock that counts what the scheduler gave to a process."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one row in one round, or their medians over all rounds."""

    rate: float
    p50: float
    p99: float
    cpu: float
    """CPU seconds of the server's processes per call."""
    generator: float
    """The generator's share of a core; 0 where the bench's own process does the measured work."""
    others: float = 0.0
    """CPU seconds per call of the other processes that a call passes."""

    @property
    def is_saturated(self) -> bool:
        """Whether the load generator may have limited the server."""
        everything = self.rate * (self.cpu + self.others) + self.generator
        return self.generator > SATURATED or everything > SATURATED * (os.cpu_count() or 1)


RATE: Callable[[Figures], float] = attrgetter("rate")
CPU: Callable[[Figures], float] = attrgetter("cpu")


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one row in all rounds."""

    rounds: Sequence[Figures]

    @property
    def median(self) -> Figures:
        return Figures(*map(median, zip(*map(astuple, self.rounds), strict=True)))

    @property
    def spread(self) -> float:
        """The difference between the fastest and the slowest round, as a share of their median."""
        rates = [one.rate for one in self.rounds]
        return (max(rates) - min(rates)) / median(rates)

    def of(self, other: "Result", figure: Callable[[Figures], float] = RATE) -> float:
        """Return the ratio to another row's figure: the median over the rounds, so that both share their noise.

        It is infinite if the other's figure is 0, as the CPU time is of a row without a server to measure.
        """
        pairs = zip(self.rounds, other.rounds, strict=True)
        return median(figure(own) / figure(others) if figure(others) else math.inf for own, others in pairs)


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, and the processes whose CPU time counts."""

    load: Load
    processes: Sequence[int]
    others: Sequence[int] = ()


def measure(loads: Mapping[str, Measured], rounds: int, seconds: float) -> Mapping[str, Result]:
    """Measure each load. Rounds alternate between rows, so that all share noise."""
    for measured in loads.values():
        _round(measured, min(seconds, WARM_UP))
    taken: dict[str, list[Figures]] = {name: [] for name in loads}
    for _ in range(rounds):
        for name, measured in loads.items():
            taken[name].append(_round(measured, seconds))
    return {name: Result(figures) for name, figures in taken.items()}


def _round(measured: Measured, seconds: float) -> Figures:
    load, processes = measured.load, measured.processes
    # Each round opens new connections: the server closes those that were idle during the other rows' rounds.
    load.open()
    try:
        cpu, others, own = _cpu_seconds(processes), _cpu_seconds(measured.others), time.process_time()
        sample = load.run(seconds)
        cpu, others = _cpu_seconds(processes) - cpu, _cpu_seconds(measured.others) - others
        own = time.process_time() - own
    finally:
        load.close()
    return Figures(
        rate=sample.rate,
        p50=sample.percentile(50),
        p99=sample.percentile(99),
        cpu=cpu / sample.count,
        generator=0.0 if os.getpid() in processes else own / sample.seconds,
        others=others / sample.count,
    )


def _cpu_seconds(processes: Iterable[int]) -> float:
    """Return the CPU time so far, of all threads of the processes."""
    # The clock of clock_getcpuclockid(3), to the nanosecond; /proc counts in steps of 10 ms.
    return sum(time.clock_gettime(~process << 3 | _ALL_THREADS) for process in processes)
