"""Says what becomes of the executions that a call considers, and what may make calls to their targets fail."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from actiond.actions.ports import MatchFacts, Obstacle, ObstacleKind, Preflight, Store
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.executions.plans import Considered, PlannedCall, PlannedExecution

MAX_LOOKUPS = 16
"""Targets that are looked at at once."""
MAX_SECONDS = 5.0
"""For so long, obstacles are looked for: names may hang."""
_TOO_MANY = (Obstacle(ObstacleKind.ADDRESS_DENIED, "it is not known: other names took too long to look up"),)


class Verdict(Enum):
    """What becomes of an execution."""

    RUNS = "runs"
    EMPTY = "empty"
    """It has no steps, so that nothing runs. It overrides wider conditions all the same."""
    NOT_SET = "not set"
    NOT_MATCHED = "not matched"
    """The call does not meet its match condition."""
    OVERRIDDEN = "overridden"
    """An execution of a narrower condition runs, or is empty."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A condition that a call meets, and what becomes of its execution."""

    considered: Considered
    verdict: Verdict
    match_error: str = ""
    """Why its match condition counts as met, though it cannot be evaluated; empty otherwise."""


def judge(considered: Iterable[Considered], facts: MatchFacts | None) -> list[Judged]:
    """Return what becomes of each, given the most specific one first.

    facts: what match conditions may look at; None where no execution has one.
    """
    judged: list[Judged] = []
    is_decided = False
    for one in considered:
        judgement = _judged(one, facts, is_decided=is_decided)
        is_decided = is_decided or judgement.verdict in (Verdict.RUNS, Verdict.EMPTY)
        judged.append(judgement)
    return judged


def _judged(considered: Considered, facts: MatchFacts | None, *, is_decided: bool) -> Judged:
    planned = considered.planned
    if planned is None:
        return Judged(considered, Verdict.NOT_SET)
    if is_decided:
        return Judged(considered, Verdict.OVERRIDDEN)
    error = ""
    if planned.match is not None and facts is not None:
        error = planned.match.fault(facts)
        if not error and not planned.match.is_met(facts):
            return Judged(considered, Verdict.NOT_MATCHED)
    return Judged(considered, Verdict.RUNS if planned.calls else Verdict.EMPTY, error)


def chosen(judged: Iterable[Judged]) -> PlannedExecution | None:
    """Return the execution that runs."""
    return next((one.considered.planned for one in judged if one.verdict is Verdict.RUNS), None)


class TargetInspector:
    """Finds what may make calls to targets fail."""

    def __init__(self, store: Store, preflight: Preflight, max_seconds: float = MAX_SECONDS) -> None:
        self._store = store
        self._max_seconds = max_seconds
        self._preflight = preflight

    async def obstacles(self, calls: Sequence[PlannedCall]) -> Mapping[str, Sequence[Obstacle]]:
        """Return the obstacles of each target, by its id, as far as they are found in time. Raises StoreError."""
        targets = {call.target.id: call for call in calls}
        places = asyncio.Semaphore(MAX_LOOKUPS)

        async def inspect(call: PlannedCall) -> Sequence[Obstacle]:
            async with places:
                return await self._inspect(call.target, call.keys)

        running = {name: asyncio.ensure_future(inspect(call)) for name, call in targets.items()}
        try:
            if running:
                await asyncio.wait(running.values(), timeout=self._max_seconds)
            # Before any is cancelled. Not in a TaskGroup, which would wrap a StoreError.
            return {name: task.result() if task.done() else _TOO_MANY for name, task in running.items()}
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    async def _inspect(self, target: Target, keys: Sequence[SigningKey]) -> Sequence[Obstacle]:
        found = list(await self._preflight.obstacles(target, keys))
        health = (await self._store.target_report(target.owner, target.id)).health
        if health is not None and health.is_paused:
            text = f"it is paused after {health.reason}: deliveries of events wait" if health.reason else "it is paused"
            found.append(Obstacle(ObstacleKind.TARGET_PAUSED, text))
        return found
