"""Deliveries, their attempts and the health of targets within a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from actiond.actions.actors import Actor
from actiond.actions.deliveries import (
    LOST,
    SUPERSEDED,
    AttemptKind,
    DeathReason,
    Delivery,
    DeliveryState,
    DeliveryTotals,
)
from actiond.actions.errors import StoreError
from actiond.actions.ids import first_id
from actiond.actions.ports import DeliveryRepository, Store, Transaction
from actiond.actions.signing_keys import SigningKey
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases.targets import SigningKeys
from tests.support.delivering import FakeClock
from tests.support.delivery_samples import NOW, a_delivery, an_attempt, behind, in_order, put
from tests.support.samples import SAMPLE_KEYS, a_target, added, delete, insert, later, update

WAITING, BEHIND, PARKED, DEAD = (
    DeliveryState.WAITING,
    DeliveryState.BEHIND,
    DeliveryState.PARKED,
    DeliveryState.DEAD,
)


def prune(transaction: Transaction, before_ms: int, after: int, limit: int) -> int | None:
    return transaction.deliveries.prune_attempts(before_ms, after, limit)


async def read(store: Store, ask: Callable[[DeliveryRepository], object]) -> object:
    return await store.write(lambda transaction: ask(transaction.deliveries))


async def rows_of(store: Store) -> list[Delivery]:
    return list(await store.write(lambda transaction: transaction.deliveries.after(0, 1_000)))


def ids(deliveries: Sequence[Delivery]) -> list[int]:
    return [delivery.id for delivery in deliveries]


class DeliveryContract:
    """See `StoreContract`."""

    # Time.

    async def test_time_is_the_clocks_in_milliseconds_and_never_goes_back(self, store: Store, clock: FakeClock) -> None:
        assert await read(store, lambda rows: rows.now_ms()) == NOW
        clock.pass_ms(5)
        assert await read(store, lambda rows: rows.now_ms()) == NOW + 5
        clock.pass_ms(-60_000)
        # It goes on from there, as far as time passes.
        now_ms: int = await store.write(lambda transaction: transaction.deliveries.now_ms())
        assert NOW + 5 <= now_ms < NOW + 30_000

    # Enqueueing and the order of first attempts.

    async def test_new_deliveries_wait(self, store: Store) -> None:
        new = [a_delivery(1), a_delivery(2), a_delivery(3, target_id="2", aggregate="order/owner/1", sequence=7)]
        await store.write(lambda transaction: transaction.deliveries.enqueue(new))
        assert await rows_of(store) == new

    async def test_a_new_delivery_is_behind_one_that_goes_first(self, store: Store) -> None:
        await store.write(lambda transaction: transaction.deliveries.enqueue([in_order(1), in_order(2)]))
        await store.write(lambda transaction: transaction.deliveries.enqueue([in_order(3)]))
        assert await rows_of(store) == [in_order(1), behind(2), behind(3)]

    @pytest.mark.parametrize(
        ("earlier", "expected"),
        [
            (in_order(1).claimed(7, NOW, NOW + 60_000), BEHIND),
            (in_order(1).parked(), BEHIND),
            (in_order(1).attempted("timeout", None, NOW), WAITING),
            (in_order(1).attempted("timeout", None, NOW).parked(), WAITING),
            (in_order(1).dead(DeathReason.CANCELLED, NOW), WAITING),
            (in_order(1, target_id="2"), WAITING),
            (a_delivery(1, aggregate="order/owner/2"), WAITING),
        ],
        ids=["claimed", "parked", "tried", "parked and tried", "dead", "of another target", "of another aggregate"],
    )
    async def test_what_goes_first_has_had_no_result_and_is_not_dead(
        self, store: Store, earlier: Delivery, expected: DeliveryState
    ) -> None:
        await store.write(put(earlier))
        await store.write(lambda transaction: transaction.deliveries.enqueue([in_order(2)]))
        assert [row.state for row in await rows_of(store)][1] is expected

    async def test_the_next_one_of_an_aggregate_is_that_with_the_smallest_sequence(self, store: Store) -> None:
        await store.write(put(behind(30, target_id="2"), in_order(1)))
        await store.write(put(*(replace(behind(number), sequence=20 - number) for number in (4, 3, 5))))

        async def next_ones(*keys: tuple[str, str]) -> object:
            return await read(store, lambda rows: ids(rows.next_behind(keys)))

        first, other = in_order(1).order_key, behind(30, target_id="2").order_key
        assert await next_ones(first) == []  # one goes first
        await store.write(put_again(in_order(1).attempted("timeout", None, NOW)))
        assert await next_ones(first) == [5]
        assert await next_ones(other, first, ("404", "order/owner/1")) == [30, 5]

    # Finding.

    async def test_what_has_been_due_for_longest_comes_first(self, store: Store, clock: FakeClock) -> None:
        await store.write(put(*(a_delivery(number, due_ms=NOW + number * 7 % 5) for number in range(1, 6))))
        await store.write(put(a_delivery(8).claimed(7, NOW, NOW + 2), a_delivery(9).parked()))
        due = partial(read, store)
        assert await due(lambda rows: ids(rows.due(NOW, 10))) == [5]
        assert await due(lambda rows: [row.due_ms for row in rows.due(NOW + 9, 3)]) == [NOW, NOW + 1, NOW + 2]
        assert await due(lambda rows: sorted(ids(rows.due(NOW + 2, 10)))) == [1, 3, 5, 8]
        assert await due(lambda rows: rows.due(NOW - 1, 10)) == []

    async def test_the_next_due_moment_is_told_from_now(self, store: Store, clock: FakeClock) -> None:
        assert await store.next_due_in_ms() is None
        await store.write(put(a_delivery(1, due_ms=NOW + 50), a_delivery(2, due_ms=NOW + 20), a_delivery(3).parked()))
        assert await store.next_due_in_ms() == 20
        clock.pass_ms(30)
        assert await store.next_due_in_ms() == -10

    async def test_deliveries_are_found_by_their_ids_in_order(self, store: Store) -> None:
        large = 2**63 - 1
        await store.write(put(a_delivery(large), a_delivery(2), a_delivery(1)))
        assert await read(store, lambda rows: ids(rows.with_ids([large, 404, 1, 1]))) == [1, large]
        assert await read(store, lambda rows: rows.with_ids([])) == []

    async def test_every_field_comes_back_as_it_was_stored(self, store: Store) -> None:
        full = Delivery(
            id=2**62,
            owner="owner",
            target_id="1",
            event_position=2**40,
            execution="event/order.*",
            aggregate="order/owner/ä/1",
            sequence=2**40,
            since_ms=NOW - 1,
            state=WAITING,
            due_ms=NOW + 1,
            claim=2**62 + 1,
            attempts=12,
            tries=3,
            is_tried=True,
            kind=AttemptKind.PROBE,
            last_outcome="status",
            last_status=503,
            last_ms=NOW - 5,
            claimed_ms=NOW - 3,
        )
        dead = replace(full, id=3, reason=DeathReason.LOST, state=DEAD, due_ms=None, claim=0, last_status=None)
        for one in (full, dead):
            await store.write(put(one))
        assert await rows_of(store) == [dead, full]

    async def test_deliveries_that_still_have_their_claim_are_found(self, store: Store) -> None:
        claimed = [a_delivery(number).claimed(7, NOW, NOW + 60_000) for number in range(1, 5)]
        await store.write(put(*claimed))
        renewed = replace(claimed[0], due_ms=NOW + 90_000)
        await store.write(put_again(renewed, claimed[1].claimed(8, NOW, NOW + 60_000), claimed[2].parked()))
        await store.write(lambda transaction: transaction.deliveries.save([(claimed[3], None)]))
        assert await read(store, lambda rows: list(rows.still_claimed(claimed))) == [renewed]
        assert await read(store, lambda rows: list(rows.still_claimed([]))) == []

    async def test_parked_deliveries_of_a_target_come_oldest_first(self, store: Store) -> None:
        await store.write(put(*(a_delivery(number).parked() for number in (5, 1, 3)), a_delivery(2), a_delivery(4)))
        await store.write(put(a_delivery(6, target_id="2").parked()))
        assert await read(store, lambda rows: ids(rows.parked("1", 2))) == [1, 3]
        assert await read(store, lambda rows: ids(rows.parked("1", 9))) == [1, 3, 5]
        assert await read(store, lambda rows: rows.parked("404", 9)) == []
        await store.write(put_again(a_delivery(3).waiting(NOW)))
        assert await read(store, lambda rows: ids(rows.parked("1", 9))) == [1, 5]

    async def test_targets_with_parked_deliveries_are_listed_in_portions(self, store: Store) -> None:
        await store.write(put(*(a_delivery(number, target_id=str(number)).parked() for number in (3, 1, 2))))
        await store.write(put(a_delivery(4, target_id="2").parked(), a_delivery(5, target_id="5")))
        assert await read(store, lambda rows: list(rows.parked_targets("", 2))) == ["1", "2"]
        assert await read(store, lambda rows: list(rows.parked_targets("2", 2))) == ["3"]

    async def test_unfinished_deliveries_of_a_target_are_those_that_are_not_dead(self, store: Store) -> None:
        await store.write(put(a_delivery(1), a_delivery(2).parked(), behind(3), a_delivery(4, target_id="2")))
        await store.write(put(a_delivery(5).dead(DeathReason.AGE, NOW)))
        assert await read(store, lambda rows: sorted(ids(rows.unfinished_of("1", 10)))) == [1, 2, 3]
        assert await read(store, lambda rows: len(rows.unfinished_of("1", 2))) == 2

    async def test_all_deliveries_are_found_in_portions(self, store: Store) -> None:
        await store.write(put(a_delivery(2).dead(DeathReason.AGE, NOW), a_delivery(1).parked(), a_delivery(3)))
        assert await read(store, lambda rows: ids(rows.after(0, 2))) == [1, 2]
        assert await read(store, lambda rows: ids(rows.after(2, 2))) == [3]

    async def test_dead_deliveries_are_found_by_when_they_died(self, store: Store) -> None:
        await store.write(put(*(a_delivery(number).dead(DeathReason.AGE, NOW + number) for number in (1, 2, 3))))
        await store.write(put(a_delivery(4, last_ms=NOW)))
        assert await read(store, lambda rows: sorted(ids(rows.dead_before(NOW + 3, 9)))) == [1, 2]
        assert await read(store, lambda rows: len(rows.dead_before(NOW + 9, 2))) == 2

    # Counts.

    async def test_unfinished_deliveries_are_counted_by_owner_and_in_all(self, store: Store) -> None:
        await store.write(put(a_delivery(1), a_delivery(2).parked(), behind(3), a_delivery(4, owner="another")))
        await store.write(put(a_delivery(5).dead(DeathReason.AGE, NOW)))
        found = await read(store, lambda rows: [rows.unfinished(owner) for owner in ("owner", "another", "third")])
        assert found == [(3, 4), (1, 4), (0, 4)]

    async def test_a_change_sees_its_own_deliveries_in_the_counts(self, store: Store) -> None:
        await store.write(put(a_delivery(1), a_delivery(2, owner="another")))

        def change(transaction: Transaction) -> list[tuple[int, int]]:
            rows = transaction.deliveries
            counts = [rows.unfinished("owner")]
            rows.enqueue([a_delivery(3), a_delivery(4)])
            counts.append(rows.unfinished("owner"))
            rows.save([(a_delivery(3), None), (a_delivery(4), a_delivery(4).dead(DeathReason.CANCELLED, NOW))])
            counts.append(rows.unfinished("owner"))
            rows.save([(a_delivery(1), a_delivery(1).parked())])
            return [*counts, rows.unfinished("owner"), rows.unfinished("another")]

        assert await store.write(change) == [(1, 2), (3, 4), (1, 2), (1, 2), (1, 2)]
        assert await read(store, lambda rows: rows.unfinished("owner")) == (1, 2)

    async def test_it_is_known_whether_others_wait(self, store: Store) -> None:
        await store.write(put(a_delivery(1), a_delivery(2, owner="another").parked()))
        assert await read(store, lambda rows: (rows.others_wait("owner"), rows.others_wait("third"))) == (False, True)
        await store.write(put_again(a_delivery(2, owner="another")))
        assert await read(store, lambda rows: rows.others_wait("owner"))

    async def test_the_totals_are_of_all_owners(self, store: Store, clock: FakeClock) -> None:
        assert await store.delivery_totals() == DeliveryTotals({}, 0, 0)
        await store.write(put(a_delivery(1), a_delivery(2, owner="another"), a_delivery(3).parked()))
        await store.write(put(a_delivery(4).dead(DeathReason.AGE, NOW)))
        health = [TargetHealth("1", "owner", is_held=True), TargetHealth("2", "owner", paused_until_ms=NOW)]
        health.append(TargetHealth("3", "owner", failures=1))
        await store.write(lambda transaction: transaction.deliveries.put_health(health))
        clock.pass_ms(7)
        assert await store.delivery_totals() == DeliveryTotals({WAITING: 2, PARKED: 1, DEAD: 1}, 7, 2)

    # Attempts.

    async def test_attempts_come_back_by_their_numbers(self, store: Store) -> None:
        attempts = [
            an_attempt(2, kind=AttemptKind.PROBE, outcome="status", status=503, worker=1_023),
            an_attempt(1, kind=AttemptKind.MANUAL, outcome="timeout", status=None, at_ms=NOW - 5, duration_ms=0),
            an_attempt(1, delivery_id=2, event_position=0, kind=AttemptKind.TEST),
        ]
        await store.write(lambda transaction: transaction.deliveries.log(attempts))
        assert await store.attempts("owner", 1) == [attempts[1], attempts[0]]
        assert await store.attempts("owner", 2) == [attempts[2]]
        assert await store.attempts("another", 1) == []
        assert await store.attempts("owner", 404) == []

    async def test_an_attempt_that_was_thought_lost_is_logged_as_it_ended(self, store: Store) -> None:
        lost = an_attempt(outcome=LOST, status=None, duration_ms=0)
        late = an_attempt(outcome=SUPERSEDED, status=200, at_ms=NOW - 60_000, duration_ms=90_000)
        await store.write(lambda transaction: transaction.deliveries.log([lost]))
        await store.write(lambda transaction: transaction.deliveries.log([late]))
        assert await store.attempts("owner", 1) == [late]

    async def test_an_attempt_that_has_ended_stays_as_it_is_when_its_result_comes_again(self, store: Store) -> None:
        ended = an_attempt(outcome="ok", status=200)
        await store.write(lambda transaction: transaction.deliveries.log([ended]))
        await store.write(lambda transaction: transaction.deliveries.log([replace(ended, outcome=SUPERSEDED)]))
        assert await store.attempts("owner", 1) == [ended]

    async def test_old_attempts_are_pruned_in_portions(self, store: Store) -> None:
        first = first_id(NOW)
        attempts = [
            an_attempt(number, first + delivery, at_ms=NOW + delivery + number)
            for delivery in range(5)
            for number in (1, 2, 3)
        ]
        late = an_attempt(1, first_id(NOW + 9), at_ms=NOW + 9)
        await store.write(lambda transaction: transaction.deliveries.log([*attempts, late]))
        ends: list[int | None] = [0]
        while (after := ends[-1]) is not None:
            ends.append(await store.write(partial(prune, before_ms=NOW + 5, after=after, limit=4)))
        assert len(ends) > 2
        kept = [attempt for delivery in range(5) for attempt in await store.attempts("owner", first + delivery)]
        assert kept == [attempt for attempt in attempts if attempt.at_ms >= NOW + 5]
        assert await store.attempts("owner", late.delivery_id) == [late]

    # Health.

    async def test_the_health_of_targets_is_kept_while_they_are_not_healthy(self, store: Store) -> None:
        health = [
            TargetHealth("1", "owner", 3, NOW, NOW + 5, True, 2, 7, "status 503", 32, 5),
            TargetHealth("2", "another", failures=1, failing_since_ms=NOW),
        ]
        await store.write(lambda transaction: transaction.deliveries.put_health(health))
        assert await read(store, lambda rows: rows.health(["1", "2", "404"])) == {"1": health[0], "2": health[1]}
        assert await read(store, lambda rows: rows.health([])) == {}
        better = [replace(health[0], pauses=0), TargetHealth("2", "another"), TargetHealth("3", "owner")]
        await store.write(lambda transaction: transaction.deliveries.put_health(better))
        assert await read(store, lambda rows: rows.health(["1", "2", "3"])) == {"1": better[0]}

    async def test_pauses_that_are_over_are_found_those_that_ended_first(self, store: Store) -> None:
        health = [TargetHealth(str(number), "owner", paused_until_ms=NOW + number * 3 % 5) for number in range(1, 5)]
        health.append(TargetHealth("5", "owner", failures=9))
        health.append(TargetHealth("6", "owner", is_held=True))
        await store.write(lambda transaction: transaction.deliveries.put_health(health))
        ended = partial(read, store)
        assert await ended(lambda rows: [one.target_id for one in rows.ended_pauses(NOW + 3, 9)]) == ["2", "4", "1"]
        assert await ended(lambda rows: list(rows.ended_pauses(NOW + 9, 1))) == [health[1]]

    # Subjects, housekeeping and failures.

    async def test_attempts_get_events_targets_and_keys(self, store: Store) -> None:
        one, other = a_target("1", "one"), a_target("2", "other", "another")
        await store.write(insert(one, SAMPLE_KEYS))
        await store.write(insert(other))
        deliveries = [
            a_delivery(1, event_position=1),
            a_delivery(2, event_position=2, target_id="2", owner="another"),
            a_delivery(3, event_position=1, target_id="404"),
            a_delivery(4, event_position=404),
        ]
        subjects = await store.write(lambda transaction: transaction.deliveries.subjects(deliveries))
        assert subjects.events == {1: added(one), 2: added(other)}
        assert subjects.targets == {"1": one, "2": other}
        assert {target_id: list(keys) for target_id, keys in subjects.keys.items()} == {"1": list(SAMPLE_KEYS), "2": []}
        subjects = await store.write(
            lambda transaction: transaction.deliveries.subjects(deliveries[:1], with_events=False)
        )
        assert (subjects.events, subjects.targets) == ({}, {"1": one})

    async def test_a_target_of_another_owner_is_no_subject(self, store: Store) -> None:
        await store.write(insert(a_target("1", "one", "another"), SAMPLE_KEYS))
        subjects = await store.write(lambda transaction: transaction.deliveries.subjects([a_delivery(1)]))
        assert (subjects.targets, subjects.keys) == ({}, {})

    async def test_subjects_are_as_they_are_now(self, store: Store) -> None:
        async def subjects() -> tuple[object, list[SigningKey]]:
            found = await store.write(lambda transaction: transaction.deliveries.subjects([a_delivery(1)]))
            return found.targets.get("1"), list(found.keys.get("1", ()))

        one = a_target("1", "one")
        await store.write(insert(one, SAMPLE_KEYS))
        assert await subjects() == (one, list(SAMPLE_KEYS))
        changed = later(replace(one, endpoint="https://example.com/new"))
        await store.write(update(changed))
        assert await subjects() == (changed, list(SAMPLE_KEYS))
        signing_keys = SigningKeys(store, lambda: 1, lambda _: ("key", SigningKey(b"new")))
        await signing_keys.rotate(Actor("editor", "owner"), "1", overlap_ns=5)
        target, keys = await subjects()
        assert target == await store.target("owner", "1")
        assert keys[0] == SigningKey(b"new")

        def delete_and_look(transaction: Transaction) -> object:
            target = transaction.targets.get("owner", "1")
            assert target is not None
            delete(later(target))(transaction)
            return transaction.deliveries.subjects([a_delivery(1)]).targets

        assert await store.write(delete_and_look) == {}
        assert await subjects() == (None, [])

    async def test_a_subject_that_was_rolled_back_is_not_remembered(self, store: Store) -> None:
        one = a_target("1", "one")
        await store.write(insert(one, SAMPLE_KEYS))
        changed = later(replace(one, endpoint="https://example.com/new"))

        def failing(transaction: Transaction) -> None:
            update(changed)(transaction)
            assert transaction.deliveries.subjects([a_delivery(1)]).targets == {"1": changed}
            raise KeyError

        with pytest.raises(KeyError):
            await store.write(failing)
        other = replace(changed, endpoint="https://example.com/other")
        await store.write(update(other))
        subjects = await store.write(lambda transaction: transaction.deliveries.subjects([a_delivery(1)]))
        assert subjects.targets == {"1": other}

    async def test_the_health_of_targets_that_were_removed_is_pruned(self, store: Store) -> None:
        await store.write(insert(a_target("1", "one")))
        health = [TargetHealth(target_id, "owner", is_held=True) for target_id in ("1", "2", "3", "4")]
        await store.write(lambda transaction: transaction.deliveries.put_health(health))
        assert (await store.delivery_totals()).paused_targets == 4
        assert [await read(store, lambda rows: rows.prune_health(2)) for _ in range(3)] == [2, 1, 0]
        assert await read(store, lambda rows: rows.health(["1", "2", "3", "4"])) == {"1": health[0]}
        assert (await store.delivery_totals()).paused_targets == 1

    async def test_the_lease_of_housekeeping_is_one_processs(self, store: Store) -> None:
        async def hold(keeper: int, now_ms: int, until_ms: int) -> object:
            return await read(store, lambda rows: rows.hold_lease(keeper, now_ms, until_ms))

        assert await hold(1, NOW, NOW + 30) is True
        assert await hold(2, NOW, NOW + 30) is False
        assert await hold(1, NOW + 10, NOW + 40) is True
        assert await hold(2, NOW + 39, NOW + 70) is False
        assert await hold(2, NOW + 40, NOW + 70) is True
        assert await hold(1, NOW + 41, NOW + 71) is False
        assert await hold(2, NOW + 42, 0) is True  # given back
        assert await hold(1, NOW + 43, NOW + 73) is True

    async def test_of_deliveries_in_a_change_that_raises_nothing_stays(self, store: Store) -> None:
        health = TargetHealth("1", "owner", failures=1)
        await store.write(put(in_order(1), a_delivery(2).parked(), a_delivery(3), behind(4)))
        await store.write(lambda transaction: transaction.deliveries.log([an_attempt()]))
        await store.write(lambda transaction: transaction.deliveries.put_health([health]))
        before = await self._all(store)

        def change(transaction: Transaction) -> None:
            rows = transaction.deliveries
            rows.enqueue([a_delivery(5), in_order(6)])
            rows.save([(in_order(1), None), (a_delivery(2).parked(), a_delivery(2).waiting(NOW))])
            rows.save([(a_delivery(3), a_delivery(3).dead(DeathReason.AGE, NOW))])
            rows.log([an_attempt(outcome=SUPERSEDED), an_attempt(2), an_attempt(delivery_id=9)])
            rows.put_health([TargetHealth("1", "owner"), TargetHealth("2", "owner", is_held=True)])
            rows.hold_lease(1, NOW, NOW + 30)
            rows.prune_attempts(NOW + 1, 0, 9)
            raise KeyError

        with pytest.raises(KeyError):
            await store.write(change)
        assert await self._all(store) == before
        assert await read(store, lambda rows: rows.hold_lease(2, NOW, NOW + 30))
        # Nor in what is looked up.
        assert await read(store, lambda rows: ids(rows.due(NOW, 9))) == [1, 3]
        assert await read(store, lambda rows: ids(rows.parked("1", 9))) == [2]
        assert await read(store, lambda rows: rows.next_behind([in_order(1).order_key])) == []
        assert await read(store, lambda rows: rows.unfinished("owner")) == (4, 4)

    async def test_a_delivery_is_stored_once(self, store: Store) -> None:
        await store.write(put(a_delivery(1)))
        with pytest.raises(StoreError):
            await store.write(lambda transaction: transaction.deliveries.enqueue([a_delivery(1, target_id="2")]))
        assert await rows_of(store) == [a_delivery(1)]

    async def _all(self, store: Store) -> list[object]:
        health = await read(store, lambda rows: rows.health(["1", "2"]))
        return [await rows_of(store), health, *[await store.attempts("owner", number) for number in (1, 9)]]


def put_again(*deliveries: Delivery) -> Callable[[Transaction], None]:
    """Return a change that stores them in the place of what they were."""

    def change(transaction: Transaction) -> None:
        rows = transaction.deliveries
        before = {row.id: row for row in rows.with_ids(ids(deliveries))}
        rows.save([(before[delivery.id], delivery) for delivery in deliveries])

    return change
