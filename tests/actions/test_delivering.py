"""Exchanges of results for claims: what becomes of a delivery, and of the others of its target, in each store."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from actiond.actions import target_health
from actiond.actions.actors import Actor
from actiond.actions.deliveries import LOST, SUPERSEDED, AttemptKind, DeathReason, Delivery, DeliveryState
from actiond.actions.ports import Store
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases.deliveries import Deliveries
from actiond.actions.use_cases.delivering import LAST_TRY_GAP_MS
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.support.delivering import (
    BUSY,
    CUT,
    DELIVERED,
    FAILED,
    GONE,
    MINUTE_MS,
    POLICY,
    SECOND_MS,
    Ended,
    FakeClock,
    Worker,
    all_rows,
    publish,
    start_delivering,
    subscribe,
)

PAUSING = replace(POLICY, pause_failures=1, pause_failing_ms=0)
"""Pauses a target after one failure."""
FIRST_PAUSE_MS = 10 * SECOND_MS


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


async def publish_orders(store: Store, orders: int) -> None:
    """Publish events that need not be delivered one by one."""
    await publish(store, "owner", *map(str, range(orders)))


async def states_of(store: Store) -> dict[DeliveryState, int]:
    return dict(Counter(row.state for row in (await store.write(all_rows)).values()))


async def health_of(store: Store) -> TargetHealth:
    health = await store.write(lambda transaction: transaction.deliveries.health(["1"]))
    return health.get("1") or TargetHealth("1", "owner")


async def only_row(store: Store) -> Delivery:
    (row,) = (await store.write(all_rows)).values()
    return row


@pytest.mark.parametrize("is_due", [False, True])
async def test_what_is_released_twice_in_one_exchange_is_claimed_once(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, is_due: bool
) -> None:
    monkeypatch.setattr(target_health, "FIRST_PORTION", 2)
    await publish_orders(store, 40)
    worker = Worker(store, 1, PAUSING, per_target=2)
    await worker.exchange(limit=1)
    await worker.end_all(FAILED)
    clock.pass_ms(FIRST_PAUSE_MS)
    await worker.exchange()
    delivered = 0
    while worker.running:  # at times, a portion does well when places are free for what was parked before
        delivered += len(worker.running)
        await worker.exchange(dict.fromkeys(worker.running, DELIVERED), is_due=is_due or not worker.crowded)
        states = await states_of(store)
        assert sum(states.values()) == 40 - delivered
        assert {state: count for state, count in (await store.delivery_totals()).by_state.items() if count} == states


async def test_a_probe_whose_worker_dies_is_no_probe_when_it_is_claimed_again(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 2)
    dying, worker = Worker(store, 1, PAUSING), Worker(store, 2, PAUSING)
    await dying.exchange(limit=1)
    await dying.end_all(FAILED)
    await dying.exchange(limit=1)  # the other one is parked
    clock.pass_ms(FIRST_PAUSE_MS)
    (probe,) = (await dying.exchange()).claimed
    assert probe.delivery.kind is AttemptKind.PROBE
    clock.pass_ms(PAUSING.lease_ms)
    await worker.exchange()  # what was the probe is parked, and is the next one's
    await worker.end_all(DELIVERED)
    while worker.running:
        assert [claimed.delivery.kind for claimed in worker.running.values()] == [AttemptKind.QUEUED]
        await worker.end_all(DELIVERED)
    assert await states_of(store) == {}


async def test_no_other_probe_goes_while_the_lease_of_one_is_renewed(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 3)
    slow, worker = Worker(store, 1, PAUSING), Worker(store, 2, PAUSING)
    await slow.exchange(limit=1)
    await slow.end_all(FAILED)
    await slow.exchange(limit=1)  # the others are parked
    clock.pass_ms(FIRST_PAUSE_MS)
    await slow.exchange()
    for _ in range(3):
        clock.pass_ms(PAUSING.lease_ms * 2 // 3)
        await slow.renew()
        assert not (await worker.exchange()).claimed
    clock.pass_ms(PAUSING.lease_ms)
    (probe,) = (await worker.exchange()).claimed
    assert probe.is_probe


async def test_a_lease_that_is_renewed_leaves_a_pause_that_was_ended_by_hand_alone(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 2 * target_health.FIRST_PORTION)  # so that some are parked still
    slow, worker = Worker(store, 1, PAUSING), Worker(store, 2, PAUSING)
    await slow.exchange(limit=1)
    await slow.end_all(FAILED)
    await slow.exchange(limit=1)
    clock.pass_ms(FIRST_PAUSE_MS)
    await slow.exchange()
    await Deliveries(store, PAUSING).resume(Actor("", "owner"), "1")
    await slow.renew()
    assert not (await health_of(store)).is_paused
    assert (await worker.exchange()).claimed


async def test_a_probe_that_is_asked_to_wait_is_followed_by_no_other_one_before(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 2)
    worker = Worker(store, 1, PAUSING)
    await worker.exchange(limit=1)
    await worker.end_all(FAILED)
    await worker.exchange()
    clock.pass_ms(FIRST_PAUSE_MS)
    await worker.exchange()
    await worker.end_all(Ended("status", 429, retry_after_ms=10 * MINUTE_MS))
    assert (await health_of(store)).paused_until_ms == clock.ms + 10 * MINUTE_MS


async def test_the_probe_is_the_parked_delivery_with_the_fewest_attempts_so_that_no_message_keeps_its_target_paused(
    store: Store, clock: FakeClock
) -> None:
    await publish(store, "owner", "failed")
    worker = Worker(store, 1, PAUSING)
    await worker.exchange()
    await worker.end_all(FAILED)
    await publish(store, "owner", "poison", "good")
    clock.pass_ms(POLICY.retry_delays_ms[0])
    await worker.exchange()
    assert await states_of(store) == {DeliveryState.PARKED: 3}
    failed, poison, good = sorted(await store.write(all_rows))
    probes = []
    for _ in range(3):
        clock.pass_ms(FIRST_PAUSE_MS * 4)
        await worker.exchange()
        probes += [claimed.delivery.id for claimed in worker.running.values() if claimed.is_probe]
        await worker.exchange({key: FAILED if key[0] == poison else DELIVERED for key in worker.running})
    assert probes == [poison, good]
    assert failed not in await store.write(all_rows)


@pytest.mark.parametrize("late", [DELIVERED, FAILED, CUT, None], ids=["delivered", "failed", "cut", "returned"])
async def test_a_late_result_changes_nothing_though_it_comes_with_that_of_a_new_claim(
    store: Store, clock: FakeClock, late: Ended | None
) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    await worker.exchange()
    clock.pass_ms(POLICY.lease_ms)
    await worker.exchange()  # the same worker has it again: it was stopped for a while
    old, new = worker.running
    delivery_id = old[0]
    exchanged = await worker.exchange(
        {**({} if late is None else {old: late}), new: FAILED}, [old] if late is None else []
    )
    assert exchanged.superseded == (late is not None)
    row = await only_row(store)
    assert (row.state, row.tries, row.last_outcome) == (DeliveryState.WAITING, 2, FAILED.outcome)
    outcomes = [attempt.outcome for attempt in await store.attempts("owner", delivery_id)]
    assert outcomes == [LOST if late is None else SUPERSEDED, FAILED.outcome]


async def test_a_lost_lease_is_counted_once_though_its_delivery_has_to_wait_for_a_place(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 32)
    dying, worker = Worker(store, 1), Worker(store, 2, attempts=32, per_target=64)
    await dying.exchange(limit=2)
    await worker.exchange()  # it leaves a few places to other owners
    clock.pass_ms(POLICY.lease_ms)
    await worker.renew()
    for _ in range(3):
        exchanged = await worker.exchange()
        assert (exchanged.is_blocked, exchanged.claimed, exchanged.leases_lost) == (True, [], 0)
    (lost, _) = dying.running
    assert await store.attempts("owner", lost[0]) == []
    assert (await worker.end_all(DELIVERED)).leases_lost == 2
    assert [attempt.outcome for attempt in await store.attempts("owner", lost[0])] == [LOST]


# What ends a delivery.


async def test_a_delivery_whose_worker_dies_each_time_is_dead_after_its_tries(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    start_ms = clock.ms
    for number in range(POLICY.max_tries):
        assert (await Worker(store, number).exchange()).claimed
        clock.pass_ms(POLICY.lease_ms)
    exchanged = await Worker(store, 99).exchange()
    assert (exchanged.claimed, exchanged.dead) == ([], [DeathReason.LOST])
    row = await only_row(store)
    assert (row.state, row.reason, row.tries) == (DeliveryState.DEAD, DeathReason.LOST, POLICY.max_tries)
    attempts = await store.attempts("owner", row.id)
    assert [one.outcome for one in attempts] == [LOST] * POLICY.max_tries
    assert [one.at_ms for one in attempts] == [
        start_ms + number * POLICY.lease_ms for number in range(POLICY.max_tries)
    ]


async def test_of_what_was_lost_together_each_has_its_last_try_apart_so_that_one_alone_can_kill_its_worker(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 3)
    for number in range(POLICY.max_tries - 1):
        assert len((await Worker(store, number).exchange()).claimed) == 3
        clock.pass_ms(POLICY.lease_ms)
    worker = Worker(store, 99)
    assert len((await worker.exchange()).claimed) == 1
    clock.pass_ms(LAST_TRY_GAP_MS)
    assert len((await worker.exchange()).claimed) == 0
    assert len((await Worker(store, 100).exchange()).claimed) == 0
    clock.pass_ms(LAST_TRY_GAP_MS)
    assert len((await Worker(store, 100).exchange()).claimed) == 1
    await worker.end_all(DELIVERED)
    clock.pass_ms(LAST_TRY_GAP_MS)
    assert len((await worker.exchange()).claimed) == 1


async def test_a_delivery_that_was_lost_and_is_too_old_is_dead(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    await Worker(store, 1).exchange()
    clock.pass_ms(POLICY.max_age_ms + 1)
    assert (await Worker(store, 2).exchange()).dead == [DeathReason.AGE]


async def test_a_delivery_is_tried_once_however_old_it_is(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    clock.pass_ms(POLICY.max_age_ms + 1)
    worker = Worker(store, 1)
    assert len((await worker.exchange()).claimed) == 1
    assert (await worker.end_all(FAILED)).dead == [DeathReason.AGE]


@pytest.mark.parametrize(("early_ms", "is_dead"), [(1, True), (0, False)])
async def test_a_delivery_is_dead_if_its_next_try_would_be_too_late(
    store: Store, clock: FakeClock, early_ms: int, is_dead: bool
) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    clock.pass_ms(POLICY.max_age_ms - POLICY.retry_delays_ms[0] + early_ms)
    await worker.exchange()
    await worker.end_all(FAILED)
    assert ((await only_row(store)).state is DeliveryState.DEAD) is is_dead


async def test_a_probe_that_fails_and_is_too_old_is_dead(store: Store, clock: FakeClock) -> None:
    worker = await with_a_probe(store, clock, orders=1)
    clock.pass_ms(PAUSING.max_age_ms)
    assert (await worker.end_all(FAILED)).dead == [DeathReason.AGE]


# What counts as a try.


async def test_what_was_claimed_and_not_attempted_has_not_counted(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.exchange(returned=list(worker.running), limit=0)
    row = await only_row(store)
    assert (row.state, row.due_ms, row.claim, row.attempts, row.tries) == (DeliveryState.WAITING, clock.ms, 0, 0, 0)


@pytest.mark.parametrize(("how", "tries"), [(GONE, 0), (FAILED, 1), (CUT, 0), (BUSY, 1)])
async def test_what_counts_as_a_try_is_what_the_schedule_is_for(store: Store, how: Ended, tries: int) -> None:
    await publish_orders(store, 1)
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.end_all(how, limit=0)
    row = await only_row(store)
    assert (row.tries, row.attempts) == (tries, 1)


async def test_a_failed_probe_does_not_count_as_a_try(store: Store, clock: FakeClock) -> None:
    worker = await with_a_probe(store, clock, orders=1)
    await worker.end_all(FAILED, limit=0)
    row = await only_row(store)
    assert (row.state, row.tries, row.attempts) == (DeliveryState.PARKED, 1, 2)


# Pauses.


async def with_a_probe(store: Store, clock: FakeClock, orders: int) -> Worker:
    """Publish events, let the first one fail so that the target is paused, and return a worker that probes it."""
    await publish_orders(store, orders)
    worker = Worker(store, 1, PAUSING)
    await worker.exchange(limit=1)
    await worker.end_all(FAILED, limit=1)  # the others are parked
    clock.pass_ms(POLICY.retry_delays_ms[0])
    await worker.exchange()  # the first one is due again, and is parked as well
    clock.pass_ms(FIRST_PAUSE_MS - POLICY.retry_delays_ms[0])
    await worker.exchange()
    (probe,) = worker.running.values()
    assert probe.is_probe
    return worker


async def test_an_exchange_tells_of_each_pause_that_begins_or_ends_once(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 4)
    worker = Worker(store, 1, PAUSING)
    await worker.exchange(limit=2)
    assert [health.is_paused for health in (await worker.end_all(FAILED, limit=1)).turned] == [True]
    assert (await worker.exchange()).turned == []
    clock.pass_ms(FIRST_PAUSE_MS)
    assert (await worker.exchange()).turned == []
    assert [health.is_paused for health in (await worker.end_all(DELIVERED)).turned] == [False]


async def test_what_is_promoted_at_a_paused_target_is_not_handed_over(store: Store) -> None:
    await publish(store, "owner", "1", "1")
    worker = Worker(store, 1)
    await worker.exchange()
    assert (await worker.exchange(dict.fromkeys(worker.running, GONE), is_due=False)).claimed == []
    await worker.exchange()
    assert await states_of(store) == {DeliveryState.PARKED: 2}


async def test_what_is_promoted_at_a_healthy_target_is_handed_over_at_once(store: Store) -> None:
    await publish(store, "owner", "1", "1")
    worker = Worker(store, 1)
    await worker.exchange()
    exchanged = await worker.exchange(dict.fromkeys(worker.running, DELIVERED), is_due=False)
    assert [claimed.event.sequence for claimed in exchanged.claimed] == [2]


async def test_a_pause_that_ends_while_nothing_is_parked_is_followed_by_one_after_a_single_failure(
    store: Store, clock: FakeClock
) -> None:
    policy = replace(POLICY, pause_failures=3, pause_failing_ms=0)
    await publish_orders(store, 1)
    worker = Worker(store, 1, policy)
    await worker.exchange()
    await worker.end_all(Ended("status", 429, retry_after_ms=SECOND_MS), limit=0)
    assert (await health_of(store)).is_paused
    clock.pass_ms(SECOND_MS)
    await worker.exchange()  # the delivery waits for its retry: it is not parked
    assert not (await health_of(store)).is_paused
    await publish(store, "owner", "2")
    await worker.exchange()
    await worker.end_all(FAILED, limit=0)
    assert (await health_of(store)).is_paused


async def test_a_success_of_before_the_pause_does_not_end_it(store: Store, clock: FakeClock) -> None:
    await publish_orders(store, 2)
    worker = Worker(store, 1, PAUSING)
    await worker.exchange()
    first, second = worker.running
    await worker.exchange({first: FAILED}, limit=0)
    await worker.exchange({second: DELIVERED}, limit=0)
    assert (await health_of(store)).is_paused


async def test_a_probe_that_succeeds_does_not_end_a_pause_that_somebody_has_to_end(
    store: Store, clock: FakeClock
) -> None:
    await publish_orders(store, 3)
    worker, late = Worker(store, 1, PAUSING), Worker(store, 2, PAUSING)
    await late.exchange(limit=1)
    await worker.exchange(limit=1)
    await worker.end_all(FAILED, limit=1)
    clock.pass_ms(FIRST_PAUSE_MS)
    await worker.exchange()
    await late.end_all(GONE, limit=0)
    await worker.end_all(DELIVERED, limit=0)
    assert (await health_of(store)).is_held


async def test_a_probe_that_is_cut_makes_place_for_the_next_one(store: Store, clock: FakeClock) -> None:
    worker = await with_a_probe(store, clock, orders=2)
    await worker.end_all(CUT, limit=0)
    (probe,) = (await Worker(store, 2, PAUSING).exchange()).claimed
    assert probe.is_probe


async def test_each_portion_is_released_once_the_one_before_has_done_well(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_health, "FIRST_PORTION", 2)
    worker = await with_a_probe(store, clock, orders=16)
    released = []
    while worker.running:
        for key in list(worker.running):
            await worker.exchange({key: DELIVERED}, limit=0)
            waiting = (await states_of(store)).get(DeliveryState.WAITING, 0)
            released.append(waiting - len(worker.running))
        await worker.exchange()
    # The probe releases two, the second of those four, the fourth of those eight; then one is left.
    assert [count for count in released if count] == [2, 4, 8, 1]
    assert await states_of(store) == {}


async def test_nothing_is_kept_of_a_target_once_no_more_is_parked(store: Store, clock: FakeClock) -> None:
    worker = await with_a_probe(store, clock, orders=3)
    while worker.running:
        await worker.end_all(DELIVERED)
    assert await health_of(store) == TargetHealth("1", "owner")
