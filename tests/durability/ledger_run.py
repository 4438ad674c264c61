"""Runs many rounds of kills and prints figures: `python -m tests.durability.ledger_run --rounds 200 --workers 2`."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.durability.delivery_audit import show
from tests.durability.delivery_rounds import Plan, Rounds, Story


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311  # no secret
    parser.add_argument("--pauses", action="store_true", help="pause targets after a few failures")
    parser.add_argument("--stalls", action="store_true", help="stop workers for longer than their leases, too")
    parser.add_argument("--stops", action="store_true", help="restart the server by SIGTERM, too")
    given = parser.parse_args()
    plan = Plan(given.rounds, given.workers, given.seed, pauses=given.pauses, stalls=given.stalls, stops=given.stops)
    _print(plan)
    directory = Path(tempfile.mkdtemp(prefix="actiond-ledger-"))
    if not _report(Rounds(directory, plan).run()):
        _print(f"VIOLATIONS: see {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


def _report(story: Story) -> bool:
    """Print what happened, and return whether all is well."""
    _print(f"{len(story.audits) - 1} rounds in {story.seconds:.0f} s, kills: {dict(story.kills)}")
    _print(f"responses lost: {story.lost_responses}, exit code: {story.exit_code}")
    _print(f"at the end: {show(story.last)}")
    violations = [(number, audit.violations()) for number, audit in enumerate(story.audits, 1) if audit.violations()]
    for number, found in violations:
        _print(f"look {number}: {found}")
    if story.undelivered:
        _print(f"undelivered: {story.undelivered}")
    if story.unlisted:
        _print(f"unlisted: {story.unlisted}")
    for fault in story.faults[:20]:
        _print(f"log: {fault}")
    return not (violations or story.undelivered or story.unlisted or story.faults or story.exit_code)


def _print(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
