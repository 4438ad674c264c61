"""Recording what happens to deliveries while somebody watches, and reading it."""

from collections.abc import Callable
from functools import partial

from actiond.actions.deliveries import DeathReason, DeliveryState
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter
from actiond.actions.watching import WATCH_LEASE_MS, ChangeKind
from tests.support.delivering import (
    DELIVERED,
    FAILED,
    FakeClock,
    Worker,
    all_rows,
    publish,
    start_delivering,
    subscribe,
)

ALL = DeliveryFilter()


async def watch(store: Store, owner: str = "owner") -> int:
    def change(transaction: Transaction) -> int:
        return transaction.deliveries.watch(owner, transaction.deliveries.now_ms() + WATCH_LEASE_MS)

    return await store.write(change)


async def kinds(store: Store, after: int, wanted: DeliveryFilter = ALL) -> list[ChangeKind]:
    page = await store.delivery_changes("owner", wanted, after, 100)
    assert page.is_complete
    return [change.kind for _, change in page.changes]


async def cancel_all(store: Store) -> None:
    def change(transaction: Transaction) -> None:
        rows = all_rows(transaction).values()
        transaction.deliveries.save([(row, row.dead(DeathReason.CANCELLED, 1)) for row in rows])

    await store.write(change)


class WatchContract:
    """See `StoreContract`."""

    async def test_what_happens_to_a_watched_delivery_is_recorded_in_order(
        self, store: Store, clock: FakeClock
    ) -> None:
        start_delivering(store, clock)
        await subscribe(store, "owner", ["1"])
        begin = await watch(store)
        await publish(store, "owner", "1", "1")
        worker = Worker(store, 1)
        await worker.exchange()
        await worker.end_all(FAILED)
        assert await kinds(store, begin) == [
            ChangeKind.CREATED,
            ChangeKind.CREATED,
            ChangeKind.FAILED,
            ChangeKind.RELEASED,
        ]

    async def test_changes_say_how_the_attempt_ended(self, store: Store, clock: FakeClock) -> None:
        start_delivering(store, clock)
        await subscribe(store, "owner", ["1"])
        begin = await watch(store)
        await publish(store, "owner", "1")
        worker = Worker(store, 1)
        await worker.exchange()
        await worker.end_all(DELIVERED)
        page = await store.delivery_changes("owner", ALL, begin, 100)
        (_, created), (last, delivered) = page.changes
        assert (created.kind, created.event_type, created.attempt) == (ChangeKind.CREATED, "order.placed", 0)
        assert (delivered.kind, delivered.outcome, delivered.status) == (ChangeKind.DELIVERED, "ok", 200)
        assert (delivered.attempt, delivered.state) == (1, DeliveryState.DELIVERED)
        assert page.position == last == await store.last_delivery_change("owner")

    async def test_a_filter_chooses_among_changes_by_the_state_after_them(self, store: Store, clock: FakeClock) -> None:
        start_delivering(store, clock)
        await subscribe(store, "owner", ["1"])
        begin = await watch(store)
        await publish(store, "owner", "1")
        await cancel_all(store)
        assert await kinds(store, begin) == [ChangeKind.CREATED, ChangeKind.DIED]
        assert await kinds(store, begin, DeliveryFilter(states=frozenset({DeliveryState.DEAD}))) == [ChangeKind.DIED]
        assert await kinds(store, begin, DeliveryFilter(target_id="2")) == []

    async def test_nothing_is_recorded_for_owners_whom_nobody_watches(self, store: Store, clock: FakeClock) -> None:
        start_delivering(store, clock)
        await subscribe(store, "owner", ["1"])
        await watch(store, "another")
        await publish(store, "owner", "1")
        assert await store.last_delivery_change("owner") == 0

    async def test_a_watch_that_lapsed_is_not_complete_though_nothing_was_recorded_since(
        self, store: Store, clock: FakeClock
    ) -> None:
        start_delivering(store, clock)
        await subscribe(store, "owner", ["1"])
        begin = await watch(store)
        clock.pass_ms(WATCH_LEASE_MS - 1)
        assert await watch(store) == begin
        clock.pass_ms(WATCH_LEASE_MS)
        await publish(store, "owner", "1")
        again = await watch(store)
        assert not (await store.delivery_changes("owner", ALL, begin, 100)).is_complete
        assert (await store.delivery_changes("owner", ALL, again, 100)).is_complete

    async def test_a_position_before_what_was_removed_or_after_the_last_is_not_complete(
        self, store: Store, clock: FakeClock
    ) -> None:
        start_delivering(store, clock)
        await subscribe(store, "owner", ["1"])
        begin = await watch(store)
        await publish(store, "owner", "1")
        last = await store.last_delivery_change("owner")
        assert not (await store.delivery_changes("owner", ALL, last + 1, 100)).is_complete
        prune: Callable[[Transaction], int] = partial(_prune, before_ms=clock.ms + 1)
        assert await store.write(prune) >= 1
        assert not (await store.delivery_changes("owner", ALL, begin, 100)).is_complete
        assert (await store.delivery_changes("owner", ALL, last, 100)).is_complete


def _prune(transaction: Transaction, before_ms: int) -> int:
    return transaction.deliveries.prune_changes(before_ms, 100)
