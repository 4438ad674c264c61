"""Instance keys: when each signs, how long it is published, and which ones a start makes."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.errors import NotStartedError, TooManyInstanceKeysError
from actiond.actions.instance_keys import (
    DEFAULT_AHEAD_NS,
    DEFAULT_OVERLAP_NS,
    MAX_INSTANCE_KEYS,
    InstanceKey,
    KeyAlgorithm,
    NewKey,
    may_sign,
    published,
    rotated,
)
from actiond.actions.use_cases.instance_keys import InstanceKeys, Preparation
from actiond.storage.memory import MemoryStore

ES256, RS256 = KeyAlgorithm.ES256, KeyAlgorithm.RS256
MINUTE = 60 * 1_000_000_000


def new(key_id: str) -> NewKey:
    return NewKey(key_id, ES256, "{}", b"")


def ids(keys: list[InstanceKey] | tuple[InstanceKey, ...]) -> list[str]:
    return [key.id for key in keys]


class World:
    """A store with its clock, and keys that can be lost."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = 1_000_000 * MINUTE
        self.lost: set[str] = set()
        self._numbers = itertools.count(1)
        self.use = InstanceKeys(self.store, lambda: self.now, self._make, lambda key: key.id not in self.lost)

    def _make(self, algorithm: KeyAlgorithm) -> NewKey:
        return replace(new(str(next(self._numbers))), algorithm=algorithm)

    async def start(self, algorithm: KeyAlgorithm = ES256) -> Preparation:
        return await self.use.prepare(algorithm)

    async def rotate(self, ahead: int = DEFAULT_AHEAD_NS, overlap: int = DEFAULT_OVERLAP_NS) -> InstanceKey:
        return (await self.use.rotate(None, ahead_ns=ahead, overlap_ns=overlap)).key

    async def rotate_often(self) -> None:
        """Rotate, a minute after the other, until no more keys are allowed."""
        for _ in range(MAX_INSTANCE_KEYS - 1):
            self.now += MINUTE
            await self.rotate()
        self.now += MINUTE

    async def published(self) -> list[str]:
        return ids(published(await self.store.instance_keys(), self.now))

    async def signing(self) -> str | None:
        signers = may_sign(await self.store.instance_keys(), self.now)
        return next((key.id for key in signers if key.id not in self.lost), None)

    async def events(self, key_id: str) -> list[str]:
        return [event.type for event in await self.store.events("instance_key", key_id)]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.store.write(lambda transaction: transaction.instance.set_default_owner("owner"))
    return world


async def test_the_first_start_makes_a_key_that_signs_at_once(world: World) -> None:
    assert await world.start() is Preparation.FIRST
    assert (await world.published(), await world.signing()) == (["1"], "1")


async def test_the_next_start_makes_none(world: World) -> None:
    await world.start()
    assert await world.start() is Preparation.NOT_NEEDED
    assert await world.published() == ["1"]


async def test_of_starts_at_once_one_makes_the_key(world: World) -> None:
    found = await asyncio.gather(*(world.start() for _ in range(5)))
    assert sorted(one is Preparation.FIRST for one in found) == [False] * 4 + [True]
    assert len(await world.published()) == 1


async def test_a_new_key_is_published_at_once_and_signs_later(world: World) -> None:
    await world.start()
    await world.rotate()
    assert (await world.published(), await world.signing()) == (["2", "1"], "1")
    world.now += DEFAULT_AHEAD_NS - 1
    assert await world.signing() == "1"
    world.now += 1
    assert await world.signing() == "2"


async def test_a_former_key_is_published_until_the_overlap_after_its_last_signature_ends(world: World) -> None:
    await world.start()
    await world.rotate()
    world.now += DEFAULT_AHEAD_NS + DEFAULT_OVERLAP_NS - 1
    assert await world.published() == ["2", "1"]
    world.now += 1
    assert await world.published() == ["2"]


async def test_a_leaked_key_is_neither_used_nor_published_any_more(world: World) -> None:
    await world.start()
    await world.rotate(0, 0)
    assert (await world.published(), await world.signing()) == (["2"], "2")
    assert [key.id for key in await world.store.instance_keys()] == ["2"]


async def test_a_key_that_should_sign_later_never_does_once_another_is_to_sign_sooner(world: World) -> None:
    await world.start()
    await world.rotate()
    await world.rotate(0)
    assert (await world.published(), await world.signing()) == (["3", "1"], "3")
    world.now += DEFAULT_AHEAD_NS
    assert await world.signing() == "3"


async def test_a_second_rotation_does_not_prolong_a_former_key(world: World) -> None:
    await world.start()
    await world.rotate(0, MINUTE)
    await world.rotate(0, 2 * MINUTE)
    world.now += MINUTE
    assert await world.published() == ["3", "2"]


async def test_expired_keys_are_removed_at_a_rotation(world: World) -> None:
    await world.start()
    await world.rotate(0, MINUTE)
    world.now += MINUTE
    assert [key.id for key in await world.store.instance_keys()] == ["1", "2"]
    await world.rotate()
    assert [key.id for key in await world.store.instance_keys()] == ["2", "3"]


async def test_a_key_that_cannot_be_decrypted_does_not_keep_the_one_before_it_from_signing(world: World) -> None:
    await world.start()
    await world.rotate(0)
    world.lost.add("2")
    assert await world.signing() == "1"


async def test_a_rotation_keeps_the_algorithm_unless_it_is_given_another(world: World) -> None:
    await world.start(RS256)
    assert (await world.rotate()).algorithm is RS256
    assert (await world.use.rotate(ES256, ahead_ns=0, overlap_ns=0)).key.algorithm is ES256


async def test_another_algorithm_of_the_setting_rotates_with_time_for_receivers(world: World) -> None:
    await world.start(ES256)
    assert await world.start(RS256) is Preparation.OTHER_ALGORITHM
    assert (await world.published(), await world.signing()) == (["2", "1"], "1")
    assert await world.start(RS256) is Preparation.NOT_NEEDED


async def test_without_a_key_that_can_be_decrypted_a_start_makes_one_that_signs_at_once(world: World) -> None:
    await world.start()
    world.lost.add("1")
    assert await world.start() is Preparation.UNREADABLE
    assert (await world.published(), await world.signing()) == (["2", "1"], "2")


async def test_a_lost_newest_key_is_replaced_with_time_for_receivers_while_another_can_sign(world: World) -> None:
    await world.start()
    await world.rotate()
    world.lost.add("2")
    assert await world.start() is Preparation.UNREADABLE
    world.now += DEFAULT_AHEAD_NS - 1
    assert await world.signing() == "1"
    world.now += 1
    assert await world.signing() == "3"


async def test_no_more_keys_are_published_at_once_than_are_allowed(world: World) -> None:
    await world.start()
    await world.rotate_often()
    with pytest.raises(TooManyInstanceKeysError) as caught:
        await world.rotate()
    assert caught.value.maximum == MAX_INSTANCE_KEYS
    assert await world.start(RS256) is Preparation.TOO_MANY
    assert len(await world.published()) == MAX_INSTANCE_KEYS


async def test_a_leaked_key_can_be_rotated_when_no_more_keys_are_allowed(world: World) -> None:
    await world.start()
    await world.rotate_often()
    newest = await world.rotate(0, 0)
    assert await world.published() == [newest.id]


async def test_a_start_replaces_lost_keys_when_no_more_keys_are_allowed(world: World) -> None:
    await world.start()
    await world.rotate_often()
    world.now += DEFAULT_AHEAD_NS
    world.lost |= set(await world.published())
    assert await world.signing() is None
    assert await world.start() is Preparation.UNREADABLE
    assert len(await world.published()) == MAX_INSTANCE_KEYS
    assert await world.signing() not in {None, *world.lost}


async def test_each_change_of_a_key_is_an_event(world: World) -> None:
    await world.start()
    await world.rotate(0, MINUTE)
    world.now += MINUTE
    await world.rotate()
    assert await world.events("1") == ["instance_key.added", "instance_key.changed", "instance_key.removed"]
    assert await world.events("2") == ["instance_key.added", "instance_key.changed"]
    assert await world.events("3") == ["instance_key.added"]


async def test_no_key_is_rotated_before_the_first_start() -> None:
    with pytest.raises(NotStartedError):
        await World().rotate()


spans = st.integers(0, 5)


@given(st.lists(st.tuples(spans, spans, spans), max_size=8))
def test_after_any_rotations_a_key_that_was_published_for_its_time_ahead_always_signs(
    steps: list[tuple[int, int, int]],
) -> None:
    """Each step waits, and rotates with a time ahead and an overlap."""
    now = 0
    keys = rotated((), new("0"), now, ahead_ns=0, overlap_ns=0)
    for number, (wait, ahead, overlap) in enumerate(steps, 1):
        now += wait
        keys = rotated(keys, new(str(number)), now, ahead_ns=ahead, overlap_ns=overlap)
        for later in range(now, now + 30):
            signers = may_sign(keys, later)
            assert signers
            assert signers[0].id in ids(published(keys, later))
        last = may_sign(keys, now + ahead)[0]
        assert last.id == str(number)
        assert sum(key.expires_at_ns is None for key in keys) == 1


async def test_a_start_that_cannot_decrypt_the_newest_key_lets_those_that_can_go_on_signing(world: World) -> None:
    await world.start()
    world.lost.add("1")
    assert await world.start() is Preparation.UNREADABLE
    world.now += 10 * DEFAULT_OVERLAP_NS
    assert ids(may_sign(await world.store.instance_keys(), world.now)) == ["2", "1"]


async def test_a_key_signs_before_its_time_if_a_clock_has_gone_back(world: World) -> None:
    await world.start()
    world.now -= MINUTE
    assert await world.start() is Preparation.NOT_NEEDED
    assert ids(may_sign(await world.store.instance_keys(), world.now)) == ["1"]


async def test_a_rotation_keeps_the_key_that_signs_though_a_clock_has_gone_back(world: World) -> None:
    await world.start()
    world.now -= MINUTE
    await world.rotate(ahead=0)
    assert ids(published(await world.store.instance_keys(), world.now)) == ["2", "1"]
    world.now += 2 * MINUTE
    assert ids(may_sign(await world.store.instance_keys(), world.now)) == ["2", "1"]
    world.now += DEFAULT_OVERLAP_NS
    assert ids(published(await world.store.instance_keys(), world.now)) == ["2"]
