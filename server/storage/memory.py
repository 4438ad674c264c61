"""Keeps everything in this process: for tests and throw-away runs. Nothing of it outlives the process."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson

from server.actions.errors import StoreError, TargetNameTakenError
from server.actions.events import Event
from server.actions.ports import Transaction
from server.actions.targets import Target
from server.actions.tokens import Token

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class MemoryStore:
    """A change runs at once and to its end on the event loop, so changes follow one another by nature."""

    def __init__(self) -> None:
        self._data = _Data()
        self._closed = False

    async def write(self, change: Callable[[Transaction], T]) -> T:
        self._require_open()
        transaction = _MemoryTransaction(self._data)
        try:
            return change(transaction)
        except BaseException:
            transaction.undo()
            raise

    async def target(self, owner: str, target_id: str) -> Target | None:
        self._require_open()
        target = self._data.targets.get(target_id)
        return target if target is not None and target.owner == owner else None

    async def token(self, selector: bytes) -> Token | None:
        self._require_open()
        return self._data.tokens.get(self._data.token_selectors.get(selector, ""))

    async def tokens(self) -> Sequence[Token]:
        self._require_open()
        return sorted(self._data.tokens.values(), key=lambda token: (token.created_at_ns, token.id))

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        self._require_open()
        history = self._data.events.get((aggregate_type, aggregate_id), {})
        return [history[sequence] for sequence in sorted(history)]

    async def ping(self) -> None:
        self._require_open()

    async def close(self) -> None:
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")


class _Data:
    """What is kept."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        self.target_names: dict[tuple[str, str], str] = {}
        """The id of the target with this owner and `name_key`."""
        self.tokens: dict[str, Token] = {}
        self.token_selectors: dict[bytes, str] = {}
        self.events: dict[tuple[str, str], dict[int, Event]] = {}
        """By aggregate, then by sequence."""
        self.default_owner: str | None = None
        self.workers = 0


class _MemoryTransaction:
    """Works on the data itself and remembers the way back."""

    def __init__(self, data: _Data) -> None:
        self._data = data
        self._way_back: list[Callable[[], object]] = []

    def undo(self) -> None:
        while self._way_back:
            self._way_back.pop()()

    def insert_target(self, target: Target, event: Event) -> None:
        name = (target.owner, target.name_key)
        if name in self._data.target_names:
            raise TargetNameTakenError
        if target.id in self._data.targets:
            raise StoreError(f"there is a target {target.id} already")
        self._append(event)
        self._put(self._data.targets, target.id, target)
        self._put(self._data.target_names, name, target.id)

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
        self._way_back.append(partial(setattr, self._data, "default_owner", self._data.default_owner))
        self._data.default_owner = owner

    def next_worker_number(self) -> int:
        number = self._data.workers
        self._way_back.append(partial(setattr, self._data, "workers", number))
        self._data.workers = number + 1
        return number

    def _append(self, event: Event) -> None:
        history = self._data.events.setdefault((event.aggregate_type, event.aggregate_id), {})
        if event.sequence in history:
            raise StoreError(f"{event.aggregate_type} {event.aggregate_id} has an event {event.sequence} already")
        # A copy through JSON: what it cannot hold is refused here as in every store, and nobody can change it later.
        self._put(history, event.sequence, replace(event, payload=orjson.loads(orjson.dumps(event.payload))))

    def _put(self, table: dict[K, V], key: K, value: V) -> None:
        self._way_back.append(partial(table.__setitem__, key, table[key]) if key in table else partial(table.pop, key))
        table[key] = value

    def _remove(self, table: dict[K, V], key: K) -> None:
        self._way_back.append(partial(table.__setitem__, key, table.pop(key)))
