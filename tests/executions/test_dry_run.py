"""What becomes of the executions that a call considers, and what stands in the way of their targets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.actions.errors import StoreUnavailableError
from actiond.actions.ports import MatchFacts, Obstacle, ObstacleKind
from actiond.actions.queries import TargetReport
from actiond.actions.signing_keys import SigningKey
from actiond.actions.target_health import TargetHealth
from actiond.actions.targets import Target, TargetType
from actiond.executions.dry_run import MAX_LOOKUPS, TargetInspector, Verdict, chosen, judge
from actiond.executions.plans import Considered, PlannedCall, PlannedExecution
from actiond.storage.memory import MemoryStore

RUNS, EMPTY, NOT_SET, NOT_MATCHED, OVERRIDDEN = Verdict
CONDITION = Condition(ExecutionType.REQUEST, Scope.ALL)
FACTS = MatchFacts("/a.B/C", {}, "", "1", None)
DENIED = Obstacle(ObstacleKind.ADDRESS_DENIED, "it must not be called")


def call(number: int = 1) -> PlannedCall:
    target = Target(str(number), "1", "a target", TargetType.CALL, True, 1, "https://example.com/", 1, 0, 0)
    return PlannedCall(target, ())


@dataclass(frozen=True)
class Match:
    """A match condition that is met or not, or that cannot be evaluated."""

    word: str

    def is_met(self, _facts: MatchFacts) -> bool:
        return self.word != "unmet"

    def fault(self, _facts: MatchFacts) -> str:
        return "no such key" if self.word == "odd" else ""


def considered(word: str) -> Considered:
    """Return an execution by a word: `none`, `full` or `empty`, and what its match condition says of the call."""
    kind, _, match = word.partition(" ")
    if kind == "none":
        return Considered(CONDITION)
    calls = (call(),) if kind == "full" else ()
    return Considered(CONDITION, "x", PlannedExecution(kind, calls, Match(match) if match else None))


@pytest.mark.parametrize(
    ("words", "verdicts"),
    [
        (["none", "none"], [NOT_SET, NOT_SET]),
        (["full", "full", "none"], [RUNS, OVERRIDDEN, NOT_SET]),
        (["none", "full"], [NOT_SET, RUNS]),
        (["empty", "full"], [EMPTY, OVERRIDDEN]),
        (["full unmet", "full met", "empty"], [NOT_MATCHED, RUNS, OVERRIDDEN]),
        (["full unmet", "none", "empty unmet"], [NOT_MATCHED, NOT_SET, NOT_MATCHED]),
        (["empty met", "full unmet"], [EMPTY, OVERRIDDEN]),
        (["full odd", "full odd"], [RUNS, OVERRIDDEN]),
    ],
)
def test_the_first_execution_that_is_for_the_call_overrides_those_after_it(
    words: list[str], verdicts: list[Verdict]
) -> None:
    judged = judge(map(considered, words), FACTS)
    assert [one.verdict for one in judged] == verdicts
    running = chosen(judged)
    assert (running is not None) == (RUNS in verdicts)
    if running is not None:
        assert running is judged[verdicts.index(RUNS)].considered.planned


@dataclass
class Looking:
    """Notes how many targets are looked at at once."""

    looked_at: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def obstacles(self, target: Target, _keys: Sequence[SigningKey]) -> Sequence[Obstacle]:
        self.looked_at.append(target.id)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        return [DENIED]


class Hanging:
    """Looks at targets for ever."""

    cancelled = 0

    async def obstacles(self, _target: Target, _keys: Sequence[SigningKey]) -> Sequence[Obstacle]:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1
        return []


class Store(MemoryStore):
    """Knows of one target that it is paused, and of another one nothing, as it fails."""

    async def target_report(self, owner: str, target_id: str) -> TargetReport:
        if target_id == "broken":
            raise StoreUnavailableError
        health = TargetHealth(target_id, owner, is_held=True, reason="status 410") if target_id == "2" else None
        return TargetReport(health, None, {})


async def test_each_target_is_looked_at_once_and_what_stands_in_its_way_is_said_for_each() -> None:
    looking = Looking()
    found = await TargetInspector(Store(), looking).obstacles([call(1), call(2), call(1)])
    paused = Obstacle(ObstacleKind.TARGET_PAUSED, "it is paused after status 410: deliveries of events wait")
    assert found == {"1": [DENIED], "2": [DENIED, paused]}
    assert looking.looked_at == ["1", "2"]


async def test_few_targets_are_looked_at_at_once() -> None:
    looking = Looking()
    await TargetInspector(Store(), looking).obstacles([call(number) for number in range(3, 103)])
    assert (len(looking.looked_at), looking.most) == (100, MAX_LOOKUPS)


async def test_targets_whose_names_hang_hold_up_a_dry_run_for_a_bounded_time() -> None:
    hanging = Hanging()
    found = await TargetInspector(Store(), hanging, max_seconds=0.05).obstacles([call(number) for number in range(40)])
    assert {obstacle.kind for obstacles in found.values() for obstacle in obstacles} == {ObstacleKind.ADDRESS_DENIED}
    assert (len(found), hanging.cancelled) == (40, MAX_LOOKUPS)


async def test_an_error_of_the_store_is_raised_as_it_is() -> None:
    broken = PlannedCall(Target("broken", "1", "", TargetType.CALL, True, 1, "", 1, 0, 0), ())
    with pytest.raises(StoreUnavailableError):
        await TargetInspector(Store(), Looking()).obstacles([call(1), broken, call(2)])


def test_it_is_told_why_a_match_condition_counts_as_met_though_it_cannot_be_evaluated() -> None:
    judged = judge(map(considered, ["full unmet", "full odd", "full odd"]), FACTS)
    assert [one.match_error for one in judged] == ["", "no such key", ""]
