"""The use cases of public keys."""

from dataclasses import replace

import pytest

from actiond.actions.errors import (
    PublicKeyActiveError,
    PublicKeyExpiredError,
    PublicKeyFormatError,
    PublicKeyNotFoundError,
    TargetNotFoundError,
    TooManyPublicKeysError,
)
from actiond.actions.public_keys import MAX_PUBLIC_KEYS, PublicKey
from tests.actions.samples import Domain, a_caller

LATER = 10**9
"""The samples' clock begins at 1,000."""


async def add(domain: Domain, target_id: str, pem: bytes = b"pem", expires_at_ns: int | None = None) -> PublicKey:
    return await domain.public_keys.add(a_caller(), target_id, pem, expires_at_ns)


async def active_id(domain: Domain, target_id: str) -> str | None:
    return (await domain.public_keys.all(a_caller(), target_id)).active_id


async def event_types(domain: Domain, target_id: str) -> list[str]:
    return [event.type for event in await domain.store.events("target", target_id)]


async def test_an_added_key_is_not_active(domain: Domain) -> None:
    target_id = await domain.target()
    key = await add(domain, target_id, expires_at_ns=LATER)
    assert key.fingerprint == "fingerprint of pem"
    assert (key.pem, key.expires_at_ns, key.created_at_ns) == (b"pem", LATER, key.changed_at_ns)
    found = await domain.public_keys.all(a_caller(), target_id)
    assert (found.keys, found.active_id) == ((key,), None)


async def test_a_key_that_cannot_be_used_is_not_added(domain: Domain) -> None:
    target_id = await domain.target()
    with pytest.raises(PublicKeyFormatError):
        await add(domain, target_id, b"bad")
    with pytest.raises(PublicKeyExpiredError):
        await add(domain, target_id, expires_at_ns=1)
    assert (await domain.public_keys.all(a_caller(), target_id)).keys == ()


async def test_a_target_has_no_more_keys_than_it_may(domain: Domain) -> None:
    target_id = await domain.target()
    keys = [await add(domain, target_id) for _ in range(MAX_PUBLIC_KEYS)]
    with pytest.raises(TooManyPublicKeysError):
        await add(domain, target_id)
    await domain.public_keys.remove(a_caller(), target_id, keys[0].id)
    await add(domain, target_id)


async def test_of_several_keys_the_last_activated_one_is_active(domain: Domain) -> None:
    target_id = await domain.target()
    one, two = await add(domain, target_id), await add(domain, target_id)
    await domain.public_keys.activate(a_caller(), target_id, one.id)
    activated = await domain.public_keys.activate(a_caller(), target_id, two.id)
    found = await domain.public_keys.all(a_caller(), target_id)
    assert found.active_id == two.id
    assert [key.changed_at_ns for key in found.keys] == [activated.changed_at_ns] * 2
    assert (await domain.targets.get(a_caller(), target_id)).public_key == activated


async def test_activating_or_deactivating_twice_changes_nothing_more(domain: Domain) -> None:
    target_id = await domain.target()
    key = await add(domain, target_id)
    first = await domain.public_keys.activate(a_caller(), target_id, key.id)
    assert await domain.public_keys.activate(a_caller(), target_id, key.id) == first
    ended = await domain.public_keys.deactivate(a_caller(), target_id, key.id)
    assert await domain.public_keys.deactivate(a_caller(), target_id, key.id) == ended
    assert await event_types(domain, target_id) == [
        "target.added",
        "target.key.added",
        "target.key.activated",
        "target.key.deactivated",
    ]


async def test_deactivating_another_key_leaves_the_active_one(domain: Domain) -> None:
    target_id = await domain.target()
    one, two = await add(domain, target_id), await add(domain, target_id)
    await domain.public_keys.activate(a_caller(), target_id, one.id)
    await domain.public_keys.deactivate(a_caller(), target_id, two.id)
    assert await active_id(domain, target_id) == one.id


async def test_an_expired_key_cannot_be_activated_but_deactivated_and_removed(domain: Domain) -> None:
    target_id = await domain.target()
    key = await add(domain, target_id, expires_at_ns=domain.now() + 3)
    await domain.public_keys.activate(a_caller(), target_id, key.id)
    while domain.now() < (key.expires_at_ns or 0):
        pass
    with pytest.raises(PublicKeyExpiredError):
        await domain.public_keys.activate(a_caller(), target_id, key.id)
    await domain.public_keys.deactivate(a_caller(), target_id, key.id)
    assert await domain.public_keys.remove(a_caller(), target_id, key.id) is not None


async def test_the_active_key_cannot_be_removed(domain: Domain) -> None:
    target_id = await domain.target()
    key = await add(domain, target_id)
    await domain.public_keys.activate(a_caller(), target_id, key.id)
    with pytest.raises(PublicKeyActiveError):
        await domain.public_keys.remove(a_caller(), target_id, key.id)
    assert await active_id(domain, target_id) == key.id


async def test_removing_what_is_not_there_is_no_error_and_no_event(domain: Domain) -> None:
    target_id = await domain.target()
    assert await domain.public_keys.remove(a_caller(), target_id, "404") is None
    assert await domain.public_keys.remove(a_caller(), "404", "404") is None
    assert await event_types(domain, target_id) == ["target.added"]


async def test_keys_of_unknown_targets_and_unknown_keys_cannot_be_changed(domain: Domain) -> None:
    target_id = await domain.target()
    other = await domain.target(owner="another")
    for unknown in ("404", other):
        with pytest.raises(TargetNotFoundError):
            await add(domain, unknown)
        with pytest.raises(TargetNotFoundError):
            await domain.public_keys.activate(a_caller(), unknown, "7")
    with pytest.raises(PublicKeyNotFoundError):
        await domain.public_keys.activate(a_caller(), target_id, "404")
    with pytest.raises(PublicKeyNotFoundError):
        await domain.public_keys.deactivate(a_caller(), target_id, "404")


async def test_each_change_to_a_key_is_a_change_of_its_target(domain: Domain) -> None:
    target_id = await domain.target()
    before = await domain.targets.get(a_caller(), target_id)
    key = await add(domain, target_id)
    after = await domain.targets.get(a_caller(), target_id)
    assert after == replace(before, sequence=2, changed_at_ns=key.created_at_ns)
    (_, event) = await domain.store.events("target", target_id)
    assert event.payload == {"key_id": key.id, "fingerprint": key.fingerprint}
