"""A target that is down for days while events for it go on: what that costs, and what becomes of them.

Time is a test's clock, so that days pass at once; what things cost is counted, not timed.

python -m tests.storage.downtime DELIVERIES [memory]
"""
# ruff: noqa: T201, what it prints is what it is for

import asyncio
import random
import sys
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path

from actiond.actions.deliveries import AttemptKind, Delivery, DeliveryPolicy, DeliveryState
from actiond.actions.ports import Store
from actiond.actions.use_cases import housekeeping
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.support.delivering import (
    DELIVERED,
    HOUR_MS,
    MINUTE_MS,
    POLICY,
    SECOND_MS,
    UNREACHABLE,
    Ended,
    FakeClock,
    Worker,
    publish,
    start_delivering,
    subscribe,
)

STANDARD: DeliveryPolicy = replace(
    POLICY,
    retry_delays_ms=tuple(
        SECOND_MS * seconds for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    ),
)
ATTEMPT_MS = 100
"""How long an attempt takes."""
SICK, WELL = "1", "2"
LONG_AGGREGATES = 100
"""Aggregates that half of the events are of, so that most of those are behind another."""
PUBLISHED_AT_ONCE = 500
KEEPER_MS = 10 * MINUTE_MS
WELL_EVENTS = 32
"""As many as the target has places."""


@dataclass(slots=True)
class Figures:
    """What was counted."""

    deliveries: int = 0
    """Of the target that is down."""
    first_attempts: int = 0
    """Attempts at it until it was paused."""
    attempts_by_hour: list[int] = field(default_factory=list)
    """Attempts at it in each further hour of the outage, the first one left out."""
    probes: int = 0
    well_exchanges: int = 0
    """The most exchanges that a delivery of the other target waited for until it was claimed."""
    steps_before: int = 0
    """Steps of SQLite's machine for a claim of the other target's deliveries, without a backlog."""
    steps_beside: int = 0
    """The same beside the backlog."""
    bytes_before: int = 0
    """Size of the database with the backlog."""
    bytes_after: int = 0
    """The same at the end of the outage."""
    peak_bytes: int = 0
    """The most memory that an hour of the outage took beyond what was taken before it."""
    delivered: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    left: int = 0
    released_too_early: int = 0
    """The most deliveries that were due beyond twice those that the target had taken after the outage."""


@dataclass(slots=True)
class Outage:
    """Two targets of two owners on one store, of which one is down."""

    store: Store
    clock: FakeClock
    path: Path | None = None
    """Of the database; None in memory."""
    figures: Figures = field(default_factory=Figures)
    is_down: bool = True
    dice: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311  # no secret
    worker: Worker = field(init=False)
    attempts: Counter[tuple[str, AttemptKind]] = field(default_factory=Counter)
    _kept_ms: int = 0
    _patrolled: int = 0

    def __post_init__(self) -> None:
        self.worker = Worker(self.store, 1, STANDARD)

    async def begin(self) -> None:
        start_delivering(self.store, self.clock)
        await subscribe(self.store, "sick", [SICK])
        await subscribe(self.store, "well", [WELL])

    async def publish_for_the_sick(self, events: int) -> None:
        self.figures.deliveries += events
        for begin in range(0, events, PUBLISHED_AT_ONCE):
            numbers = range(begin, min(begin + PUBLISHED_AT_ONCE, events))
            await publish(
                self.store,
                "sick",
                *(f"long {n % LONG_AGGREGATES}" if n % 2 else f"{self.clock.ms}/{n}" for n in numbers),
            )

    async def publish_for_the_well(self) -> int:
        """Return how many exchanges it takes until all are claimed."""
        await publish(self.store, "well", *(f"{self.clock.ms}/{n}" for n in range(WELL_EVENTS)))
        claimed, exchanges = 0, 0
        while claimed < WELL_EVENTS:
            exchanges += 1
            claimed += await self.exchange_for(WELL)
        return exchanges

    async def exchange_for(self, target_id: str) -> int:
        """Exchange once, and return how many deliveries of a target were claimed."""
        ended = {key: self._end_of(one.delivery) for key, one in self.worker.running.items()}
        self.clock.pass_ms(ATTEMPT_MS if ended else 0)
        self.worker.jitter = self.dice.uniform(0.8, 1.2)
        exchanged = await self.worker.exchange(ended)
        self.figures.dead.update(reason.value for reason in exchanged.dead)
        for one in exchanged.claimed:
            self.attempts[one.delivery.target_id, one.delivery.kind] += 1
        return sum(one.delivery.target_id == target_id for one in exchanged.claimed)

    def _end_of(self, delivery: Delivery) -> Ended:
        fails = self.is_down and delivery.target_id == SICK
        self.figures.delivered += not fails and delivery.target_id == SICK
        return UNREACHABLE if fails else DELIVERED

    async def keep_house(self) -> None:
        await self.worker.adopt()
        after: str | None = ""
        while after is not None:
            after = await self.store.write(partial(housekeeping.sweep, policy=STANDARD, after=after))
        kept = await self.store.write(partial(housekeeping.patrol, policy=STANDARD, after=self._patrolled))
        self._patrolled = kept.next
        self.figures.dead.update(reason.value for reason in kept.dead)
        pruned: int | None = 0
        while pruned is not None:
            pruned = await self.store.write(partial(housekeeping.prune, policy=STANDARD, after=pruned))

    async def live(self, ms: int) -> None:
        """Let time pass, and do what is due in it."""
        end = self.clock.ms + ms
        while self.clock.ms < end:
            await self.exchange_for(SICK)
            if self.clock.ms >= self._kept_ms:
                self._kept_ms = self.clock.ms + KEEPER_MS
                await self.keep_house()
            if not self.worker.running:
                self.clock.pass_ms(max(1, min(end, self._kept_ms, await self.next_ms()) - self.clock.ms))

    async def next_ms(self) -> int:
        """Return when the next delivery or probe is due."""
        due_in_ms = await self.store.next_due_in_ms()
        health = await self.store.write(lambda transaction: transaction.deliveries.health([SICK]))
        moments = [one.paused_until_ms for one in health.values() if one.paused_until_ms is not None]
        return min([*moments, self.clock.ms + (HOUR_MS if due_in_ms is None else due_in_ms)])

    def attempts_at_the_sick(self) -> int:
        return sum(count for (target_id, _), count in self.attempts.items() if target_id == SICK)

    async def states(self) -> Counter[DeliveryState]:
        """Count the deliveries by state."""
        return Counter(
            {state: count for state, count in (await self.store.delivery_totals()).by_state.items() if count}
        )

    @contextmanager
    def counting_steps(self) -> Iterator[list[int]]:
        """Count the steps of SQLite's machine in changes, in the first item."""
        steps = [0]
        if isinstance(self.store, SqliteStore):

            def count() -> int:
                steps[0] += 1
                return 0

            self.store._connections.writer.set_progress_handler(count, 1)
        yield steps
        if isinstance(self.store, SqliteStore):
            self.store._connections.writer.set_progress_handler(None, 0)

    def bytes(self) -> int:
        """Return the size of the database, its log included."""
        if self.path is None:
            return 0
        return sum(file.stat().st_size for file in self.path.parent.iterdir())


async def simulate(outage: Outage, deliveries: int, days: int) -> Figures:
    """Let a target be down for days while events for it are published, and then come back."""
    figures = outage.figures
    await outage.begin()
    for _ in range(3):  # the first ones read what the later ones have in their caches
        with outage.counting_steps() as steps:
            await outage.publish_for_the_well()
        figures.steps_before = steps[0]
    # The outage begins: most of the events are there at once, which is the worst case.
    await outage.publish_for_the_sick(deliveries * 9 // 10)
    await outage.live(HOUR_MS)
    figures.first_attempts = outage.attempts_at_the_sick()
    figures.bytes_before = outage.bytes()
    for hour in range(days * 24):
        before = outage.attempts_at_the_sick()
        if hour == 1:
            tracemalloc.start()
        await outage.publish_for_the_sick(deliveries // 10 // (days * 24))
        await outage.live(SECOND_MS)  # what is new is parked, once
        with outage.counting_steps() as steps:
            figures.well_exchanges = max(figures.well_exchanges, await outage.publish_for_the_well())
        figures.steps_beside = max(figures.steps_beside, steps[0])
        await outage.live(HOUR_MS)
        if hour == 1:
            figures.peak_bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        figures.attempts_by_hour.append(outage.attempts_at_the_sick() - before)
    figures.bytes_after = outage.bytes()
    figures.probes = outage.attempts[SICK, AttemptKind.PROBE]
    # It is back.
    outage.is_down = False
    while sum((states := await outage.states()).values()) - states[DeliveryState.DEAD]:
        taken = figures.delivered
        await outage.live(SECOND_MS)
        due = (await outage.states())[DeliveryState.WAITING]
        figures.released_too_early = max(figures.released_too_early, due - 2 * (figures.delivered or taken))
        if not outage.worker.running:
            await outage.live(MINUTE_MS)
    figures.left = sum((await outage.states()).values())
    return figures


async def simulate_on_sqlite(directory: Path, deliveries: int, days: int = 3) -> Figures:
    clock = FakeClock()
    path = directory / "downtime.db"
    store = SqliteStore.open(path, clock=clock)
    # Power is not cut here, and thousands of changes need not wait for the disk.
    store._connections.writer.execute("PRAGMA synchronous = OFF")
    try:
        return await simulate(Outage(store, clock, path), deliveries, days)
    finally:
        await store.close()


async def simulate_in_memory(deliveries: int, days: int = 3) -> Figures:
    clock = FakeClock()
    return await simulate(Outage(MemoryStore(clock), clock), deliveries, days)


def _main() -> None:
    deliveries = int(sys.argv[1])
    if sys.argv[2:] == ["memory"]:
        figures = asyncio.run(simulate_in_memory(deliveries))
    else:
        with tempfile.TemporaryDirectory() as directory:
            figures = asyncio.run(simulate_on_sqlite(Path(directory), deliveries))
    for figure in fields(figures):
        print(f"{figure.name:20} {getattr(figures, figure.name)}")


if __name__ == "__main__":
    _main()
