"""The plan cache by itself: when a plan is read again."""

import asyncio

from actiond.actions.executions import ExecutionSnapshot
from actiond.executions.plan_cache import PlanCache
from actiond.storage.memory import MemoryStore
from tests.support.matching import PathParts


class Store(MemoryStore):
    """Counts the snapshots that are read, of a revision that the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.revision = 1
        self.read: list[str] = []

    async def execution_snapshot(self, owner: str) -> ExecutionSnapshot:
        self.read.append(owner)
        await asyncio.sleep(0)
        return ExecutionSnapshot(self.revision, (), {}, {})


async def test_a_plan_is_read_once_per_owner_and_revision() -> None:
    store = Store()
    plans = PlanCache(store, PathParts())
    first = await plans.of("one", 1)
    assert await plans.of("one", 1) is first
    await plans.of("two", 1)
    store.revision = 2
    assert (await plans.of("one", 2)).revision == 2
    assert store.read == ["one", "two", "one"]


async def test_a_plan_that_is_newer_than_asked_for_will_do() -> None:
    store = Store()
    store.revision = 7
    plans = PlanCache(store, PathParts())
    await plans.of("one", 1)
    assert (await plans.of("one", 5)).revision == 7
    assert store.read == ["one"]


async def test_of_many_calls_at_once_one_reads() -> None:
    store = Store()
    plans = PlanCache(store, PathParts())
    found = await asyncio.gather(*(plans.of("one", 1) for _ in range(20)))
    assert (len(set(map(id, found))), store.read) == (1, ["one"])
