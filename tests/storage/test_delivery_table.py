"""The memory store's table of deliveries, where a change fails half-way."""

import pytest

from actiond.actions.errors import StoreError
from actiond.actions.ports import Transaction
from actiond.storage.memory import MemoryStore
from tests.support.delivering import FakeClock, all_rows, publish, start_delivering, subscribe


async def test_a_change_of_rows_that_have_changed_meanwhile_leaves_everything_as_it_was() -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    start_delivering(store, clock)
    await subscribe(store, "owner", ["1"])
    await publish(store, "owner", "1", "2")
    before = await store.write(all_rows)
    first, second = before.values()

    def change(transaction: Transaction) -> None:
        transaction.deliveries.save([(first, first.parked())])
        transaction.deliveries.save([(second.parked(), None)])

    with pytest.raises(StoreError):
        await store.write(change)
    assert await store.write(all_rows) == before
    assert [row.id for row in await store.write(lambda transaction: transaction.deliveries.due(clock.ms, 9))] == [
        first.id,
        second.id,
    ]
