from collections.abc import Callable

import pytest

from actiond.actions.ports import Store
from actiond.storage.memory import MemoryStore
from tests.storage.contract import StoreContract
from tests.support.delivering import FakeClock


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: FakeClock) -> MemoryStore:
        return MemoryStore(clock)

    @pytest.fixture
    def new_store(self) -> Callable[[], Store]:
        return MemoryStore


async def test_no_change_ever_waits() -> None:
    assert MemoryStore().waiting == 0
