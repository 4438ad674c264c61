"""Calls of the shop past their executions, each way: see scenarios.py for the table."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.gates.scenarios import SCENARIOS, End, Scenario, Step
from tests.gates.ways import METHODS, Way, open_ways
from tests.support.proxied.clients import Outcome
from tests.support.proxied.system import System

BODY = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, dict[str, Way]]]:
    window = f"initial_stream_window_size: {BODY + 5}"
    edits = [
        lambda text: text.replace("initial_stream_window_size: 1048581", window),
        lambda text: text.replace(
            "per_connection_buffer_limit_bytes: 2097152", f"per_connection_buffer_limit_bytes: {2 * BODY}"
        ),
        lambda text: text.replace("max_request_body_size: 1048576", f"max_request_body_size: {2 * BODY}"),
    ]
    with open_ways(tmp_path_factory.mktemp("ways"), "--max-body", str(2 * BODY), edits=edits) as (system, ways):
        yield system, ways
        stderr = system.server.stderr
    assert "Traceback" not in stderr, stderr


def _set(system: System, kind: str, path: str, steps: tuple[Step, ...]) -> None:
    for step in steps:
        if step.answers:
            system.targets.script(step.path, *step.answers)
    targets = [system.target(step.path, step.kind, interrupts=step.interrupts, seconds=step.seconds) for step in steps]
    system.set(kind, path, *targets)


@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        pytest.param(scenario, name, id=f"{scenario.name}: {name}")
        for scenario in SCENARIOS
        for name, methods in METHODS.items()
        if scenario.path in methods and name not in scenario.lacks
    ],
)
def test_a_call_ends_the_same_whatever_way_it_takes(
    started: tuple[System, dict[str, Way]], scenario: Scenario, name: str
) -> None:
    system, ways = started
    way = ways[name]
    _set(system, "request", scenario.path, scenario.request)
    _set(system, "response", scenario.path, scenario.response)
    way.settle()
    already = len(way.shop.orders)
    try:
        outcome = way.call(
            scenario.path, *scenario.orders, seconds=scenario.seconds, is_compressed=scenario.is_compressed
        )
    finally:
        system.forget()
    reached = way.shop.orders[already:]
    end = scenario.differs[name].end if name in scenario.differs else scenario.end
    if end.message is None:
        outcome.message, end = "", replace(end, message="")
    assert _end(outcome, reached) == end
    assert {len(one.data) for one in (*reached, *outcome.receipts)} <= {scenario.size}


def _end(outcome: Outcome, reached: list[Any]) -> End:
    receipts = tuple((one.id, one.count) for one in outcome.receipts)
    return End(outcome.code, outcome.message, tuple(outcome.details), receipts, tuple(one.id for one in reached))
