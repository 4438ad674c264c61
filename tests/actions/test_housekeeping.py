"""Housekeeping of deliveries in each store: what is released, given up, mended and removed, and when."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from actiond.actions.deliveries import LOST, OK, DeathReason, Delivery, DeliveryState
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryQuery
from actiond.actions.target_health import FIRST_PORTION, TargetHealth
from actiond.actions.use_cases import housekeeping
from actiond.actions.use_cases.housekeeping import LEASE_MS, PORTION, SWEPT_TARGETS
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.support.delivering import (
    DAY_MS,
    DELIVERED,
    FAILED,
    GONE,
    HOUR_MS,
    POLICY,
    SECOND_MS,
    FakeClock,
    Worker,
    all_rows,
    publish,
    remove_target,
    start_delivering,
    subscribe,
)

WAITING, BEHIND, PARKED, DEAD = (
    DeliveryState.WAITING,
    DeliveryState.BEHIND,
    DeliveryState.PARKED,
    DeliveryState.DEAD,
)
PAUSING = replace(POLICY, pause_failures=1, pause_failing_ms=0)
"""Pauses a target after one failure."""
RESUMED = TargetHealth("1", "owner", portion=64, pending=5)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    store = MemoryStore(clock) if request.param == "memory" else SqliteStore.open(tmp_path / "x.db", clock=clock)
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    yield store
    await store.close()


async def publish_orders(store: Store, orders: int, owner: str = "owner") -> None:
    """Publish events that need not be delivered one by one."""
    await publish(store, owner, *map(str, range(orders)))


async def rows_of(store: Store) -> list[Delivery]:
    return [*(await store.write(all_rows)).values()]


async def states_of(store: Store) -> dict[DeliveryState, int]:
    return dict(Counter(row.state for row in await rows_of(store)))


async def reasons_of(store: Store) -> dict[DeathReason | None, int]:
    return dict(Counter(row.reason for row in await rows_of(store)))


async def park_first(store: Store, health: TargetHealth) -> None:
    """Park what is due, at a target that is so well."""
    await Worker(store, 1, per_target=0).exchange()
    await store.write(lambda transaction: transaction.deliveries.put_health([health]))


async def park_all(store: Store, *, target_id: str = "1", health: TargetHealth | None = None) -> None:
    """Park all deliveries of a target, as a worker does that has no place for them."""

    def change(transaction: Transaction) -> None:
        rows = [row for row in all_rows(transaction).values() if row.target_id == target_id]
        transaction.deliveries.save([(row, row.parked()) for row in rows])
        if health is not None:
            transaction.deliveries.put_health([health])

    await store.write(change)


async def sweep(store: Store) -> int:
    """Sweep all targets, and return in how many portions."""
    after: str | None = ""
    portions = 0
    while after is not None:
        after = await store.write(partial(housekeeping.sweep, policy=POLICY, after=after))
        portions += 1
    return portions


async def patrol(store: Store) -> list[DeathReason]:
    """Look at all deliveries, and return why some were given up."""
    dead: list[DeathReason] = []
    after = -1
    while after:
        kept = await store.write(partial(housekeeping.patrol, policy=POLICY, after=max(0, after)))
        after = kept.next
        dead += kept.dead
    return dead


async def prune(store: Store) -> int:
    """Prune all that is old, and return in how many portions."""
    after: int | None = 0
    portions = 0
    while after is not None:
        after = await store.write(partial(housekeeping.prune, policy=POLICY, after=after))
        portions += 1
    return portions


# The lease.


async def take(store: Store, keeper: int) -> bool:
    return await store.write(partial(housekeeping.take_lease, keeper=keeper))


async def test_one_process_keeps_house_at_a_time(store: Store) -> None:
    assert await take(store, 1)
    assert not await take(store, 2)
    assert await take(store, 1)


async def test_another_process_takes_over_once_the_lease_has_passed(store: Store, clock: FakeClock) -> None:
    await take(store, 1)
    clock.pass_ms(LEASE_MS - 1)
    assert not await take(store, 2)
    clock.pass_ms(1)
    assert await take(store, 2)
    assert not await take(store, 1)


async def test_a_process_that_renews_its_lease_keeps_it(store: Store, clock: FakeClock) -> None:
    for _ in range(5):
        assert await take(store, 1)
        clock.pass_ms(LEASE_MS - 1)
        assert not await take(store, 2)


async def test_a_process_that_ends_leaves_the_lease_to_another_at_once(store: Store) -> None:
    await take(store, 1)
    await store.write(partial(housekeeping.end_lease, keeper=2))  # it has none to end
    assert not await take(store, 2)
    await store.write(partial(housekeeping.end_lease, keeper=1))
    assert await take(store, 2)


# The sweep.


@pytest.mark.parametrize(
    ("health", "released"),
    [
        (None, 0),
        (TargetHealth("1", "owner", failures=3), 0),
        (RESUMED, FIRST_PORTION),
        (TargetHealth("1", "owner", paused_until_ms=2**50), 0),
        (TargetHealth("1", "owner", paused_until_ms=1), 0),  # over, but a probe goes first
        (TargetHealth("1", "owner", is_held=True), 0),
    ],
    ids=["healthy", "failing", "being resumed", "paused", "paused until now", "held"],
)
async def test_a_sweep_releases_what_belongs_to_a_target_that_is_being_resumed(
    store: Store, health: TargetHealth | None, released: int
) -> None:
    await publish_orders(store, FIRST_PORTION + 1)
    await park_all(store, health=health)
    await sweep(store)
    assert (await states_of(store)).get(WAITING, 0) == released


async def test_the_oldest_are_released_first(store: Store) -> None:
    await publish_orders(store, FIRST_PORTION + 1)
    await park_all(store, health=RESUMED)
    await sweep(store)
    parked = [row.id for row in await rows_of(store) if row.state is PARKED]
    assert parked == [max(row.id for row in await rows_of(store))]


async def test_each_target_is_swept_once(store: Store) -> None:
    targets = [str(number) for number in range(100, 101 + 2 * SWEPT_TARGETS)]
    await subscribe(store, "another", targets)
    await publish(store, "another", "1")
    for target_id in targets:
        await park_all(store, target_id=target_id, health=replace(RESUMED, target_id=target_id, owner="another"))
    assert await sweep(store) == 3
    assert await states_of(store) == {WAITING: len(targets)}


async def test_a_sweep_changes_nothing_where_nothing_is_parked(store: Store) -> None:
    await publish(store, "owner", "1", "1", "2")
    before = await rows_of(store)
    await sweep(store)
    assert await rows_of(store) == before


# The patrol.


async def test_a_parked_delivery_dies_of_age(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 2)
    await park_all(store, health=TargetHealth("1", "owner", is_held=True))
    clock.pass_ms(POLICY.max_age_ms)
    assert await patrol(store) == []
    clock.pass_ms(1)
    assert await patrol(store) == [DeathReason.AGE] * 2
    assert await reasons_of(store) == {DeathReason.AGE: 2}


async def test_a_parked_delivery_of_a_healthy_target_dies_of_age_only_if_it_was_attempted(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 2)
    worker = Worker(store, 1)
    await worker.exchange(limit=1)
    await worker.end_all(FAILED, limit=0)
    await park_all(store)
    clock.pass_ms(POLICY.max_age_ms + 1)
    assert await patrol(store) == [DeathReason.AGE]
    assert await states_of(store) == {PARKED: 1, DEAD: 1}


async def test_the_next_of_an_aggregate_goes_first_when_the_first_dies_of_age(store: Store, clock: FakeClock) -> None:
    await publish(store, "owner", "1", "1")
    await park_first(store, TargetHealth("1", "owner", is_held=True))
    assert await states_of(store) == {PARKED: 1, BEHIND: 1}
    clock.pass_ms(POLICY.max_age_ms + 1)
    await patrol(store)
    assert await states_of(store) == {DEAD: 1, WAITING: 1}


async def test_a_delivery_that_waits_for_its_retry_does_not_die_before_it(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.end_all(FAILED, limit=0)
    clock.pass_ms(POLICY.max_age_ms + 1)
    assert await patrol(store) == []


async def test_the_deliveries_of_a_removed_target_die_whatever_their_state(store: Store) -> None:
    await publish(store, "owner", "1", "1", "2")
    await Worker(store, 1, per_target=0).exchange()
    await publish(store, "owner", "3")
    assert await states_of(store) == {WAITING: 1, BEHIND: 1, PARKED: 2}
    await store.write(partial(remove_target, owner="owner", target_id="1"))
    assert await patrol(store) == [DeathReason.TARGET_REMOVED] * 4
    assert await reasons_of(store) == {DeathReason.TARGET_REMOVED: 4}


async def test_an_attempt_at_a_removed_target_may_end(store: Store) -> None:
    await publish_orders(store, 2)
    worker = Worker(store, 1)
    await worker.exchange()
    await store.write(partial(remove_target, owner="owner", target_id="1"))
    assert await patrol(store) == []
    first, second = worker.running
    await worker.exchange({first: DELIVERED, second: FAILED})
    assert await patrol(store) == [DeathReason.TARGET_REMOVED]
    assert await store.attempts("owner", first[0])


async def test_what_a_clock_that_was_ahead_has_put_off_is_due_again(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "clock.db"
    clock.pass_ms(HOUR_MS)
    ahead = SqliteStore.open(path, clock=clock)
    start_delivering(ahead, clock)
    await subscribe(ahead, "owner", ["1"])
    await publish_orders(ahead, 3)
    worker = Worker(ahead, 1)
    await worker.exchange(limit=2)
    await worker.exchange({next(iter(worker.running)): FAILED}, limit=0)  # one waits, one is claimed, one is due
    await ahead.close()
    clock.pass_ms(-10 * HOUR_MS)
    store = SqliteStore.open(path, clock=clock)  # in a new process: within one, time never goes back
    assert not (await Worker(store, 2).exchange()).claimed
    assert await patrol(store) == []
    exchanged = await Worker(store, 2).exchange()
    assert (len(exchanged.claimed), exchanged.leases_lost) == (3, 1)
    await store.close()


async def test_a_claim_is_due_again_as_soon_as_its_lease_is_longer_than_any(tmp_path: Path, clock: FakeClock) -> None:
    clock.pass_ms(3 * SECOND_MS)
    ahead = SqliteStore.open(tmp_path / "clock.db", clock=clock)
    start_delivering(ahead, clock)
    await subscribe(ahead, "owner", ["1"])
    await publish_orders(ahead, 1)
    await Worker(ahead, 1).exchange()
    await ahead.close()
    clock.pass_ms(-3 * SECOND_MS)  # within what a retry may be put off by
    store = SqliteStore.open(tmp_path / "clock.db", clock=clock)
    await patrol(store)
    assert (await Worker(store, 2).exchange()).leases_lost == 1
    await store.close()


async def test_what_is_dead_stays_as_it_is_when_its_target_is_removed(store: Store) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1, replace(POLICY, retry_delays_ms=()))
    await worker.exchange()
    await worker.end_all(FAILED)
    before = await rows_of(store)
    await store.write(partial(remove_target, owner="owner", target_id="1"))
    assert await patrol(store) == []
    assert await rows_of(store) == before


async def test_a_retry_that_was_put_off_by_a_day_is_left_alone(store: Store, clock: FakeClock) -> None:
    policy = replace(POLICY, retry_delays_ms=(DAY_MS,))
    await publish_orders(store, 1)
    worker = Worker(store, 1, policy, jitter=1.2)
    await worker.exchange()
    await worker.end_all(FAILED, limit=0)
    before = await rows_of(store)
    await store.write(partial(housekeeping.patrol, policy=policy, after=0))
    assert await rows_of(store) == before


async def test_what_is_behind_nothing_goes_first(store: Store) -> None:
    await publish(store, "owner", "1")
    (row,) = await rows_of(store)
    # Only a fault could leave it so.
    await store.write(lambda transaction: transaction.deliveries.save([(row, row.behind())]))
    await patrol(store)
    assert await states_of(store) == {WAITING: 1}


async def test_a_patrol_looks_at_everything_in_portions(store: Store, clock: FakeClock) -> None:
    orders = 2 * PORTION + 500
    await publish_orders(store, orders)
    await park_all(store, health=TargetHealth("1", "owner", is_held=True))
    clock.pass_ms(POLICY.max_age_ms + 1)
    first = await store.write(partial(housekeeping.patrol, policy=POLICY, after=0))
    assert len(first.dead) == PORTION
    assert await patrol(store) == [DeathReason.AGE] * (orders - PORTION)
    assert await states_of(store) == {DEAD: orders}
    assert await patrol(store) == []


# Pruning.


async def test_attempts_are_kept_for_as_long_as_they_shall_be(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    (row,) = await rows_of(store)
    await worker.exchange()
    await worker.end_all(DELIVERED)
    clock.pass_ms(POLICY.attempt_retention_ms)
    await prune(store)
    assert [attempt.outcome for attempt in await store.attempts("owner", row.id)] == [OK]
    assert [found.delivery.state for found in await store.find_deliveries("owner", DeliveryQuery())] == [
        DeliveryState.DELIVERED
    ]
    clock.pass_ms(1)
    await prune(store)
    assert await store.attempts("owner", row.id) == []
    assert await store.find_deliveries("owner", DeliveryQuery()) == []


async def test_dead_deliveries_are_kept_for_as_long_as_they_shall_be(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 2)
    worker = Worker(store, 1, replace(POLICY, retry_delays_ms=()))
    await worker.exchange()
    await worker.end_all(FAILED)
    clock.pass_ms(POLICY.dead_retention_ms)
    await prune(store)
    assert await states_of(store) == {DEAD: 2}
    clock.pass_ms(1)
    await prune(store)
    assert await states_of(store) == {}


async def test_dead_deliveries_go_in_portions_though_no_attempts_are_left(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 2 * PORTION + 500)
    await park_all(store, health=TargetHealth("1", "owner", is_held=True))
    clock.pass_ms(POLICY.max_age_ms + 1)
    await patrol(store)
    clock.pass_ms(POLICY.dead_retention_ms + 1)
    assert await prune(store) == 3
    assert await states_of(store) == {}


async def test_what_is_not_finished_is_never_pruned(store: Store, clock: FakeClock) -> None:
    await publish(store, "owner", "1", "1", "2")
    await Worker(store, 1, per_target=0).exchange(limit=1)
    before = await rows_of(store)
    clock.pass_ms(1_000 * DAY_MS)
    await prune(store)
    assert await rows_of(store) == before


async def test_everything_that_is_old_goes_in_portions_and_nothing_else(store: Store, clock: FakeClock) -> None:
    old, new = 2 * PORTION + 500, 100
    worker = Worker(store, 1, attempts=4_096, per_target=4_096)
    await publish_orders(store, old)
    await worker.adopt()
    while (await worker.end_all(DELIVERED)).claimed:
        """Deliver the next ones."""
    clock.pass_ms(POLICY.attempt_retention_ms + 1)
    await publish_orders(store, new)
    while (await worker.end_all(DELIVERED)).claimed:
        """Deliver the next ones."""
    assert await prune(store) >= 3
    assert len(await store.find_deliveries("owner", DeliveryQuery())) == new


async def test_a_delivery_retried_by_hand_keeps_its_number_of_attempts_though_their_log_is_gone(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1, replace(POLICY, retry_delays_ms=()))
    await worker.exchange()
    await worker.end_all(FAILED)
    clock.pass_ms(POLICY.attempt_retention_ms + 1)
    await prune(store)
    (row,) = await rows_of(store)
    await store.write(
        lambda transaction: transaction.deliveries.save([(row, row.retried_by_hand(clock.ms).waiting(clock.ms))])
    )
    (claimed,) = (await worker.exchange()).claimed
    assert claimed.delivery.attempts == 2


# Targets that are gone for good.


async def test_the_backlog_of_a_target_that_wants_no_more_dies_and_is_removed_in_the_end(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 5)
    worker = Worker(store, 1)
    await worker.exchange(limit=1)
    await worker.end_all(GONE)
    assert await states_of(store) == {PARKED: 5}
    clock.pass_ms(POLICY.max_age_ms + 1)
    await patrol(store)
    assert await reasons_of(store) == {DeathReason.AGE: 5}
    clock.pass_ms(POLICY.dead_retention_ms + 1)
    await prune(store)
    assert await rows_of(store) == []


async def test_a_lease_that_passes_during_housekeeping_is_still_seen_to_be_lost(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    await Worker(store, 1).exchange()
    (row,) = await rows_of(store)
    clock.pass_ms(POLICY.lease_ms + SECOND_MS)
    await sweep(store)
    await patrol(store)
    exchanged = await Worker(store, 2).exchange()
    assert exchanged.leases_lost == 1
    assert [attempt.outcome for attempt in await store.attempts("owner", row.id)] == [LOST]


# Clocks that were ahead.


async def test_a_lease_of_a_clock_that_was_ahead_is_not_believed(store: Store, clock: FakeClock) -> None:
    year = 365 * DAY_MS
    ahead = partial(_hold, keeper=7, now=clock.ms + year, until=clock.ms + year + LEASE_MS)
    assert await store.write(ahead)
    assert await store.write(partial(housekeeping.take_lease, keeper=1))


async def test_a_pause_of_a_clock_that_was_ahead_ends(store: Store, clock: FakeClock) -> None:
    health = TargetHealth("1", "owner", failures=8, paused_until_ms=clock.ms + 365 * DAY_MS)
    await store.write(lambda transaction: transaction.deliveries.put_health([health]))
    await store.write(partial(housekeeping.patrol, policy=POLICY, after=0))
    ended = await store.write(lambda transaction: transaction.deliveries.ended_pauses(clock.ms, 10))
    assert [one.target_id for one in ended] == ["1"]


async def test_a_first_retry_that_a_clock_put_off_by_hours_is_brought_forward(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.end_all(FAILED)
    (row,) = (await store.write(all_rows)).values()
    put_off = replace(row, due_ms=(row.due_ms or 0) + 5 * HOUR_MS)
    await store.write(lambda transaction: transaction.deliveries.save([(row, put_off)]))
    await store.write(partial(housekeeping.patrol, policy=POLICY, after=0))
    (row,) = (await store.write(all_rows)).values()
    assert row.due_ms == clock.ms


def _hold(transaction: Transaction, keeper: int, now: int, until: int) -> bool:
    return transaction.deliveries.hold_lease(keeper, now, until)
