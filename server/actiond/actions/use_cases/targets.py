"""Creating, reading, changing, deleting and listing targets, and rotating their signing keys."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial

from actiond.actions import events
from actiond.actions.actors import Actor
from actiond.actions.errors import EndpointDeniedError, TargetNotFoundError
from actiond.actions.ports import DenyReason, MakeKey, Store, Transaction
from actiond.actions.queries import Page, TargetQuery
from actiond.actions.signing_keys import rotated
from actiond.actions.targets import NewTarget, Target, TargetChange
from actiond.actions.use_cases.executions import remove_step
from actiond.actions.use_cases.new_ids import require_new, with_new_id


class Targets:
    """The use cases of targets. An actor sees only the targets of its resource owner."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        make_key: MakeKey,
        deny_reason: DenyReason,
    ) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._make_key = make_key
        self._deny_reason = deny_reason

    async def create(self, actor: Actor, new: NewTarget) -> tuple[Target, str]:
        """Create a target and return it with its signing key, which cannot be read again.

        Raises TargetNameTakenError if the owner has a target with that name, and EndpointDeniedError.
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
            sequence=1,
            created_at_ns=now,
            changed_at_ns=now,
        )
        key, sealed = self._make_key(target.id)

        def change(transaction: Transaction) -> Target:
            require_new(transaction, events.TARGET, target.id)
            transaction.targets.insert(target, (sealed,))
            transaction.append(_event(target, "target.added", _properties(target), actor))
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

        Raises TargetNotFoundError, TargetNameTakenError and EndpointDeniedError.
        """
        if new.endpoint is not None:
            self._check_endpoint(new.endpoint)
        values = {field.name: getattr(new, field.name) for field in fields(new)}
        given = {name: value for name, value in values.items() if value is not None}
        now = self._clock()

        def change(transaction: Transaction) -> Target:
            former = _existing(transaction, actor, target_id)
            before, after = _properties(former), _properties(replace(former, **given))
            changed = {name: value for name, value in after.items() if value != before[name]}
            if not changed:
                return former
            target = replace(former, **given, sequence=former.sequence + 1, changed_at_ns=now)
            transaction.targets.update(target)
            transaction.append(_event(target, "target.changed", changed, actor))
            return target

        return await self._store.write(change)

    async def delete(self, actor: Actor, target_id: str) -> Target:
        """Delete a target and return its last state. Executions lose the steps that name it.

        Raises TargetNotFoundError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> Target:
            former = _existing(transaction, actor, target_id)
            remove_step(transaction, actor, target_id, now)
            target = replace(former, sequence=former.sequence + 1, changed_at_ns=now)
            transaction.targets.delete(target)
            transaction.append(_event(target, "target.removed", {}, actor))
            return target

        return await self._store.write(change)

    def _check_endpoint(self, endpoint: str) -> None:
        reason = self._deny_reason(endpoint)
        if reason is not None:
            raise EndpointDeniedError(reason)


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
            former = _existing(transaction, actor, target_id)
            keys = rotated(transaction.targets.signing_keys(target_id), sealed, now, overlap_ns)
            target = replace(former, sequence=former.sequence + 1, changed_at_ns=now)
            transaction.targets.update(target)
            transaction.targets.set_signing_keys(target.owner, target_id, keys)
            transaction.append(_event(target, "target.key_rotated", {"overlap_ns": str(overlap_ns)}, actor))
            return key

        return await self._store.write(change)


def _existing(transaction: Transaction, actor: Actor, target_id: str) -> Target:
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
    }


def _event(target: Target, event_type: str, payload: Mapping[str, object], actor: Actor) -> events.Event:
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
