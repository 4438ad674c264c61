"""One change's view of the data: it works on the data itself and remembers the way back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson

from actiond.actions.conditions import Condition
from actiond.actions.errors import StoreError, TargetNameTakenError
from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Token
from actiond.storage.memory.data import Data

K = TypeVar("K")
V = TypeVar("V")


class MemoryTransaction:
    """Does what its change asks, at once. What cannot be is refused before anything is touched."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._way_back: list[Callable[[], object]] = []

    def undo(self) -> None:
        while self._way_back:
            self._way_back.pop()()

    def insert_target(self, target: Target, keys: Sequence[SigningKey], event: Event) -> None:
        name = (target.owner, target.name_key)
        if name in self._data.target_names:
            raise TargetNameTakenError
        if target.id in self._data.targets:
            raise StoreError(f"there is a target {target.id} already")
        self._append(event)
        self._put(self._data.targets, target.id, target)
        self._put(self._data.target_names, name, target.id)
        self._put(self._data.keys, target.id, tuple(keys))

    def target(self, owner: str, target_id: str) -> Target | None:
        return self._data.target(owner, target_id)

    def update_target(self, target: Target, event: Event) -> None:
        name = (target.owner, target.name_key)
        if self._data.target_names.get(name, target.id) != target.id:
            raise TargetNameTakenError
        former = self._present(self.target(target.owner, target.id))
        self._append(event)
        self._put(self._data.targets, target.id, target)
        self._remove(self._data.target_names, (former.owner, former.name_key))
        self._put(self._data.target_names, name, target.id)
        self._raise_revision()

    def delete_target(self, target: Target, event: Event) -> None:
        if self.executions_with(target.owner, target.id):
            raise StoreError(f"an execution names target {target.id}")
        former = self._present(self.target(target.owner, target.id))
        self._append(event)
        self._remove(self._data.targets, target.id)
        self._remove(self._data.target_names, (former.owner, former.name_key))
        self._remove(self._data.keys, target.id)
        self._raise_revision()

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        return self._data.keys.get(target_id, ())

    def set_signing_keys(self, target_id: str, keys: Sequence[SigningKey]) -> None:
        self._put(self._data.keys, target_id, tuple(keys))
        self._raise_revision()

    def execution(self, owner: str, condition: Condition) -> Execution | None:
        return self._data.executions.get((owner, condition.key))

    def put_execution(self, execution: Execution, event: Event) -> None:
        owner, condition = execution.owner, execution.condition
        for step in execution.steps:
            if isinstance(step, Condition) and step != condition and self.execution(owner, step) is None:
                raise StoreError(f"there is no execution {step.key} to include")
        self._append(event)
        self._put(self._data.executions, (owner, condition.key), execution)
        self._raise_revision()

    def delete_execution(self, execution: Execution, event: Event) -> None:
        owner, condition = execution.owner, execution.condition
        self._present(self.execution(owner, condition))
        if any(other.condition != condition for other in self.executions_with(owner, condition)):
            raise StoreError(f"an execution includes {condition.key}")
        self._append(event)
        self._remove(self._data.executions, (owner, condition.key))
        self._raise_revision()

    def executions_with(self, owner: str, step: str | Condition) -> Sequence[Execution]:
        return self._data.executions_with(owner, step)

    def put_token(self, token: Token, event: Event) -> None:
        if self._data.token_selectors.get(token.selector, token.id) != token.id:
            raise StoreError("another token has the same secret")
        self._append(event)
        former = self._data.tokens.get(token.id)
        if former is not None:
            self._remove(self._data.token_selectors, former.selector)
        self._put(self._data.tokens, token.id, token)
        self._put(self._data.token_selectors, token.selector, token.id)

    def token(self, token_id: str) -> Token | None:
        return self._data.tokens.get(token_id)

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        return max(self._data.events.get((aggregate_type, aggregate_id), {}), default=0)

    def default_owner(self) -> str | None:
        return self._data.default_owner

    def set_default_owner(self, owner: str) -> None:
        self._set("default_owner", owner)

    def next_worker_number(self) -> int:
        number = self._data.workers
        self._set("workers", number + 1)
        return number

    def _append(self, event: Event) -> None:
        history = self._data.events.setdefault((event.aggregate_type, event.aggregate_id), {})
        if event.sequence in history:
            raise StoreError(f"{event.aggregate_type} {event.aggregate_id} has an event {event.sequence} already")
        # A copy through JSON: what it cannot hold is refused here as in every store, and nobody can change it later.
        self._put(history, event.sequence, replace(event, payload=orjson.loads(orjson.dumps(event.payload))))
        self._set("position", self._data.position + 1)
        self._set("at_ns", event.created_at_ns)

    def _raise_revision(self) -> None:
        self._set("revision", self._data.revision + 1)

    def _present(self, found: V | None) -> V:
        if found is None:
            raise StoreError("what was to be changed is not there")
        return found

    def _put(self, table: dict[K, V], key: K, value: V) -> None:
        self._way_back.append(partial(table.__setitem__, key, table[key]) if key in table else partial(table.pop, key))
        table[key] = value

    def _remove(self, table: dict[K, V], key: K) -> None:
        self._way_back.append(partial(table.__setitem__, key, table.pop(key)))

    def _set(self, name: str, value: object) -> None:
        self._way_back.append(partial(setattr, self._data, name, getattr(self._data, name)))
        setattr(self._data, name, value)
