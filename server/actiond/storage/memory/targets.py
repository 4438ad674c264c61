"""Stores targets in memory: the repository of a transaction, and queries for lists."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from actiond.actions.errors import StoreError, TargetNameTakenError
from actiond.actions.public_keys import PublicKey
from actiond.actions.queries import IdsQuery, NameQuery, TargetField, TargetQuery
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.storage.change_record import ChangeRecord
from actiond.storage.memory.data import Data, UndoLog, existing

_SORT_VALUES: Mapping[TargetField, Callable[[Target], Any]] = {
    TargetField.ID: lambda _: (),
    TargetField.CREATION_DATE: lambda target: target.created_at_ns,
    TargetField.CHANGE_DATE: lambda target: target.changed_at_ns,
    TargetField.NAME: lambda target: target.name,
    TargetField.TARGET_TYPE: lambda target: target.type.value,
    TargetField.URL: lambda target: target.endpoint,
    TargetField.TIMEOUT: lambda target: target.timeout_ns,
    TargetField.ASYNC: lambda target: not target.type.waits,
    TargetField.INTERRUPT_ON_ERROR: lambda target: target.interrupt_on_error,
}


class MemoryTargets:
    """Reads and writes the targets of one transaction. Refuses an invalid change before modifying anything."""

    def __init__(self, data: Data, log: UndoLog, record: ChangeRecord) -> None:
        self._data = data
        self._log = log
        self._record = record

    def insert(self, target: Target, keys: Sequence[SigningKey]) -> None:
        name = (target.owner, target.name_key)
        if name in self._data.target_names:
            raise TargetNameTakenError
        if target.id in self._data.targets:
            raise StoreError(f"target {target.id} exists already")
        self._record.target(target.id)
        self._log.put(self._data.targets, target.id, target)
        self._log.put(self._data.target_names, name, target.id)
        self._log.put(self._data.keys, target.id, tuple(keys))

    def get(self, owner: str, target_id: str) -> Target | None:
        return self._data.target(owner, target_id)

    def update(self, target: Target) -> None:
        name = (target.owner, target.name_key)
        if self._data.target_names.get(name, target.id) != target.id:
            raise TargetNameTakenError
        former = existing(self.get(target.owner, target.id))
        self._record.target(target.id)
        self._log.put(self._data.targets, target.id, target)
        self._log.remove(self._data.target_names, (former.owner, former.name_key))
        self._log.put(self._data.target_names, name, target.id)
        self._raise_revision(target.owner, target.id)

    def delete(self, target: Target) -> None:
        if self._data.uses(target.owner, target.id):
            raise StoreError(f"target {target.id} is used by an execution")
        former = existing(self.get(target.owner, target.id))
        self._record.target(target.id)
        self._log.remove(self._data.targets, target.id)
        self._log.remove(self._data.target_names, (former.owner, former.name_key))
        self._log.remove(self._data.keys, target.id)
        if target.id in self._data.public_keys:
            self._log.remove(self._data.public_keys, target.id)

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        return self._data.keys.get(target_id, ())

    def set_signing_keys(self, owner: str, target_id: str, keys: Sequence[SigningKey]) -> None:
        self._record.target(target_id)
        self._log.put(self._data.keys, target_id, tuple(keys))
        self._raise_revision(owner, target_id)

    def public_keys(self, target_id: str) -> Sequence[PublicKey]:
        return public_keys(self._data, target_id)

    def put_public_key(self, target_id: str, key: PublicKey) -> None:
        self._record.target(target_id)
        self._set_public_keys(target_id, {**self._data.public_keys.get(target_id, {}), key.id: key})

    def remove_public_key(self, target_id: str, key_id: str) -> None:
        self._record.target(target_id)
        kept = {key.id: key for key in self.public_keys(target_id) if key.id != key_id}
        self._set_public_keys(target_id, kept)

    def _set_public_keys(self, target_id: str, keys: Mapping[str, PublicKey]) -> None:
        self._log.put(self._data.public_keys, target_id, keys)

    def _raise_revision(self, owner: str, target_id: str) -> None:
        if self._data.uses(owner, target_id):
            self._log.raise_revision(owner)


def public_keys(data: Data, target_id: str) -> tuple[PublicKey, ...]:
    """Return the public keys of a target, sorted by id."""
    return tuple(sorted(data.public_keys.get(target_id, {}).values(), key=lambda key: key.id))


def matching(targets: Iterable[Target], query: TargetQuery) -> list[Target]:
    """Return all targets that match the query, in its order."""
    sort_value = _SORT_VALUES[query.field]
    return sorted(
        (target for target in targets if all(_matches(target, one) for one in query.filters)),
        key=lambda target: (sort_value(target), len(target.id), target.id),
        reverse=not query.page.ascending,
    )


def _matches(target: Target, one: NameQuery | IdsQuery) -> bool:
    if isinstance(one, IdsQuery):
        return target.id in one.ids
    return one.method.matches(target.name, one.text)
