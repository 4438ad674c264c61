"""Deliveries of many aggregates, while several publish and several deliver: none is stuck, none comes too early."""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from actiond.actions.deliveries import DeliveryState
from actiond.actions.events import qualified_id
from actiond.actions.ports import AttemptResult, Store, TargetRequest, Transaction
from actiond.executions.courier import Courier, CourierLimits
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.executions.couriers import ACCEPTED, REFUSED, Receiver, a_courier, eventually, running
from tests.support.delivering import POLICY, all_rows, append, publish, start_delivering, subscribe

TARGETS = ("1", "2")
AGGREGATES = 40
EVENTS = 600
EVENTS_OF_A_CHANGE = 3
DELIVERIES = EVENTS * len(TARGETS)
QUICK = replace(POLICY, retry_delays_ms=(20, 20, 20, 20, 20, 20, 20, 20, 20), pause_failures=10_000)


@dataclass(slots=True)
class Log:
    """What all receivers have got, in the order in which it came."""

    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  # no secret
    first: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """Sequences of first attempts, by target and aggregate."""
    beginning: set[tuple[str, str]] = field(default_factory=set)
    """Targets and aggregates of which a first attempt runs."""
    overlaps: int = 0
    """First attempts that began while that of an earlier event ran."""
    accepted: list[str] = field(default_factory=list)
    """Ids of the deliveries."""
    refused: int = 0
    counted: Counter[DeliveryState] = field(default_factory=Counter)
    """How many deliveries the store counts in the end."""

    def answer(self, request: TargetRequest) -> AttemptResult:
        # A delivery that fails each time would die, which is not what this is about.
        if request.attempt < 6 and self.dice.random() < 0.25:
            self.refused += 1
            return REFUSED
        self.accepted.append(request.message_id)
        return ACCEPTED


@dataclass(slots=True)
class SlowReceiver(Receiver):
    """Notes each attempt when it comes, and takes a moment for it."""

    log: Log = field(default_factory=Log)

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        event, log = json.loads(request.body), self.log
        key = request.target.id, event["aggregateID"]
        if request.attempt == 1:
            log.first[key].append(event["sequence"])
            log.overlaps += key in log.beginning
            log.beginning.add(key)
        await asyncio.sleep(log.dice.random() / 200)
        if request.attempt == 1:
            log.beginning.discard(key)
        return log.answer(request)


async def fail_to_publish(store: Store, order: str) -> None:
    """Append an event in a change that fails, so that what is written in the same batch is run again."""

    def change(transaction: Transaction) -> None:
        append(transaction, "owner", "order", qualified_id("owner", "order", order), "order.placed")
        raise KeyError(order)

    with suppress(KeyError):
        await store.write(change)


async def deliver_all(stores: Sequence[Store], couriers: int, publishers: int) -> Log:
    """Publish on all stores while couriers on all of them deliver, and return what was received."""
    log = Log()
    working: list[Courier] = []
    for number in range(couriers):
        receiver, limits = SlowReceiver(log=log), CourierLimits(32, 16, poll_seconds=0.02)
        working.append(a_courier(stores[number % len(stores)], receiver, QUICK, limits, worker=number + 1))
    for number, store in enumerate(stores):
        start_delivering(store, time.time_ns, working[number].wake, worker=number)
    await subscribe(stores[0], "owner", TARGETS)

    async def publish_some(number: int) -> None:
        for change in range(EVENTS // EVENTS_OF_A_CHANGE // publishers):
            order = str((change * publishers + number) % AGGREGATES)
            store = stores[number % len(stores)]
            await asyncio.gather(
                publish(store, "owner", *[order] * EVENTS_OF_A_CHANGE),
                fail_to_publish(store, order),
            )

    async with AsyncExitStack() as stack:
        for courier in working:
            await stack.enter_async_context(running(courier))
        await asyncio.gather(*(publish_some(number) for number in range(publishers)))

        async def nothing_is_left() -> bool:
            return await stores[0].write(all_rows) == {}

        await eventually(nothing_is_left, "everything is delivered")
    log.counted = Counter((await stores[0].delivery_totals()).by_state)
    return log


def check(log: Log) -> None:
    """Check that everything was delivered, and that the first attempts of each aggregate were in order."""
    assert len(log.accepted) == len(set(log.accepted)) == DELIVERIES
    assert DELIVERIES / 5 < log.refused < DELIVERIES / 2
    assert len(log.first) == AGGREGATES * len(TARGETS)
    assert log.overlaps == log.counted.total() == 0
    for sequences in log.first.values():
        assert sequences == [*range(1, EVENTS // AGGREGATES + 1)]


async def test_three_couriers_on_one_database_keep_the_order_of_first_attempts_and_lose_nothing(tmp_path: Path) -> None:
    stores = [SqliteStore.open(tmp_path / "order.db") for _ in range(3)]
    log = await deliver_all(stores, couriers=3, publishers=4)
    for store in stores:
        await store.close()
    check(log)


async def test_a_courier_keeps_the_order_of_first_attempts_and_loses_nothing() -> None:
    check(await deliver_all([MemoryStore()], couriers=1, publishers=4))
