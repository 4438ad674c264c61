"""Any interleaving of what happens to deliveries keeps what is promised of them, in every store."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from actiond.actions import target_health
from actiond.actions.actors import Actor
from actiond.actions.deliveries import (
    CANCELLED,
    LOST,
    OK,
    SUPERSEDED,
    UNFINISHED,
    AttemptKind,
    DeathReason,
    Delivery,
    DeliveryPolicy,
    DeliveryState,
)
from actiond.actions.events import qualified_id
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases import deliveries, housekeeping
from actiond.actions.use_cases.deliveries import Bulk, Deliveries
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.support.delivering import (
    BUSY,
    CUT,
    DELIVERED,
    FAILED,
    GONE,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    UNREACHABLE,
    Ended,
    FakeClock,
    Worker,
    all_rows,
    publish,
    remove_target,
    start_delivering,
    subscribe,
)
from tests.support.examples import examples

T = TypeVar("T")
OpenStores = Callable[[FakeClock], Sequence[Store]]
"""Opens what two processes have of one new database."""

OWNERS = {"one": ("11", "12"), "two": ("21",)}
TARGET_IDS = [target_id for target_ids in OWNERS.values() for target_id in target_ids]
OWNER_OF = {target_id: owner for owner, target_ids in OWNERS.items() for target_id in target_ids}
POLICY = DeliveryPolicy(
    retry_delays_ms=(5 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS),
    max_age_ms=2 * HOUR_MS,
    lease_ms=60 * SECOND_MS,
    pause_failures=3,
    pause_failing_ms=2 * SECOND_MS,
    attempt_retention_ms=6 * HOUR_MS,
    dead_retention_ms=4 * HOUR_MS,
)
MAX_ROUNDS = 500
"""Rounds of a second try of everything, until which everything has to be delivered or dead."""
STEPS_MS = [1, SECOND_MS, 5 * SECOND_MS, 11 * SECOND_MS, 61 * SECOND_MS, 6 * MINUTE_MS, HOUR_MS]
ENDS = [*[DELIVERED] * 3, FAILED, FAILED, UNREACHABLE, GONE, BUSY, CUT, "returned", "goes on", "goes on"]

workers = st.integers(0, 2)
keepers = st.integers(1, 2)


@dataclass(slots=True)
class Lease:
    """The claim that a worker has on a delivery, or had."""

    claim: int
    number: int
    until_ms: int


@dataclass(slots=True)
class Model:
    """What must be so, whatever a store says."""

    published: dict[int, Delivery] = field(default_factory=dict)
    """As they were enqueued."""
    delivered: set[int] = field(default_factory=set)
    pruned: set[int] = field(default_factory=set)
    leases: dict[int, Lease] = field(default_factory=dict)
    """The last claim of each delivery, until its result."""
    tried: set[int] = field(default_factory=set)
    """Deliveries that have had a first result, or were retried by hand."""
    tries: "Counter[int]" = field(default_factory=Counter)
    """Attempts that count towards the schedule."""
    log: dict[tuple[int, int], str] = field(default_factory=dict)
    """Outcomes by delivery and number of the attempt."""
    may_be_lost: set[tuple[int, int]] = field(default_factory=set)
    """Attempts whose lease has passed without a result."""
    removed: set[str] = field(default_factory=set)
    keeper: int = 0
    kept_until_ms: int = 0


class DeliveryStates(RuleBasedStateMachine):
    """Two processes with three workers on one database, and the model of it."""

    open_stores: OpenStores

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.clock = FakeClock()
        self.stores = self.run(self._opened())
        self.numbers = count(1)
        self.workers = [self._new_worker(number) for number in range(3)]
        self.deliveries = Deliveries(self.stores[0], POLICY)
        self.model = Model()
        self.rows: dict[int, Delivery] = {}
        self.health: Mapping[str, TargetHealth] = {}
        for number, store in enumerate(self.stores):
            start_delivering(store, self.clock, worker=number)
        for owner, target_ids in OWNERS.items():
            self.run(subscribe(self.stores[0], owner, target_ids))
        self.observe()

    async def _opened(self) -> Sequence[Store]:
        return self.open_stores(self.clock)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def write(self, change: Callable[[Transaction], T], store: int = 0) -> T:
        return self.run(self.stores[store].write(change))

    def _new_worker(self, number: int) -> Worker:
        # Few for a target, so that a few deliveries are more, and for one of them few at all.
        places = [(16, 3), (8, 2), (3, 2)][number]
        store = self.stores[number % len(self.stores)]
        return Worker(store, next(self.numbers), POLICY, attempts=places[0], per_target=places[1])

    # What is read after each step.

    def observe(self) -> None:
        def read(transaction: Transaction) -> tuple[dict[int, Delivery], Mapping[str, TargetHealth]]:
            return all_rows(transaction), transaction.deliveries.health(TARGET_IDS)

        self.rows, self.health = self.write(read)
        for delivery_id, row in self.rows.items():
            if delivery_id not in self.model.published:
                self.model.published[delivery_id] = row

    # Events.

    @rule(owner=st.sampled_from([*OWNERS]), order=st.sampled_from(["1", "2"]), times=st.integers(1, 4), store=workers)
    def publish_events_of_one_aggregate(self, owner: str, order: str, times: int, store: int) -> None:
        self._publish(owner, [order] * times, store)

    @rule(owner=st.sampled_from([*OWNERS]), orders=st.integers(2, 9), store=workers)
    def publish_events_of_many_aggregates(self, owner: str, orders: int, store: int) -> None:
        self._publish(owner, [str(order) for order in range(orders)], store)

    def _publish(self, owner: str, orders: Sequence[str], store: int) -> None:
        known = set(self.model.published)
        self.run(publish(self.stores[store % len(self.stores)], owner, *orders))
        self.observe()
        expected = Counter(set(OWNERS[owner]) - self.model.removed)
        found = Counter(row.target_id for one, row in self.model.published.items() if one not in known)
        assert found == Counter(dict.fromkeys(expected, len(orders)))

    @precondition(lambda self: len(self.model.removed) < len(TARGET_IDS))
    @rule(data=st.data())
    def remove_a_target(self, data: st.DataObject) -> None:
        target_id = data.draw(st.sampled_from([one for one in TARGET_IDS if one not in self.model.removed]))
        self.write(partial(remove_target, owner=OWNER_OF[target_id], target_id=target_id))
        self.model.removed.add(target_id)
        self.observe()

    # Workers.

    @rule(
        worker=workers,
        limit=st.integers(0, 6),
        is_due=st.booleans(),
        ends=st.lists(st.sampled_from(ENDS), max_size=8),
        jitter=st.sampled_from([0.8, 1.0, 1.2]),
    )
    def exchange(self, worker: int, limit: int, is_due: bool, ends: Sequence[Ended | str], jitter: float) -> None:
        self.workers[worker].jitter = jitter
        chosen = dict(zip(self.workers[worker].running, ends, strict=False))
        ended = {key: how for key, how in chosen.items() if isinstance(how, Ended)}
        returned = [key for key, how in chosen.items() if how == "returned"]
        self._exchange(self.workers[worker], ended, returned, limit=limit, is_due=is_due)

    @rule(
        worker=workers,
        how=st.sampled_from([DELIVERED, DELIVERED, FAILED]),
        limit=st.sampled_from([0, 2, 64]),
        is_due=st.booleans(),
    )
    def end_all(self, worker: int, how: Ended, limit: int, is_due: bool) -> None:
        ended = dict.fromkeys(self.workers[worker].running, how)
        self._exchange(self.workers[worker], ended, [], limit=limit, is_due=is_due)

    @rule(worker=workers, how=st.sampled_from([DELIVERED, DELIVERED, FAILED]), rounds=st.integers(2, 6))
    def work_through(self, worker: int, how: Ended, rounds: int) -> None:
        for _ in range(rounds):
            ended = dict.fromkeys(self.workers[worker].running, how)
            self._exchange(self.workers[worker], ended, [], limit=64)
            self.one_goes_first_where_any_is_behind()

    def _exchange(
        self,
        worker: Worker,
        ended: Mapping[tuple[int, int], Ended],
        returned: Sequence[tuple[int, int]],
        *,
        limit: int,
        is_due: bool = True,
    ) -> int:
        """Exchange, and check all that an exchange may do. Return how many deliveries were claimed."""
        model, before, now = self.model, self.rows, self.clock.ms
        own = {key: worker.running[key].delivery for key in (*ended, *returned)}
        exchanged = self.run(worker.exchange(ended, returned, limit=limit, is_due=is_due))
        self.observe()
        superseded = 0
        for key, how in ended.items():
            if self._is_held(key):
                self._check_result(own[key], how, now)
            else:
                superseded += 1
                model.log[key[0], own[key].attempts] = SUPERSEDED
                self._check_unchanged_by_a_late_result(key, before)
        assert exchanged.superseded == superseded
        for key in returned:
            if self._is_held(key):
                del model.leases[key[0]]
                model.tries[key[0]] -= 1
        for lease_of, lease in list(model.leases.items()):
            row = self.rows.get(lease_of)
            if lease.until_ms <= now and (row is None or row.claim != lease.claim):
                model.may_be_lost.add((lease_of, lease.number))
                del model.leases[lease_of]
        for claimed in exchanged.claimed:
            self._check_claimed(claimed.delivery, now)
        assert len(exchanged.claimed) <= limit
        return len(exchanged.claimed)

    def _is_held(self, key: tuple[int, int]) -> bool:
        lease = self.model.leases.get(key[0])
        return lease is not None and lease.claim == key[1]

    def _check_result(self, claimed: Delivery, how: Ended, now: int) -> None:
        """Take a result that counts into the model, and check that the store has done so, too."""
        model, one = self.model, claimed.id
        lease = model.leases.pop(one)
        model.log[one, lease.number] = how.outcome
        if how.outcome != CANCELLED and one not in model.tried:
            self._check_order(claimed)
            model.tried.add(one)
        row = self.rows.get(one)
        if how.outcome == OK:
            model.delivered.add(one)
            assert row is None
            return
        assert row is not None
        is_probe = claimed.kind is AttemptKind.PROBE and row.tries < claimed.tries
        if how is GONE or how.outcome == CANCELLED or is_probe:
            model.tries[one] -= 1
        if how.outcome == CANCELLED:
            return
        assert (row.last_outcome, row.last_status) == (how.outcome, how.status)
        if row.state is DeliveryState.DEAD and row.reason is DeathReason.ATTEMPTS:
            assert model.tries[one] == POLICY.max_tries
        elif row.state is DeliveryState.DEAD and row.reason is DeathReason.AGE:
            assert now + 2 * max(POLICY.retry_delays_ms) - row.since_ms > POLICY.max_age_ms

    def _check_order(self, claimed: Delivery) -> None:
        """Check that all earlier ones of the target and aggregate have had their first result, or never will."""
        for other in self.model.published.values():
            if other.order_key == claimed.order_key and other.sequence < claimed.sequence:
                row = self.rows.get(other.id)
                is_over = row is None or row.state is DeliveryState.DEAD
                assert other.id in self.model.tried or is_over, f"{claimed} came before {row}"

    def _check_unchanged_by_a_late_result(self, key: tuple[int, int], before: Mapping[int, Delivery]) -> None:
        row, former = self.rows.get(key[0]), before.get(key[0])
        if row is None or former is None or row.claim == 0 or former.due_ms is None:
            return
        assert row == former or row.attempts > former.attempts  # or claimed anew, as any other

    def _check_claimed(self, claimed: Delivery, now: int) -> None:
        model, one = self.model, claimed.id
        lease = model.leases.get(one)
        assert lease is None or lease.until_ms <= now, f"{claimed} is attempted under two claims"
        assert one not in model.delivered
        assert claimed.target_id not in model.removed
        assert all(number < claimed.attempts for logged, number in model.log if logged == one)
        health = self.health.get(claimed.target_id)
        if health is not None and health.is_paused:
            assert claimed.kind is AttemptKind.PROBE
            assert health.probe == one
        else:
            assert claimed.kind is not AttemptKind.PROBE
        model.leases[one] = Lease(claimed.claim, claimed.attempts, now + POLICY.lease_ms)
        model.tries[one] += 1
        assert model.tries[one] == claimed.tries <= POLICY.max_tries

    @rule(worker=workers)
    def renew(self, worker: int) -> None:
        self.run(self.workers[worker].renew())
        self.observe()
        for key in self.workers[worker].running:
            if self._is_held(key):
                self.model.leases[key[0]].until_ms = self.clock.ms + POLICY.lease_ms

    @rule(worker=workers)
    def kill_a_worker(self, worker: int) -> None:
        self.workers[worker] = self._new_worker(worker)

    # Time.

    @rule(ms=st.sampled_from(STEPS_MS))
    def let_time_pass(self, ms: int) -> None:
        self.clock.pass_ms(ms)

    @precondition(lambda self: any(health.paused_until_ms for health in self.health.values()))
    @rule()
    def let_a_pause_end(self) -> None:
        ends = min(health.paused_until_ms for health in self.health.values() if health.paused_until_ms is not None)
        self.clock.pass_ms(max(0, ends - self.clock.ms))

    # The keeper.

    @rule(keeper=keepers)
    def take_the_lease(self, keeper: int) -> None:
        model = self.model
        expected = keeper == model.keeper or model.kept_until_ms <= self.clock.ms
        assert self.write(partial(housekeeping.take_lease, keeper=keeper)) is expected
        if expected:
            model.keeper, model.kept_until_ms = keeper, self.clock.ms + housekeeping.LEASE_MS

    @rule(keeper=keepers)
    def end_the_lease(self, keeper: int) -> None:
        self.write(partial(housekeeping.end_lease, keeper=keeper))
        if keeper == self.model.keeper:
            self.model.kept_until_ms = 0

    @rule(store=workers)
    def sweep(self, store: int) -> None:
        assert self.write(partial(housekeeping.sweep, policy=POLICY, after=""), store % len(self.stores)) is None
        before, health = self.rows, self.health
        self.observe()
        for one, row in self.rows.items():
            was_released = before[one].state is DeliveryState.PARKED and row.state is not DeliveryState.PARKED
            assert not was_released or health[row.target_id].portion

    @rule(worker=workers)
    def adopt(self, worker: int) -> None:
        self.run(self.workers[worker % len(self.workers)].adopt())

    @rule(store=workers)
    def patrol(self, store: int) -> None:
        before = self.rows
        kept = self.write(partial(housekeeping.patrol, policy=POLICY, after=0), store % len(self.stores))
        self.observe()
        died = [row for one, row in self.rows.items() if row.state is DeliveryState.DEAD and row != before[one]]
        assert sorted(row.reason.value for row in died if row.reason) == sorted(reason.value for reason in kept.dead)
        for row in died:
            assert not before[row.id].is_claimed(self.clock.ms)
            self._forget_lease(row.id)

    @rule(store=workers)
    def prune(self, store: int) -> None:
        before, now = self.rows, self.clock.ms
        after: int | None = 0
        while after is not None:
            after = self.write(partial(housekeeping.prune, policy=POLICY, after=after), store % len(self.stores))
        self.observe()
        for one in before.keys() - self.rows.keys():
            assert before[one].state is DeliveryState.DEAD
            assert before[one].last_ms < now - POLICY.dead_retention_ms
            self.model.pruned.add(one)

    # By hand.

    @precondition(lambda self: self.retryable())
    @rule(data=st.data())
    def retry_by_hand(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.retryable()))
        self.run(self.deliveries.retry(_actor(chosen), chosen.id))
        self._was_retried([chosen.id])

    @rule(target_id=st.sampled_from(TARGET_IDS))
    def retry_all_of_a_target_by_hand(self, target_id: str) -> None:
        retryable = [row for row in self.retryable() if row.target_id == target_id]
        wanted = DeliveryFilter(target_id=target_id)
        retried = self.run(self.deliveries.retry_matching(Actor("", OWNER_OF[target_id]), wanted, _never_late))
        assert retried == Bulk(len(retryable), is_complete=True)
        self._was_retried([row.id for row in retryable])

    def retryable(self) -> Sequence[Delivery]:
        """Return what is dead or waits for a retry, of targets that still exist."""
        now, removed = self.clock.ms, self.model.removed
        return [
            row
            for row in self.rows.values()
            if row.target_id not in removed
            and (row.state is DeliveryState.DEAD or (not row.claim and row.due_ms is not None and row.due_ms > now))
        ]

    def _was_retried(self, ids: Sequence[int]) -> None:
        before = self.rows
        self.observe()
        for one in ids:
            self.model.tried.add(one)
            if before[one].state is DeliveryState.DEAD:
                self.model.tries[one] = 0  # one that waits is brought forward alone
            assert self.rows[one].state in (DeliveryState.WAITING, DeliveryState.PARKED)

    @precondition(lambda self: any(row.state in UNFINISHED for row in self.rows.values()))
    @rule(data=st.data())
    def cancel_by_hand(self, data: st.DataObject) -> None:
        unfinished = [row for row in self.rows.values() if row.state in UNFINISHED]
        chosen = data.draw(st.sampled_from(unfinished))
        self.run(self.deliveries.cancel(_actor(chosen), chosen.id))
        self._was_cancelled([chosen.id])

    @rule(target_id=st.sampled_from(TARGET_IDS), order=st.sampled_from(["1", "2"]))
    def cancel_all_of_an_aggregate_by_hand(self, target_id: str, order: str) -> None:
        owner = OWNER_OF[target_id]
        key = target_id, f"order/{qualified_id(owner, 'order', order)}"
        unfinished = [row for row in self.rows.values() if row.state in UNFINISHED and row.order_key == key]
        wanted = DeliveryFilter(target_id=target_id, aggregate_type="order", aggregate_id=order)
        cancelled = self.run(self.deliveries.cancel_matching(Actor("", owner), wanted, _never_late))
        assert cancelled == Bulk(len(unfinished), is_complete=True)
        self._was_cancelled([row.id for row in unfinished])

    def _was_cancelled(self, ids: Sequence[int]) -> None:
        self.observe()
        for one in ids:
            self._forget_lease(one)
            assert (self.rows[one].state, self.rows[one].reason) == (DeliveryState.DEAD, DeathReason.CANCELLED)

    @precondition(lambda self: any(self._is_paused(one) for one in set(TARGET_IDS) - self.model.removed))
    @rule(data=st.data())
    def resume_by_hand(self, data: st.DataObject) -> None:
        paused = [one for one in TARGET_IDS if self._is_paused(one) and one not in self.model.removed]
        self._resume(data.draw(st.sampled_from(paused)))

    def _resume(self, target_id: str) -> None:
        self.run(self.deliveries.resume(Actor("", OWNER_OF[target_id]), target_id))
        self.observe()
        assert not self._is_paused(target_id)

    def _forget_lease(self, one: int) -> None:
        lease = self.model.leases.pop(one, None)
        if lease is not None:
            self.model.may_be_lost.add((one, lease.number))

    def _is_paused(self, target_id: str) -> bool:
        health = self.health.get(target_id)
        return health is not None and health.is_paused

    # What always holds.

    @invariant()
    def everything_published_is_delivered_or_unfinished_or_dead(self) -> None:
        published, model = set(self.model.published), self.model
        assert published == self.rows.keys() | model.delivered | model.pruned
        assert not self.rows.keys() & model.delivered
        assert not self.rows.keys() & model.pruned

    @invariant()
    def one_goes_first_where_any_is_behind(self) -> None:
        by_key: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for row in self.rows.values():
            if row.state in UNFINISHED:
                by_key[row.order_key].append(row)
        for rows in by_key.values():
            first = [row.sequence for row in rows if row.goes_first]
            behind = [row.sequence for row in rows if row.state is DeliveryState.BEHIND]
            assert len(first) == 1 if behind else len(first) <= 1, rows
            assert not behind or first[0] < min(behind), rows

    @invariant()
    def each_row_is_as_its_state_says(self) -> None:
        for row in self.rows.values():
            assert (row.due_ms is not None) == (row.state is DeliveryState.WAITING)
            assert not row.claim or row.state is DeliveryState.WAITING
            assert (row.reason is not None) == (row.state is DeliveryState.DEAD)
            lease = self.model.leases.get(row.id)
            assert lease is None or (row.claim, row.due_ms) == (lease.claim, lease.until_ms)

    @invariant()
    def a_paused_target_is_probed_by_one_attempt_at_most(self) -> None:
        probes = Counter(
            row.target_id
            for row in self.rows.values()
            if row.kind is AttemptKind.PROBE and row.is_claimed(self.clock.ms) and self._is_paused(row.target_id)
        )
        assert all(attempts == 1 for attempts in probes.values())

    @invariant()
    def the_totals_are_those_of_the_rows(self) -> None:
        totals = self.run(self.stores[-1].delivery_totals())
        counted = {state: deliveries for state, deliveries in totals.by_state.items() if deliveries}
        assert counted == Counter(row.state for row in self.rows.values())
        assert totals.paused_targets == sum(health.is_paused for health in self.health.values())
        of_owner = Counter(row.owner for row in self.rows.values() if row.state in UNFINISHED)
        for owner in OWNERS:
            assert self.write(partial(_unfinished, owner=owner)) == (of_owner[owner], of_owner.total())

    # What holds in the end.

    def teardown(self) -> None:
        try:
            self._check_log()
            self._check_counts_for_owners()
            self._end_everything()
            self._check_log()
        finally:
            for store in self.stores:
                self.run(store.close())
            self._runner.close()

    def _check_log(self) -> None:
        """Check that the log has what workers have attempted, and nothing else."""
        oldest = self.clock.ms - POLICY.attempt_retention_ms
        for one, published in self.model.published.items():
            logged = self.run(self.stores[0].attempts(published.owner, one))
            numbers = [attempt.number for attempt in logged]
            assert numbers == sorted(set(numbers))
            for attempt in logged:
                expected = self.model.log.get((one, attempt.number), LOST)
                assert attempt.outcome == expected
                assert expected != LOST or (one, attempt.number) in self.model.may_be_lost
            kept = {attempt.number for attempt in logged}
            if all(attempt.at_ms > oldest for attempt in logged):
                missing = [key for key in self.model.log if key[0] == one and key[1] not in kept]
                assert not missing or self.clock.ms - POLICY.attempt_retention_ms > published.since_ms

    def _check_counts_for_owners(self) -> None:
        for owner in OWNERS:
            counted = self.run(self.stores[0].count_deliveries(owner, DeliveryFilter(states=UNFINISHED)))
            rows = [row for row in self.rows.values() if row.owner == owner and row.state in UNFINISHED]
            assert counted == Counter((row.state, row.target_id) for row in rows)

    def _end_everything(self) -> None:
        """Let every attempt succeed from now on: in the end, nothing is unfinished."""
        for target_id, health in self.health.items():
            if health.is_held and target_id not in self.model.removed:
                self._resume(target_id)
        for _ in range(MAX_ROUNDS):
            self.observe()
            for worker in self.workers:
                self.run(worker.adopt())
            if not any(row.state in UNFINISHED for row in self.rows.values()):
                break
            claimed = 1
            while claimed:
                claimed = sum(
                    self._exchange(worker, dict.fromkeys(worker.running, DELIVERED), [], limit=64)
                    for worker in self.workers
                )
                self.one_goes_first_where_any_is_behind()
            self.sweep(0)
            self.patrol(0)
            self.clock.pass_ms(10 * SECOND_MS)
        assert not [row for row in self.rows.values() if row.state in UNFINISHED]
        self.everything_published_is_delivered_or_unfinished_or_dead()
        self.the_totals_are_those_of_the_rows()


def _actor(row: Delivery) -> Actor:
    return Actor("", row.owner)


def _unfinished(transaction: Transaction, owner: str) -> tuple[int, int]:
    return transaction.deliveries.unfinished(owner)


def _never_late() -> bool:
    return False


@pytest.fixture(params=["memory", "sqlite"])
def open_stores(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStores:
    numbers = count()

    def open_two_of_sqlite(clock: FakeClock) -> Sequence[Store]:
        path = tmp_path / f"{next(numbers)}.db"
        return [SqliteStore.open(path, clock=clock) for _ in range(2)]

    return (lambda clock: [MemoryStore(clock)]) if request.param == "memory" else open_two_of_sqlite


def test_any_interleaving_loses_nothing_and_keeps_the_order(
    open_stores: OpenStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Portions of a few, so that a few deliveries are several.
    for module in (target_health, housekeeping, deliveries):
        monkeypatch.setattr(module, "FIRST_PORTION", 2)
    monkeypatch.setattr(target_health, "MAX_PORTION", 8)

    class OnThisStore(DeliveryStates):
        pass

    OnThisStore.open_stores = staticmethod(open_stores)
    run_state_machine_as_test(
        OnThisStore,
        settings=settings(
            examples(60), stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
