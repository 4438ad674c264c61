"""What a process knows of the instance keys, and how often it reads them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from actiond.actions.errors import StoreUnavailableError
from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm
from actiond.secrets.instance_key_ring import MAX_AGE_SECONDS, REFRESH_SECONDS, InstanceKeyRing
from actiond.secrets.jose import new_key
from actiond.secrets.sealing import Sealer
from actiond.storage.memory import MemoryStore
from tests.support.samples import put_instance_key

SEALER, OTHER = Sealer([b"1" * 32]), Sealer([b"2" * 32])


def a_key(*, signs_from_ns: int = 0, sealer: Sealer = SEALER) -> InstanceKey:
    made = new_key(sealer, KeyAlgorithm.ES256)
    return InstanceKey(made.id, made.algorithm, made.public_jwk, made.sealed, 0, signs_from_ns)


class Store(MemoryStore):
    """Counts its reads, and can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.fails = False

    async def instance_keys(self) -> Sequence[InstanceKey]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.fails:
            raise StoreUnavailableError
        return await super().instance_keys()


class World:
    """A ring with a clock of its own."""

    def __init__(self) -> None:
        self.store = Store()
        self.now = 1000.0
        self.ring = InstanceKeyRing(self.store, SEALER, lambda: int(self.now * 1e9), lambda: self.now)

    async def put(self, *keys: InstanceKey) -> None:
        for key in keys:
            await self.store.write(put_instance_key(key))

    async def signing(self) -> str | None:
        key = await self.ring.signature_key()
        return None if key is None else key.id


@pytest.fixture
def world() -> World:
    return World()


async def test_however_often_keys_are_asked_for_they_are_read_once(world: World) -> None:
    await world.put(a_key())
    await asyncio.gather(*(world.ring.published() for _ in range(50)), *(world.signing() for _ in range(50)))
    world.now += REFRESH_SECONDS - 0.01
    await world.ring.published()
    assert world.store.reads == 1


async def test_a_rotation_by_another_process_is_known_after_the_refresh(world: World) -> None:
    first, second = a_key(), a_key(signs_from_ns=int((world.now + REFRESH_SECONDS + 1) * 1e9))
    await world.put(first)
    assert await world.ring.published() == [first]
    await world.put(second)
    world.now += REFRESH_SECONDS
    assert await world.ring.published() == [second, first]
    assert await world.signing() == first.id
    reads = world.store.reads
    world.now += 1
    assert (await world.signing(), world.store.reads) == (second.id, reads)


async def test_each_key_that_takes_over_is_logged_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    first, second = a_key(), a_key(signs_from_ns=int((world.now + 1) * 1e9))
    await world.put(first, second)
    assert [await world.signing() for _ in range(2)] == [first.id, first.id]
    assert caplog.records == []
    for seconds in (1, -1, 1):  # a clock that is set back and forth
        world.now += seconds
        await world.signing()
    (record,) = caplog.records
    assert (record.levelname, second.id in record.getMessage()) == ("INFO", True)


async def test_an_expired_key_is_published_no_more_before_the_next_read(world: World) -> None:
    key = replace(a_key(), expires_at_ns=int((world.now + 1) * 1e9))
    await world.put(key)
    assert await world.ring.published() == [key]
    world.now += 1
    assert await world.ring.published() == []


async def test_the_newest_key_that_can_be_decrypted_signs(world: World) -> None:
    readable, lost = a_key(), a_key(signs_from_ns=1, sealer=OTHER)
    await world.put(readable, lost)
    assert await world.signing() == readable.id


async def test_without_a_key_that_can_be_decrypted_none_signs_and_that_is_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.put(a_key(sealer=OTHER))
    assert await world.signing() is None
    assert await world.signing() is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_keys_are_used_on_while_the_store_fails_for_a_while(world: World) -> None:
    key = a_key()
    await world.put(key)
    await world.signing()
    world.store.fails = True
    world.now += MAX_AGE_SECONDS - 1
    assert await world.signing() == key.id
    world.now += REFRESH_SECONDS
    with pytest.raises(StoreUnavailableError):
        await world.signing()
    world.store.fails = False
    world.now += REFRESH_SECONDS
    assert await world.signing() == key.id


async def test_a_store_that_fails_is_asked_as_seldom_as_one_that_does_not(world: World) -> None:
    await world.put(a_key())
    await world.signing()
    world.store.fails = True
    world.now += REFRESH_SECONDS
    for _ in range(10):
        await world.signing()
    assert world.store.reads == 2


async def test_a_caller_that_is_cancelled_does_not_cancel_the_read_of_others(world: World) -> None:
    key = a_key()
    await world.put(key)
    first = asyncio.ensure_future(world.signing())
    second = asyncio.ensure_future(world.signing())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == key.id
    assert world.store.reads == 1
