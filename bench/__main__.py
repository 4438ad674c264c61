"""Measures calls over each protocol, compares them with peers and the bare limits, and prints a table for each part.

Everything runs on one machine, including the load generator: the ratios say more than the absolute figures.
"""

import argparse
import sys
from contextlib import ExitStack

from bench import deliveries, extproc, gateway, interceptors, misuse, report, targets, whole
from bench.load import CallError, Concluding
from bench.measure import Measured, measure
from bench.subjects import BACKLOG, WAITING, MissingError, Part, Servers

PARTS = {
    "actiond": whole.PART,
    "targets": targets.PART,
    "gateway": gateway.PART,
    "misuse": misuse.PART,
    "deliveries": deliveries.PART,
    "executions": interceptors.PART,
    "extproc": extproc.PART,
}


def _run(part: Part, arguments: argparse.Namespace) -> str:
    """Measure the part's rows that are asked for and return its tables."""
    subjects = [subject for subject in part.subjects if subject.name in arguments.only]
    loads, missing = {}, []
    with ExitStack() as stack:
        servers = Servers(part.starters, stack, arguments.waiting, arguments.backlog)
        for subject in subjects:
            try:
                server = servers.get(subject.server)
            except MissingError as error:
                missing.append(f"{subject.name} is skipped: {error}")
            else:
                load = part.clients[subject.protocol](server)
                loads[subject.name] = Measured(load, server.processes, server.others)
        results = measure(loads, arguments.rounds, arguments.seconds)
        conclusions = [one.load.conclude() for one in loads.values() if isinstance(one.load, Concluding)]
    comparisons = (
        report.goals(part.goals, results),
        report.bounds(part.bounds, results),
        report.pairs(part.pairs, results),
    )
    tables = (report.table(subjects, results), "\n".join(missing), *comparisons, *conclusions)
    return "\n\n".join([f"{part.title}:", *filter(None, tables)])


def _arguments() -> argparse.Namespace:
    names = [subject.name for part in PARTS.values() for subject in part.subjects]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="duration of a round of a row (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="number of rounds, whose median is shown (default: %(default)s)"
    )
    parser.add_argument(
        "--waiting",
        type=int,
        default=WAITING,
        help="calls that wait on a slow target, in `targets` (default: %(default)s)",
    )
    parser.add_argument(
        "--backlog",
        type=int,
        default=BACKLOG,
        help="deliveries that wait for a target that is down, in `deliveries` (default: %(default)s)",
    )
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="ROW", help=", ".join(names))
    arguments = parser.parse_args()
    unknown = set(arguments.parts).difference(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return arguments


def main() -> None:
    arguments = _arguments()
    print(f"median of {arguments.rounds} rounds of {arguments.seconds:g} s")
    print(report.machine(), end="\n\n", flush=True)
    try:
        for part in map(PARTS.__getitem__, arguments.parts or PARTS):
            if all(subject.name not in arguments.only for subject in part.subjects):
                continue
            print(_run(part, arguments), end="\n\n", flush=True)
    except CallError as error:
        sys.exit(f"a call failed: {error}")
    print(report.NOTES)


if __name__ == "__main__":
    main()
