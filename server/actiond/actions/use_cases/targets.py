"""The use cases on targets."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from actiond.actions.errors import (
    EndpointDeniedError,
    TargetNotFoundError,
    TargetToChangeNotFoundError,
    TargetToDeleteNotFoundError,
)
from actiond.actions.events import Event
from actiond.actions.ports import DenyReason, MakeKey, Store, Transaction
from actiond.actions.queries import Found, TargetQuery
from actiond.actions.signing_keys import rotated
from actiond.actions.targets import NewTarget, Target, TargetChange
from actiond.actions.tokens import Token
from actiond.actions.use_cases.executions import strip


class Targets:
    """The use cases. One transaction each; a caller sees only its own resource owner's targets."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        make_key: MakeKey,
        deny_reason: DenyReason,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._make_key = make_key
        self._deny_reason = deny_reason

    async def create(self, caller: Token, new: NewTarget) -> tuple[Target, str]:
        """The target and its signing key, which nobody can be told again.

        Raises TargetNameTakenError when the caller's owner has a target of that name, and EndpointDeniedError.
        """
        self._check_endpoint(new.endpoint)
        now = self._clock()
        target = Target(
            id=self._new_id(),
            owner=caller.owner,
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
        added = _event(target, "target.added", _facts(target), caller.id)

        def change(transaction: Transaction) -> Target:
            transaction.insert_target(target, (sealed,), added)
            return target

        return await self._store.write(change), key

    async def get(self, caller: Token, target_id: str) -> Target:
        """Raises TargetNotFoundError when the caller's owner has no such target."""
        target = await self._store.target(caller.owner, target_id)
        if target is None:
            raise TargetNotFoundError
        return target

    async def find(self, caller: Token, query: TargetQuery) -> Found[Target]:
        return await self._store.find_targets(caller.owner, query)

    async def update(self, caller: Token, target_id: str, new: TargetChange) -> Target:
        """The target as it is then; one that nothing changes about gets no event.

        Raises TargetToChangeNotFoundError, TargetNameTakenError and EndpointDeniedError.
        """
        if new.endpoint is not None:
            self._check_endpoint(new.endpoint)
        now = self._clock()

        def change(transaction: Transaction) -> Target:
            former = transaction.target(caller.owner, target_id)
            if former is None:
                raise TargetToChangeNotFoundError
            facts = _facts(former)
            target = replace(
                former,
                name=former.name if new.name is None else new.name,
                type=former.type if new.type is None else new.type,
                interrupt_on_error=(
                    former.interrupt_on_error if new.interrupt_on_error is None else new.interrupt_on_error
                ),
                timeout_ns=former.timeout_ns if new.timeout_ns is None else new.timeout_ns,
                endpoint=former.endpoint if new.endpoint is None else new.endpoint,
            )
            news = {name: fact for name, fact in _facts(target).items() if fact != facts[name]}
            if not news:
                return former
            target = replace(target, sequence=former.sequence + 1, changed_at_ns=now)
            transaction.update_target(target, _event(target, "target.changed", news, caller.id))
            return target

        return await self._store.write(change)

    async def delete(self, caller: Token, target_id: str) -> Target:
        """The target as its last event left it. Executions that named it go on without it.

        Raises TargetToDeleteNotFoundError.
        """
        now = self._clock()

        def change(transaction: Transaction) -> Target:
            former = transaction.target(caller.owner, target_id)
            if former is None:
                raise TargetToDeleteNotFoundError
            strip(transaction, caller.owner, target_id, editor=caller.id, now_ns=now)
            target = replace(former, sequence=former.sequence + 1, changed_at_ns=now)
            transaction.delete_target(target, _event(target, "target.removed", {}, caller.id))
            return target

        return await self._store.write(change)

    def _check_endpoint(self, endpoint: str) -> None:
        reason = self._deny_reason(endpoint)
        if reason is not None:
            raise EndpointDeniedError(reason)


async def rotate_key(
    store: Store, owner: str, target_id: str, make_key: MakeKey, *, now_ns: int, overlap_ns: int
) -> str:
    """Gives a target a new signing key and answers it; those before sign beside it until the overlap is over.

    Raises TargetToChangeNotFoundError.
    """
    key, sealed = make_key(target_id)

    def change(transaction: Transaction) -> str:
        if transaction.target(owner, target_id) is None:
            raise TargetToChangeNotFoundError
        keys = rotated(transaction.signing_keys(target_id), sealed, now_ns, overlap_ns)
        transaction.set_signing_keys(target_id, keys)
        return key

    return await store.write(change)


def _facts(target: Target) -> Mapping[str, object]:
    """What `target.added` says, and `target.changed` says of what is new."""
    return {
        "name": target.name,
        "type": target.type.value,
        "interrupt_on_error": target.interrupt_on_error,
        "timeout_ns": str(target.timeout_ns),
        "endpoint": target.endpoint,
    }


def _event(target: Target, event_type: str, payload: Mapping[str, object], editor: str) -> Event:
    return Event(
        owner=target.owner,
        aggregate_type="target",
        aggregate_id=target.id,
        sequence=target.sequence,
        type=event_type,
        payload=payload,
        editor=editor,
        created_at_ns=target.changed_at_ns,
    )
