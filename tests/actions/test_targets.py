"""The use cases on targets."""

from dataclasses import replace

import pytest

from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.actions.errors import (
    EndpointDeniedError,
    EndpointInvalidError,
    TargetNameTakenError,
    TargetNotFoundError,
)
from actiond.actions.signing_keys import MAX_KEYS, SigningKey
from actiond.actions.targets import TargetChange, TargetType
from actiond.actions.use_cases.targets import NewestKeys, SigningKeys
from tests.actions.samples import Domain, a_caller, new_target, no_key

ALL_REQUESTS = Condition(ExecutionType.REQUEST, Scope.ALL)


async def test_a_new_target_comes_with_its_key_which_is_stored_sealed(domain: Domain) -> None:
    target, key = await domain.targets.create(a_caller(), new_target())
    assert key == f"key of {target.id}"
    assert await domain.store.write(lambda tx: list(tx.targets.signing_keys(target.id))) == [no_key(target.id)[1]]


async def test_no_event_of_a_target_holds_its_key(domain: Domain) -> None:
    target, key = await domain.targets.create(a_caller(), new_target())
    assert key not in repr(await domain.store.events("target", target.id))


async def test_what_a_change_does_not_name_stays(domain: Domain) -> None:
    before, _ = await domain.targets.create(a_caller(), new_target())
    after = await domain.targets.update(a_caller(), before.id, TargetChange(timeout_ns=5))
    assert after == replace(before, timeout_ns=5, sequence=2, changed_at_ns=after.changed_at_ns)
    assert after.changed_at_ns > before.changed_at_ns
    assert await domain.targets.get(a_caller(), before.id) == after


async def test_the_event_of_a_change_names_what_is_new_and_nothing_else(domain: Domain) -> None:
    target_id = await domain.target()
    await domain.targets.update(a_caller(), target_id, TargetChange(name="name", endpoint="https://example.com/new"))
    _, changed = await domain.store.events("target", target_id)
    assert (changed.type, changed.payload) == ("target.changed", {"endpoint": "https://example.com/new"})


async def test_a_change_that_changes_nothing_adds_no_event(domain: Domain) -> None:
    before, _ = await domain.targets.create(a_caller(), new_target())
    same = TargetChange(
        "name", TargetType.WEBHOOK, interrupt_on_error=False, timeout_ns=10**9, endpoint=before.endpoint
    )
    assert await domain.targets.update(a_caller(), before.id, same) == before
    assert await domain.targets.update(a_caller(), before.id, TargetChange()) == before
    assert len(await domain.store.events("target", before.id)) == 1


async def test_a_target_may_change_the_case_of_its_own_name(domain: Domain) -> None:
    target_id = await domain.target("name")
    assert (await domain.targets.update(a_caller(), target_id, TargetChange(name="NAME"))).name == "NAME"


async def test_a_name_that_another_target_has_is_refused_and_nothing_changes(domain: Domain) -> None:
    await domain.target("Straße")
    target_id = await domain.target("name")
    with pytest.raises(TargetNameTakenError):
        await domain.targets.update(a_caller(), target_id, TargetChange(name="STRASSE", timeout_ns=5))
    assert (await domain.targets.get(a_caller(), target_id)).timeout_ns == 10**9


async def test_a_name_is_free_again_once_its_target_has_another_or_is_deleted(domain: Domain) -> None:
    first = await domain.target("one")
    await domain.targets.update(a_caller(), first, TargetChange(name="two"))
    second = await domain.target("one")
    await domain.targets.delete(a_caller(), second)
    await domain.target("ONE")


async def test_a_deleted_target_is_gone_and_its_last_event_is_what_is_answered(domain: Domain) -> None:
    target_id = await domain.target()
    deleted = await domain.targets.delete(a_caller(), target_id)
    assert deleted.sequence == 2
    assert [event.type for event in await domain.store.events("target", target_id)] == [
        "target.added",
        "target.removed",
    ]
    with pytest.raises(TargetNotFoundError):
        await domain.targets.get(a_caller(), target_id)


async def test_a_target_of_another_owner_is_unknown(domain: Domain) -> None:
    target_id, other = await domain.target(), a_caller("another")
    with pytest.raises(TargetNotFoundError):
        await domain.targets.get(other, target_id)
    with pytest.raises(TargetNotFoundError):
        await domain.targets.update(other, target_id, TargetChange(name="new"))
    with pytest.raises(TargetNotFoundError):
        await domain.targets.delete(other, target_id)
    assert (await domain.targets.get(a_caller(), target_id)).name == "name"


async def test_an_endpoint_that_is_denied_makes_and_changes_nothing(domain: Domain) -> None:
    with pytest.raises(EndpointDeniedError, match="denied"):
        await domain.targets.create(a_caller(), new_target(endpoint="http://denied/bad"))
    target_id = await domain.target()  # its name is free
    with pytest.raises(EndpointDeniedError):
        await domain.targets.update(a_caller(), target_id, TargetChange(endpoint="http://denied/bad"))


async def test_an_endpoint_that_is_no_url_makes_and_changes_nothing(domain: Domain) -> None:
    with pytest.raises(EndpointInvalidError):
        await domain.targets.create(a_caller(), new_target(endpoint="no/bad"))
    target_id = await domain.target()  # its name is free
    with pytest.raises(EndpointInvalidError):
        await domain.targets.update(a_caller(), target_id, TargetChange(endpoint="no/bad"))


async def test_a_deleted_target_is_stripped_from_every_execution_which_stays(domain: Domain) -> None:
    gone, kept = await domain.target("gone"), await domain.target("kept")
    await domain.executions.set(a_caller(), ALL_REQUESTS, [gone, kept, gone])
    await domain.targets.delete(a_caller(), gone)
    execution = await domain.store.write(lambda tx: tx.executions.get("owner", ALL_REQUESTS))
    assert execution is not None
    assert (execution.steps, execution.sequence) == ((kept,), 2)


async def rotate(domain: Domain, target_id: str, name: bytes, now_ns: int, overlap_ns: int) -> None:
    signing_keys = SigningKeys(domain.store, lambda: now_ns, lambda _: ("key", SigningKey(name)))
    await signing_keys.rotate(a_caller(), target_id, overlap_ns)


async def keys(domain: Domain, target_id: str) -> list[tuple[bytes, int | None]]:
    found = await domain.store.write(lambda tx: list(tx.targets.signing_keys(target_id)))
    return [(key.sealed, key.expires_at_ns) for key in found]


async def test_a_rotated_key_stands_first_and_the_one_before_ends_with_the_overlap(domain: Domain) -> None:
    target_id = await domain.target()
    await rotate(domain, target_id, b"new", now_ns=100, overlap_ns=50)
    assert await keys(domain, target_id) == [(b"new", None), (b"sealed 1", 150)]


async def test_a_key_that_is_ending_already_is_not_prolonged_by_another_rotation(domain: Domain) -> None:
    target_id = await domain.target()
    await rotate(domain, target_id, b"second", now_ns=100, overlap_ns=50)
    await rotate(domain, target_id, b"third", now_ns=120, overlap_ns=500)
    assert await keys(domain, target_id) == [(b"third", None), (b"second", 620), (b"sealed 1", 150)]


async def test_keys_that_have_ended_are_dropped(domain: Domain) -> None:
    target_id = await domain.target()
    await rotate(domain, target_id, b"second", now_ns=100, overlap_ns=50)
    await rotate(domain, target_id, b"third", now_ns=150, overlap_ns=0)
    assert await keys(domain, target_id) == [(b"third", None)]


async def test_a_target_has_a_bounded_number_of_keys(domain: Domain) -> None:
    target_id = await domain.target()
    for number in range(MAX_KEYS + 5):
        await rotate(domain, target_id, b"%d" % number, now_ns=100, overlap_ns=10**9)
    found = await keys(domain, target_id)
    assert (len(found), found[0][0]) == (MAX_KEYS, b"%d" % (MAX_KEYS + 4))


async def test_the_keys_of_an_unknown_target_are_not_rotated(domain: Domain) -> None:
    with pytest.raises(TargetNotFoundError):
        await rotate(domain, "404", b"new", now_ns=1, overlap_ns=1)


async def test_a_rotation_is_an_event_of_the_target_without_the_key(domain: Domain) -> None:
    before, _ = await domain.targets.create(a_caller(), new_target())
    key = await domain.signing_keys.rotate(a_caller(), before.id, overlap_ns=50)
    event = (await domain.store.events("target", before.id))[-1]
    assert (event.type, event.sequence, event.editor) == ("target.key_rotated", 2, a_caller().id)
    assert event.payload == {"overlap_ns": "50"}
    assert key not in repr(event)
    after = await domain.targets.get(a_caller(), before.id)
    assert (after.sequence, after.changed_at_ns) == (2, event.created_at_ns)
    assert after == replace(before, sequence=2, changed_at_ns=event.created_at_ns)


async def test_a_new_key_with_a_change_replaces_all_keys_at_once(domain: Domain) -> None:
    target_id = await domain.target()
    await rotate(domain, target_id, b"second", now_ns=2_000, overlap_ns=10**6)
    target, key = await domain.targets.update_with_new_key(a_caller(), target_id, TargetChange(name="new"))
    assert key == f"key of {target_id}"
    assert (target.name, target.sequence) == ("new", 4)
    assert await keys(domain, target_id) == [(f"sealed {target_id}".encode(), None)]


async def test_a_new_key_is_made_without_a_change_too(domain: Domain) -> None:
    target_id = await domain.target()
    target, _ = await domain.targets.update_with_new_key(a_caller(), target_id, TargetChange())
    assert [event.type for event in await domain.store.events("target", target_id)] == [
        "target.added",
        "target.key_rotated",
    ]
    assert target == await domain.targets.get(a_caller(), target_id)


async def test_a_refused_change_makes_no_new_key(domain: Domain) -> None:
    target_id = await domain.target()
    await domain.target("taken")
    with pytest.raises(TargetNameTakenError):
        await domain.targets.update_with_new_key(a_caller(), target_id, TargetChange(name="taken"))
    assert [event.type for event in await domain.store.events("target", target_id)] == ["target.added"]


async def test_only_the_owner_learns_when_a_target_was_deleted(domain: Domain) -> None:
    target_id = await domain.target()
    assert await domain.targets.deleted_at_ns(a_caller(), target_id) is None
    deleted = await domain.targets.delete(a_caller(), target_id)
    assert await domain.targets.deleted_at_ns(a_caller(), target_id) == deleted.changed_at_ns
    assert await domain.targets.deleted_at_ns(a_caller("another"), target_id) is None


async def test_the_newest_keys_are_read_as_far_as_they_can_be_opened(domain: Domain) -> None:
    opened, lost = await domain.target("opened"), await domain.target("lost")
    await rotate(domain, opened, b"second", now_ns=2_000, overlap_ns=10**6)
    targets = [await domain.targets.get(a_caller(), target_id) for target_id in (opened, lost)]
    newest = NewestKeys(domain.store, lambda target_id, key: None if target_id == lost else key.sealed.decode())
    assert await newest.of(targets) == {opened: "second"}
