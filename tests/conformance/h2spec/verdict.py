"""Compares what h2spec reported with the failures that are expected, and says what differs."""

import argparse
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

CASES = 146
"""How many cases h2spec has, strict ones included. Fewer mean that it did not come to its end."""
EXPECTED = Path(__file__).with_name("expected_failures.toml")

Case = tuple[str, str]
"""Its section, and its sentence."""


def expected(connection: str) -> set[Case]:
    """Return the cases that fail over this kind of connection."""
    listed = tomllib.loads(EXPECTED.read_text())["failure"]
    return {(case["section"], case["case"]) for case in listed if connection in case["over"]}


def reported(report: Path) -> dict[Case, bool]:
    """Return which cases were run, and whether each passed."""
    tree = ElementTree.parse(report)  # noqa: S314  # h2spec wrote it, just now
    return {(case.get("package", ""), case.get("classname", "")): not len(case) for case in tree.iter("testcase")}


def verdict(connection: str, cases: dict[Case, bool]) -> list[str]:
    """Return what is not as expected, a line for each."""
    failed = {case for case, passed in cases.items() if not passed}
    known = expected(connection)
    return [
        *(f"fails, which is not expected: {_text(case)}" for case in sorted(failed - known)),
        *(f"passes, or is no case: take it from the list: {_text(case)}" for case in sorted(known - failed)),
        *([f"{len(cases)} of {CASES} cases were run"] if len(cases) != CASES else []),
    ]


def _text(case: Case) -> str:
    return f"{case[0]}: {case[1]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("connection", choices=("cleartext", "tls"))
    parser.add_argument("report", type=Path, help="what h2spec wrote with --junit-report")
    arguments = parser.parse_args()
    results = reported(arguments.report)
    wrong = verdict(arguments.connection, results)
    passed = sum(results.values())
    lines = [f"h2spec over {arguments.connection}: {passed} of {len(results)} cases passed", *wrong]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(bool(wrong))
