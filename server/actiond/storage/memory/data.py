"""What the memory store keeps, and the log by which a transaction's changes to it are undone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Token

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Data:
    """Everything, by the keys that it is looked up by. Values are replaced, never changed."""

    targets: dict[str, Target] = field(default_factory=dict)
    target_names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Target id by owner and `name_key`."""
    keys: dict[str, Sequence[SigningKey]] = field(default_factory=dict)
    """By target id, newest first."""
    executions: dict[tuple[str, str], Execution] = field(default_factory=dict)
    """By owner and the condition's key."""
    execution_revision: int = 0
    """Of executions, targets and signing keys."""
    tokens: dict[str, Token] = field(default_factory=dict)
    token_selectors: dict[bytes, str] = field(default_factory=dict)
    events: dict[tuple[str, str], dict[int, Event]] = field(default_factory=dict)
    """By aggregate, then by sequence."""
    position: int = 0
    """How many events there are."""
    at_ns: int = 0
    """The time of the last event."""
    default_owner: str | None = None
    workers: int = 0

    def target(self, owner: str, target_id: str) -> Target | None:
        target = self.targets.get(target_id)
        return target if target is not None and target.owner == owner else None

    def executions_of(self, owner: str) -> Iterator[Execution]:
        return (execution for execution in self.executions.values() if execution.owner == owner)


class UndoLog:
    """Changes data at once, and remembers how to undo each change."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._undo: list[Callable[[], object]] = []

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        """Set an entry of a table."""
        self._undo.append(partial(table.__setitem__, key, table[key]) if key in table else partial(table.pop, key))
        table[key] = value

    def remove(self, table: dict[K, V], key: K) -> None:
        """Remove an entry of a table."""
        self._undo.append(partial(table.__setitem__, key, table.pop(key)))

    def set(self, name: str, value: object) -> None:
        """Set a field of the data that is no table."""
        self._undo.append(partial(setattr, self._data, name, getattr(self._data, name)))
        setattr(self._data, name, value)

    def raise_execution_revision(self) -> None:
        """Record that executions, targets or signing keys have changed."""
        self.set("execution_revision", self._data.execution_revision + 1)

    def roll_back(self) -> None:
        """Undo everything, the last change first."""
        while self._undo:
            self._undo.pop()()


def existing(found: V | None) -> V:
    """Return what is to be changed. Raises StoreError if it does not exist."""
    if found is None:
        raise StoreError("what was to be changed does not exist")
    return found
