"""The long run: `python -m tests.fuzz [--count N] [--seed S] [--edge E] [--only INDEX] [--sockets]`.

Prints of each edge how many inputs it took, how long the slowest answer took, and the kinds of answers. A case whose
answer broke a rule is printed with the command that shows it again; the exit code is then 1.
"""

import argparse
import asyncio
import faulthandler
import logging
import os
import secrets
import sys
import threading
import time

from tests.fuzz import garbage, http2_connections
from tests.fuzz.cases.generators import GENERATORS
from tests.fuzz.runs import Tally, faces, run, styles_of
from tests.fuzz.senders.sockets import SENDERS, http_senders

IN_PROCESS = [*GENERATORS, http2_connections.EDGE]
HANG = 30.0
"""Seconds after which a case that lets nothing else run is shown, and the run ended."""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _watch(edge: str, seed: int, indices: range, tally: Tally, done: threading.Event) -> None:
    seen, since = -1, time.monotonic()
    while not done.wait(1.0):
        if tally.inputs != seen:
            seen, since = tally.inputs, time.monotonic()
        elif time.monotonic() - since > HANG:
            _say(f"no answer for {HANG:.0f} s; again: --edge {edge} --seed {seed} --only {indices[seen]}")
            faulthandler.dump_traceback()
            os._exit(1)


async def _in_process(edge: str, seed: int, indices: range) -> Tally:
    tally, done = Tally(), threading.Event()
    # No task of this event loop could tell of a case that keeps the loop for itself.
    threading.Thread(target=_watch, args=(edge, seed, indices, tally, done), daemon=True).start()
    if edge == http2_connections.EDGE:
        await http2_connections.run(seed, indices, tally)
    else:
        async with faces(edge, styles_of(seed)) as senders:
            await run(edge, seed, indices, senders, tally)
    done.set()
    return tally


async def _over_sockets(edge: str, seed: int, indices: range) -> Tally:
    if edge in garbage.VICTIMS:
        return await garbage.run(edge, seed, indices)
    async with SENDERS.get(edge, http_senders)() as senders:
        return await run(edge, seed, indices, senders)


def _report(edge: str, tally: Tally, seconds: float) -> None:
    kinds = ", ".join(f"{kind}: {count}" for kind, count in tally.kinds.most_common())
    _say(f"{edge:20} | {tally.inputs:7} inputs in {seconds:4.0f} s | slowest {tally.slowest * 1000:4.0f} ms | {kinds}")
    for failures in tally.failures.values():
        _say(f"\n{len(failures)} times, first {failures[0]}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzes every edge of the gateway.")
    edges = [*IN_PROCESS, *garbage.VICTIMS]
    parser.add_argument("--count", type=int, default=100_000, help="inputs of each edge")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--edge", choices=edges, action="append", help="may be given more than once; default: all")
    parser.add_argument("--only", type=int, metavar="INDEX", help="the one case with this number")
    parser.add_argument("--sockets", action="store_true", help="over real servers, and garbage that is no request")
    return parser.parse_args()


def main() -> int:
    """The exit code: 1 if any answer was not as it must be."""
    options = _options()
    # What the gateway logs is looked at, not shown.
    logging.getLogger().addHandler(logging.NullHandler())
    indices = range(options.count) if options.only is None else range(options.only, options.only + 1)
    _say(f"seed {options.seed}")
    failed = False
    for edge in options.edge or ([*GENERATORS, *garbage.VICTIMS] if options.sockets else IN_PROCESS):
        begun = time.perf_counter()
        is_over_sockets = (options.sockets or edge in garbage.VICTIMS) and edge != http2_connections.EDGE
        work = _over_sockets if is_over_sockets else _in_process
        tally = asyncio.run(work(edge, options.seed, indices))
        _report(edge, tally, time.perf_counter() - begun)
        failed |= bool(tally.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
