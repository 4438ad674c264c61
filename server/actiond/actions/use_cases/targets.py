"""Creating, reading, changing, deleting and listing targets, and rotating their signing keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from actiond.actions import events
from actiond.actions.actors import Actor
from actiond.actions.errors import EndpointDeniedError, EndpointInvalidError, TargetNotFoundError
from actiond.actions.ports import EndpointProblemOf, MakeKey, OpenKey, Store, Transaction
from actiond.actions.queries import Page, TargetQuery
from actiond.actions.signing_keys import SigningKey, rotated
from actiond.actions.targets import NewTarget, Target, TargetChange
from actiond.actions.use_cases.executions import remove_step
from actiond.actions.use_cases.new_ids import require_new, with_new_id

REMOVED = "target.removed"
"""The type of the last event of a target that was deleted."""


class Targets:
    """The use cases of targets. An actor sees only the targets of its resource owner."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        make_key: MakeKey,
        endpoint_problem: EndpointProblemOf,
    ) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._make_key = make_key
        self._endpoint_problem = endpoint_problem

    async def create(self, actor: Actor, new: NewTarget) -> tuple[Target, str]:
        """Create a target and return it with its signing key.

        Raises TargetNameTakenError if the owner has a target with that name, EndpointInvalidError and
        EndpointDeniedError.
        """
        self._check_endpoint(new.endpoint)
        return await with_new_id(self._new_id, partial(self._create, actor, new))

    async def _create(self, actor: Actor, new: NewTarget, target_id: str) -> tuple[Target, str]:
        now = self._clock()
        target = Target(
            id=target_id,
            owner=actor.owner,
            name=new.name,
            type=new.type,
            interrupt_on_error=new.interrupt_on_error,
            timeout_ns=new.timeout_ns,
            endpoint=new.endpoint,
            payload_type=new.payload_type,
            sequence=1,
            created_at_ns=now,
            changed_at_ns=now,
        )
        key, sealed = self._make_key(target.id)

        def change(transaction: Transaction) -> Target:
            require_new(transaction, events.TARGET, target.id)
            transaction.targets.insert(target, (sealed,))
            transaction.append(target_event(target, "target.added", _properties(target), actor))
            return target

        return await self._store.write(change), key

    async def get(self, actor: Actor, target_id: str) -> Target:
        """Return a target. Raises TargetNotFoundError."""
        target = await self._store.target(actor.owner, target_id)
        if target is None:
            raise TargetNotFoundError(target_id)
        return target

    async def find(self, actor: Actor, query: TargetQuery) -> Page[Target]:
        """Return a page of the targets that match."""
        return await self._store.find_targets(actor.owner, query)

    async def update(self, actor: Actor, target_id: str, new: TargetChange) -> Target:
        """Change a target and return its new state. A change that changes nothing appends no event.

        Raises TargetNotFoundError, TargetNameTakenError, EndpointInvalidError and EndpointDeniedError.
        """
        now = self._clock()
        given = self._given(new)
        return await self._store.write(lambda transaction: _update(transaction, actor, target_id, given, now))

    async def update_with_new_key(self, actor: Actor, target_id: str, new: TargetChange) -> tuple[Target, str]:
        """Do the same, and replace the target's signing keys by a new one, which is returned too."""
        now = self._clock()
        given = self._given(new)
        key, sealed = self._make_key(target_id)

        def change(transaction: Transaction) -> Target:
            target = _update(transaction, actor, target_id, given, now)
            return _rotate(transaction, actor, target, _Rotation(sealed, now, overlap_ns=0))

        return await self._store.write(change), key

    def _given(self, new: TargetChange) -> Mapping[str, Any]:
        """Return the properties to change."""
        if new.endpoint is not None:
            self._check_endpoint(new.endpoint)
        values = {field.name: getattr(new, field.name) for field in fields(new)}
        return {name: value for name, value in values.items() if value is not None}

    async def delete(self, actor: Actor, target_id: str, *, ends_emptied: bool = False) -> Target:
        """Delete a target and return its last state. Executions lose the steps that name it.

        ends_emptied: delete those that lose their last step by that.

        Raises TargetNotFoundError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> Target:
            former = existing_target(transaction, actor, target_id)
            remove_step(transaction, actor, target_id, now, ends_emptied=ends_emptied)
            target = changed_target(former, now)
            transaction.targets.delete(target)
            transaction.append(target_event(target, REMOVED, {}, actor))
            return target

        return await self._store.write(change)

    async def deleted_at_ns(self, actor: Actor, target_id: str) -> int | None:
        """Return when a target was deleted; None if the owner has not had it, or has it still."""
        last = await self._store.last_event(events.TARGET, target_id)
        return last.created_at_ns if last is not None and last.owner == actor.owner and last.type == REMOVED else None

    def _check_endpoint(self, endpoint: str) -> None:
        problem = self._endpoint_problem(endpoint)
        if problem is not None:
            raise (EndpointDeniedError if problem.is_denied else EndpointInvalidError)(problem.reason)


class SigningKeys:
    """The use case of signing keys, which needs less than those of Targets."""

    def __init__(self, store: Store, clock: Callable[[], int], make_key: MakeKey) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._make_key = make_key

    async def rotate(self, actor: Actor, target_id: str, overlap_ns: int) -> str:
        """Give a target a new signing key and return it. The former keys stay valid until the overlap ends.

        Raises TargetNotFoundError.
        """
        now = self._clock()
        key, sealed = self._make_key(target_id)

        def change(transaction: Transaction) -> str:
            former = existing_target(transaction, actor, target_id)
            _rotate(transaction, actor, former, _Rotation(sealed, now, overlap_ns))
            return key

        return await self._store.write(change)


class NewestKeys:
    """The use case of reading signing keys, for callers that may change targets."""

    def __init__(self, store: Store, open_key: OpenKey) -> None:
        self._store = store
        self._open_key = open_key

    async def of(self, targets: Sequence[Target]) -> Mapping[str, str]:
        """Return the newest signing key of each target, by target id, as far as they can be decrypted."""
        sealed = await self._store.signing_keys([target.id for target in targets])
        opened = {target_id: self._open_key(target_id, keys[0]) for target_id, keys in sealed.items() if keys}
        return {target_id: key for target_id, key in opened.items() if key is not None}


@dataclass(frozen=True, slots=True)
class _Rotation:
    """A new signing key, and how long the former ones stay valid."""

    key: SigningKey
    at_ns: int
    overlap_ns: int


def _rotate(transaction: Transaction, actor: Actor, former: Target, rotation: _Rotation) -> Target:
    """Give a target a new signing key, and return its next state."""
    former_keys = transaction.targets.signing_keys(former.id)
    keys = rotated(former_keys, rotation.key, rotation.at_ns, rotation.overlap_ns)
    target = changed_target(former, rotation.at_ns)
    transaction.targets.update(target)
    transaction.targets.set_signing_keys(target.owner, target.id, keys)
    payload = {"overlap_ns": str(rotation.overlap_ns)}
    transaction.append(target_event(target, "target.key_rotated", payload, actor))
    return target


def changed_target(former: Target, now_ns: int, **changes: Any) -> Target:
    """Return the state of a target after a change."""
    return replace(former, **changes, sequence=former.sequence + 1, changed_at_ns=now_ns)


def _update(transaction: Transaction, actor: Actor, target_id: str, given: Mapping[str, Any], now_ns: int) -> Target:
    former = existing_target(transaction, actor, target_id)
    before, after = _properties(former), _properties(replace(former, **given))
    changed = {name: value for name, value in after.items() if value != before[name]}
    if not changed:
        return former
    target = changed_target(former, now_ns, **given)
    transaction.targets.update(target)
    transaction.append(target_event(target, "target.changed", changed, actor))
    return target


def existing_target(transaction: Transaction, actor: Actor, target_id: str) -> Target:
    """Return a target of the actor's owner. Raises TargetNotFoundError."""
    target = transaction.targets.get(actor.owner, target_id)
    if target is None:
        raise TargetNotFoundError(target_id)
    return target


def _properties(target: Target) -> Mapping[str, object]:
    """Return the payload of `target.added`; that of `target.changed` is a part of it."""
    return {
        "name": target.name,
        "type": target.type.value,
        "interrupt_on_error": target.interrupt_on_error,
        "timeout_ns": str(target.timeout_ns),
        "endpoint": target.endpoint,
        "payload_type": target.payload_type.value,
    }


def target_event(target: Target, event_type: str, payload: Mapping[str, object], actor: Actor) -> events.Event:
    """Return the event that leads to a target's state."""
    return events.Event(
        owner=target.owner,
        aggregate_type=events.TARGET,
        aggregate_id=target.id,
        sequence=target.sequence,
        type=event_type,
        payload=payload,
        editor=actor.id,
        created_at_ns=target.changed_at_ns,
    )
