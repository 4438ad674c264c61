"""What every list tells besides its items."""

from collections.abc import Callable, Coroutine

import pytest

from actiond.actions.executions import Execution
from actiond.actions.ports import Store
from actiond.actions.queries import ExecutionQuery, Page, PageRequest, TargetQuery
from actiond.actions.targets import Target
from tests.support.samples import a_target, a_token, an_execution, delete, insert, later, put, put_execution, update

Find = Callable[[Store, PageRequest], Coroutine[None, None, Page[Target] | Page[Execution]]]

LISTS: dict[str, Find] = {
    "targets": lambda store, page: store.find_targets("owner", TargetQuery(page)),
    "executions": lambda store, page: store.find_executions("owner", ExecutionQuery(page)),
}


each_list = pytest.mark.parametrize("find", LISTS.values(), ids=LISTS.keys())


class ListContract:
    """See `StoreContract`."""

    @each_list
    async def test_an_empty_store_lists_nothing_as_of_no_event(self, store: Store, find: Find) -> None:
        assert await find(store, PageRequest()) == Page([], total=0, position=0, at_ns=0)

    @each_list
    async def test_a_list_has_nothing_of_another_owners(self, store: Store, find: Find) -> None:
        await store.write(insert(a_target("1", "name", owner="another")))
        await store.write(put_execution(an_execution("request", owner="another")))
        found = await find(store, PageRequest())
        assert (found.items, found.total) == ([], 0)

    @each_list
    async def test_a_list_is_as_of_the_stores_last_event_whatever_it_was_of(self, store: Store, find: Find) -> None:
        await store.write(insert(a_target("1", "name")))
        await store.write(put_execution(an_execution("request")))
        await store.write(put(a_token("1", created_at_ns=77)))
        found = await find(store, PageRequest())
        assert (found.position, found.at_ns) == (3, 77)

    @each_list
    async def test_the_total_counts_what_the_page_leaves_out(self, store: Store, find: Find) -> None:
        await self._fill(store)
        found = await find(store, PageRequest(offset=1, limit=1))
        assert (len(found.items), found.total) == (1, 3)

    @each_list
    @pytest.mark.parametrize("offset", [3, 4, 2**63 - 1, 2**63, 2**64 - 1])
    async def test_behind_the_last_item_there_is_nothing(self, store: Store, find: Find, offset: int) -> None:
        await self._fill(store)
        found = await find(store, PageRequest(offset=offset))
        assert (found.items, found.total) == ([], 3)

    @each_list
    async def test_pages_make_up_the_whole(self, store: Store, find: Find) -> None:
        await self._fill(store)
        pages = [await find(store, PageRequest(offset=offset, limit=2)) for offset in (0, 2)]
        assert [item for page in pages for item in page.items] == (await find(store, PageRequest())).items

    async def _fill(self, store: Store) -> None:
        """Three of each that stay."""
        for number in range(1, 5):
            await store.write(insert(a_target(str(number), f"name {number}")))
        await store.write(delete(later(a_target("2", "name 2"))))
        await store.write(update(later(a_target("3", "new"))))
        for key in ("request", "response", "event"):
            await store.write(put_execution(an_execution(key)))
            await store.write(put_execution(an_execution(key, "1", "3", sequence=2)))
