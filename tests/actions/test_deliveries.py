"""Reading, retrying and cancelling deliveries by hand, and resuming targets."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from actiond.actions.deliveries import AttemptKind, DeathReason, Delivery, DeliveryState
from actiond.actions.errors import (
    DeliveryNotFoundError,
    DeliveryNotRetryableError,
    DeliveryNotUnfinishedError,
    TargetNotFoundError,
    TooManyDeliveriesError,
)
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter, DeliveryQuery
from actiond.actions.target_health import FIRST_PORTION, TargetHealth
from actiond.actions.use_cases import deliveries as use_cases
from actiond.actions.use_cases import fan_out
from actiond.actions.use_cases.deliveries import Bulk, Deliveries
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.actions.samples import a_caller
from tests.support.delivering import (
    DELIVERED,
    FAILED,
    GONE,
    POLICY,
    FakeClock,
    Worker,
    add_target,
    all_rows,
    publish,
    start_delivering,
    subscribe,
)
from tests.support.delivery_samples import a_delivery, behind, in_order, listed_as
from tests.support.delivery_samples import put as put_rows
from tests.support.samples import a_target

OWNER, OTHER = a_caller(), a_caller("another")
WAITING, PARKED, DEAD = DeliveryState.WAITING, DeliveryState.PARKED, DeliveryState.DEAD


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    store = MemoryStore(clock) if request.param == "memory" else SqliteStore.open(tmp_path / "x.db", clock=clock)
    start_delivering(store, clock)
    yield store
    await store.close()


@pytest.fixture
def deliveries(store: Store) -> Deliveries:
    return Deliveries(store, POLICY)


def dead(number: int, **changes: object) -> Delivery:
    return a_delivery(number, tries=4, attempts=5, **changes).dead(DeathReason.ATTEMPTS, FakeClock().ms)


def put(*deliveries: Delivery) -> Callable[[Transaction], None]:
    """Return a change that adds them as they are, with their targets."""

    def change(transaction: Transaction) -> None:
        for target_id in {delivery.target_id for delivery in deliveries if delivery.owner == "owner"}:
            if transaction.targets.get("owner", target_id) is None:
                add_target(transaction, a_target(target_id, target_id))
        put_rows(*deliveries)(transaction)

    return change


def put_off(number: int) -> Delivery:
    """Return one that waits for a retry."""
    return a_delivery(number, tries=2, attempts=2, is_tried=True, due_ms=FakeClock().ms + 3_600_000)


def never() -> bool:
    return False


def after(portions: int) -> Callable[[], bool]:
    """Return what tells that it is late after some portions."""
    left = iter([False] * portions)
    return lambda: next(left, True)


async def rows_of(store: Store) -> dict[int, Delivery]:
    return await store.write(all_rows)


async def states_of(store: Store) -> dict[DeliveryState, int]:
    return dict(Counter(row.state for row in (await rows_of(store)).values()))


async def health_of(store: Store, target_id: str = "1") -> TargetHealth | None:
    return (await store.write(lambda transaction: transaction.deliveries.health([target_id]))).get(target_id)


async def set_health(store: Store, health: TargetHealth) -> None:
    await store.write(lambda transaction: transaction.deliveries.put_health([health]))


# Reading.


async def test_a_delivery_is_shown_with_its_attempts(store: Store, deliveries: Deliveries) -> None:
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", "1")
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.end_all(FAILED)
    (delivery_id,) = await rows_of(store)
    details = await deliveries.get(OWNER, delivery_id)
    assert (details.record.delivery.state, details.record.delivery.last_status) == (WAITING, 500)
    assert details.record.event is not None
    assert details.record.event.type == "order.placed"
    assert [(attempt.number, attempt.outcome) for attempt in details.attempts] == [(1, "status")]
    assert list(await deliveries.find(OWNER, DeliveryQuery())) == [listed_as(details.record)]
    assert await deliveries.count(OWNER, DeliveryFilter()) == {(WAITING, "1"): 1}


async def test_a_delivered_one_is_shown_while_its_attempts_are_kept(
    store: Store, deliveries: Deliveries, clock: FakeClock
) -> None:
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", "1")
    worker = Worker(store, 1)
    (delivery_id,) = await rows_of(store)
    await worker.exchange()
    await worker.end_all(DELIVERED)
    details = await deliveries.get(OWNER, delivery_id)
    assert details.record.delivery.state is DeliveryState.DELIVERED
    assert [attempt.outcome for attempt in details.attempts] == ["ok"]
    assert await deliveries.count(OWNER, DeliveryFilter()) == {(DeliveryState.DELIVERED, "1"): 1}
    with pytest.raises(DeliveryNotRetryableError):
        await deliveries.retry(OWNER, delivery_id)
    with pytest.raises(DeliveryNotUnfinishedError):
        await deliveries.cancel(OWNER, delivery_id)


async def test_deliveries_of_another_owner_are_unknown(store: Store, deliveries: Deliveries) -> None:
    await store.write(put(a_delivery(1), dead(2)))
    for call in (deliveries.get, deliveries.retry, deliveries.cancel):
        for delivery_id in (1, 2, 404):
            with pytest.raises(DeliveryNotFoundError):
                await call(OTHER, delivery_id)
    assert await deliveries.find(OTHER, DeliveryQuery()) == []
    assert await deliveries.retry_matching(OTHER, DeliveryFilter(), never) == Bulk(0, is_complete=True)
    assert await deliveries.cancel_matching(OTHER, DeliveryFilter(), never) == Bulk(0, is_complete=True)
    assert await rows_of(store) == {1: a_delivery(1), 2: dead(2)}


# Retrying.


async def test_a_dead_delivery_is_retried_at_once_with_all_its_tries(
    store: Store, deliveries: Deliveries, clock: FakeClock
) -> None:
    await store.write(put(dead(1)))
    clock.pass_ms(5)
    record = await deliveries.retry(OWNER, 1)
    row = record.delivery
    assert (row.state, row.due_ms, row.since_ms, row.reason) == (WAITING, clock.ms, clock.ms, None)
    assert (row.tries, row.attempts, row.kind) == (0, 5, AttemptKind.MANUAL)
    assert await rows_of(store) == {1: row}


@pytest.mark.parametrize(
    "state",
    [a_delivery(1), a_delivery(1).parked(), behind(1), a_delivery(1).claimed(7, FakeClock().ms, FakeClock().ms + 9)],
    ids=["waiting", "parked", "behind", "claimed"],
)
async def test_a_delivery_that_is_not_dead_is_not_retried(
    store: Store, deliveries: Deliveries, state: Delivery
) -> None:
    await store.write(put(state))
    with pytest.raises(DeliveryNotRetryableError):
        await deliveries.retry(OWNER, 1)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(0, is_complete=True)
    assert await rows_of(store) == {1: state}


async def test_a_delivery_that_waits_for_a_retry_is_brought_forward(
    store: Store, deliveries: Deliveries, clock: FakeClock
) -> None:
    await store.write(put(put_off(1)))
    row = (await deliveries.retry(OWNER, 1)).delivery
    assert (row.state, row.due_ms, row.tries, row.kind) == (WAITING, clock.ms, 2, AttemptKind.MANUAL)


async def test_many_that_wait_for_a_retry_are_brought_forward_in_portions(store: Store, deliveries: Deliveries) -> None:
    await store.write(put(*map(put_off, range(1, 41))))
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(target_id="1"), never) == Bulk(40, is_complete=True)
    assert await states_of(store) == {WAITING: 32, PARKED: 8}


async def test_nothing_is_retried_for_a_target_that_was_removed(store: Store, deliveries: Deliveries) -> None:
    await store.write(put_rows(dead(1), put_off(2)))
    with pytest.raises(DeliveryNotRetryableError):
        await deliveries.retry(OWNER, 1)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(0, is_complete=True)


async def test_no_more_are_retried_than_may_be_unfinished(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(put(a_delivery(1), dead(2), dead(3)))
    monkeypatch.setattr(fan_out, "MAX_WAITING_OF_OWNER", 2)
    with pytest.raises(TooManyDeliveriesError):
        await deliveries.retry_matching(OWNER, DeliveryFilter(), never)
    await deliveries.retry(OWNER, 2)
    with pytest.raises(TooManyDeliveriesError):
        await deliveries.retry(OWNER, 3)
    assert (await rows_of(store))[3] == dead(3)


async def test_what_waits_for_a_retry_counts_already_and_is_brought_forward_at_the_limit(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(put(put_off(1), put_off(2)))
    monkeypatch.setattr(fan_out, "MAX_WAITING_OF_OWNER", 2)
    await deliveries.retry(OWNER, 1)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(1, is_complete=True)


async def test_retrying_many_does_not_forget_that_their_target_fails(store: Store, deliveries: Deliveries) -> None:
    await store.write(put(put_off(1), put_off(2)))
    await set_health(store, TargetHealth("1", "owner", failures=3, failing_since_ms=5, reason="connect"))
    await deliveries.retry_matching(OWNER, DeliveryFilter(), never)
    health = await health_of(store)
    assert health is not None
    assert (health.failures, health.failing_since_ms, health.reason) == (3, 5, "connect")


async def test_of_many_that_are_retried_the_first_of_each_target_are_released(
    store: Store, deliveries: Deliveries
) -> None:
    await subscribe(store, "owner", ["1", "2", "3"])
    await store.write(put(*(dead(number, target_id="1") for number in range(1, 101))))
    await store.write(put(*(dead(number, target_id="2") for number in range(101, 106))))
    await store.write(put(*(dead(number, target_id="3") for number in range(106, 111))))
    await set_health(store, TargetHealth("3", "owner", is_held=True))
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(110, is_complete=True)
    by_target = Counter((row.target_id, row.state) for row in (await rows_of(store)).values())
    assert by_target == {("1", WAITING): 32, ("1", PARKED): 68, ("2", WAITING): 5, ("3", PARKED): 5}
    assert all(row.kind is AttemptKind.MANUAL for row in (await rows_of(store)).values())
    # The oldest first; the others as results come in.
    assert sorted(row.id for row in (await rows_of(store)).values() if row.state is WAITING)[:32] == [*range(1, 33)]
    assert (await health_of(store), await health_of(store, "2")) == (
        TargetHealth("1", "owner", portion=FIRST_PORTION, pending=FIRST_PORTION),
        None,
    )
    assert (await deliveries.report(OWNER, "3")).health == TargetHealth("3", "owner", is_held=True)


async def test_many_that_are_retried_are_all_delivered_in_growing_portions(
    store: Store, deliveries: Deliveries
) -> None:
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", "1")
    (event,) = (await rows_of(store)).values()
    await store.write(put(*(dead(number, event_position=event.event_position) for number in range(1, 301))))
    await deliveries.retry_matching(OWNER, DeliveryFilter(), never)
    worker = Worker(store, 1, attempts=1_000, per_target=1_000)
    sizes = []
    await worker.exchange(limit=1_000)
    while worker.running:
        sizes.append(len(worker.running))
        await worker.end_all(DELIVERED, limit=1_000)
    assert sizes == [33, 64, 128, 76]
    assert await rows_of(store) == {}
    assert await health_of(store) is None


async def test_portions_of_one_call_release_no_more_than_one(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "PORTION", 50)
    await subscribe(store, "owner", ["1"])
    await store.write(put(*(dead(number) for number in range(1, 201))))
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(200, is_complete=True)
    assert await states_of(store) == {WAITING: 32, PARKED: 168}


# Cancelling.


@pytest.mark.parametrize(
    "state",
    [a_delivery(1), a_delivery(1).parked(), behind(1), a_delivery(1).claimed(7, FakeClock().ms, FakeClock().ms + 9)],
    ids=["waiting", "parked", "behind", "claimed"],
)
async def test_a_delivery_that_is_cancelled_is_dead(
    store: Store, deliveries: Deliveries, clock: FakeClock, state: Delivery
) -> None:
    await store.write(put(state))
    record = await deliveries.cancel(OWNER, 1)
    assert record.delivery == state.dead(DeathReason.CANCELLED, clock.ms)
    assert not record.is_claimed
    assert await rows_of(store) == {1: record.delivery}
    with pytest.raises(DeliveryNotUnfinishedError):
        await deliveries.cancel(OWNER, 1)


async def test_a_result_of_a_cancelled_delivery_does_not_count(store: Store, deliveries: Deliveries) -> None:
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", "1")
    worker = Worker(store, 1)
    await worker.exchange()
    (delivery_id,) = await rows_of(store)
    assert (await deliveries.get(OWNER, delivery_id)).record.is_claimed
    await deliveries.cancel(OWNER, delivery_id)
    assert (await worker.end_all(DELIVERED)).superseded == 1
    details = await deliveries.get(OWNER, delivery_id)
    assert details.record.delivery.reason is DeathReason.CANCELLED
    assert [attempt.outcome for attempt in details.attempts] == ["superseded"]


async def test_the_one_behind_a_cancelled_delivery_goes_first(store: Store, deliveries: Deliveries) -> None:
    await store.write(put(in_order(1), behind(2), behind(3)))
    await deliveries.cancel(OWNER, 1)
    assert [row.state for row in (await rows_of(store)).values()] == [DEAD, WAITING, DeliveryState.BEHIND]
    await deliveries.cancel(OWNER, 3)
    await deliveries.cancel(OWNER, 2)
    assert await states_of(store) == {DEAD: 3}


async def test_many_are_cancelled_in_every_unfinished_state(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "PORTION", 2)
    await store.write(put(in_order(1), behind(2), behind(3), a_delivery(4).parked(), dead(5)))
    await store.write(put(a_delivery(6).claimed(7, FakeClock().ms, FakeClock().ms + 9), a_delivery(7, target_id="2")))
    wanted = DeliveryFilter(target_id="1")
    assert await deliveries.cancel_matching(OWNER, wanted, never) == Bulk(5, is_complete=True)
    assert await states_of(store) == {DEAD: 6, WAITING: 1}
    assert (await rows_of(store))[5] == dead(5)


# Many.


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        (DeliveryFilter(), [1, 2, 3]),
        (DeliveryFilter(target_id="2"), [3]),
        (DeliveryFilter(states=frozenset({DEAD, WAITING})), [1, 2, 3]),
        (DeliveryFilter(states=frozenset({WAITING})), []),
    ],
    ids=["all", "of a target", "dead and waiting", "waiting"],
)
async def test_what_is_retried_is_dead_and_matches(
    store: Store, deliveries: Deliveries, wanted: DeliveryFilter, changed: Sequence[int]
) -> None:
    rows = [dead(1), dead(2), dead(3, target_id="2"), a_delivery(4)]
    await store.write(put(*rows, dead(5, owner="another")))
    assert await deliveries.retry_matching(OWNER, wanted, never) == Bulk(len(changed), is_complete=True)
    found = await rows_of(store)
    assert [row.id for row in found.values() if row.kind is AttemptKind.MANUAL] == changed
    assert found[5] == dead(5, owner="another")


async def test_a_call_that_is_late_leaves_the_rest_to_the_next(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "PORTION", 10)
    await store.write(put(*(dead(number) for number in range(1, 36))))
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), after(0)) == Bulk(0, is_complete=False)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), after(2)) == Bulk(20, is_complete=False)
    assert await deliveries.count_retryable(OWNER, DeliveryFilter()) == 15
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), after(2)) == Bulk(15, is_complete=True)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(0, is_complete=True)


async def test_what_is_dead_again_is_not_retried_for_ever(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "PORTION", 2)
    await store.write(put(*(dead(number) for number in range(1, 6))))
    write = store.write

    async def and_die_again(change: Callable[[Transaction], int]) -> int:
        changed = await write(change)

        def kill(transaction: Transaction) -> None:
            rows = transaction.deliveries.after(0, 9)
            transaction.deliveries.save([(row, dead(row.id)) for row in rows])

        await write(kill)
        return changed

    monkeypatch.setattr(store, "write", and_die_again)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(5, is_complete=True)


async def test_what_changes_meanwhile_is_left_alone(
    store: Store, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "PORTION", 2)
    await store.write(put(*(dead(number) for number in range(1, 6))))
    find = store.find_deliveries

    async def and_prune(owner: str, query: DeliveryQuery) -> object:
        found = await find(owner, query)
        await store.write(lambda transaction: transaction.deliveries.save([(found[0].delivery, None)]))
        return found

    monkeypatch.setattr(store, "find_deliveries", and_prune)
    assert await deliveries.retry_matching(OWNER, DeliveryFilter(), never) == Bulk(2, is_complete=True)


# Targets.


@pytest.mark.parametrize(
    "health",
    [
        TargetHealth("1", "owner", failures=9, failing_since_ms=1, paused_until_ms=2**60, pauses=3, reason="timeout"),
        TargetHealth("1", "owner", is_held=True, reason="status 410"),
    ],
    ids=["paused", "held"],
)
async def test_a_target_that_is_resumed_gets_its_first_parked_deliveries(
    store: Store, deliveries: Deliveries, health: TargetHealth
) -> None:
    await subscribe(store, "owner", ["1"])
    await store.write(put(*(a_delivery(number).parked() for number in range(1, 51))))
    await set_health(store, health)
    report = await deliveries.resume(OWNER, "1")
    assert report.health == health.resumed()
    assert report.unfinished == {WAITING: FIRST_PORTION, PARKED: 18}
    assert (await rows_of(store))[1].state is WAITING
    # Another time changes nothing.
    assert await deliveries.resume(OWNER, "1") == report


async def test_a_target_without_parked_deliveries_is_healthy_once_it_is_resumed(
    store: Store, deliveries: Deliveries
) -> None:
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", "1")
    worker = Worker(store, 1)
    await worker.exchange()
    await worker.end_all(GONE)
    report = await deliveries.report(OWNER, "1")
    assert report.health is not None
    assert report.health.is_held
    assert report.unfinished == {PARKED: 1}
    assert (await deliveries.resume(OWNER, "1")).health is None
    await worker.exchange()
    await worker.end_all(DELIVERED)
    assert await rows_of(store) == {}
    assert (await deliveries.report(OWNER, "1")).last_ok_ms == FakeClock().ms


async def test_resuming_a_target_that_is_not_paused_changes_nothing(store: Store, deliveries: Deliveries) -> None:
    await subscribe(store, "owner", ["1"])
    health = TargetHealth("1", "owner", failures=3, failing_since_ms=5)
    await store.write(put(a_delivery(1).parked()))
    assert (await deliveries.resume(OWNER, "1")).health is None
    await set_health(store, health)
    report = await deliveries.resume(OWNER, "1")
    assert (report.health, report.unfinished) == (health, {PARKED: 1})


async def test_an_unknown_target_has_no_report_and_is_not_resumed(store: Store, deliveries: Deliveries) -> None:
    await subscribe(store, "owner", ["1"])
    held = TargetHealth("1", "owner", is_held=True)
    await set_health(store, held)
    for actor, target_id in ((OTHER, "1"), (OWNER, "404")):
        with pytest.raises(TargetNotFoundError):
            await deliveries.report(actor, target_id)
        with pytest.raises(TargetNotFoundError):
            await deliveries.resume(actor, target_id)
    assert await health_of(store) == held
    assert replace(held, is_held=False).is_trivial
