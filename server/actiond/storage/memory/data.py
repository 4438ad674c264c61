"""The data of the memory store, and the undo log that rolls a transaction back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from actiond.actions.deliveries import Attempt, Delivery
from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.executions import Execution, Step
from actiond.actions.instance_keys import InstanceKey
from actiond.actions.public_keys import PublicKey
from actiond.actions.signing_keys import SigningKey
from actiond.actions.target_health import TargetHealth
from actiond.actions.targets import Target
from actiond.actions.tokens import Token
from actiond.actions.watching import RecordedChange
from actiond.storage.memory.delivery_table import DeliveryTable

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Data:
    """All stored data, indexed by lookup key. Values are replaced, never modified."""

    targets: dict[str, Target] = field(default_factory=dict)
    target_names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Target ids by owner and `name_key`."""
    keys: dict[str, Sequence[SigningKey]] = field(default_factory=dict)
    """Signing keys by target id, newest first."""
    public_keys: dict[str, Mapping[str, PublicKey]] = field(default_factory=dict)
    """Public keys by target id, then by their own id."""
    executions: dict[tuple[str, str], Execution] = field(default_factory=dict)
    """Executions by owner and condition key."""
    executions_with: dict[tuple[str, Step], dict[str, None]] = field(default_factory=dict)
    """Keys of the executions that have a step, by owner and step."""
    execution_revisions: dict[str, int] = field(default_factory=dict)
    """By owner. None has the revision 0."""
    tokens: dict[str, Token] = field(default_factory=dict)
    token_selectors: dict[bytes, str] = field(default_factory=dict)
    token_certificates: dict[str, str] = field(default_factory=dict)
    """Ids of the tokens that are not revoked, by the name in certificates that they are bound to."""
    instance_keys: dict[str, InstanceKey] = field(default_factory=dict)
    events: dict[tuple[str, str], dict[int, Event]] = field(default_factory=dict)
    """Events by aggregate, then by sequence."""
    events_at: dict[int, Event] = field(default_factory=dict)
    """Events by position."""
    published: dict[tuple[str, str], int] = field(default_factory=dict)
    """Positions of published events by owner and id."""
    deliveries: DeliveryTable = field(default_factory=DeliveryTable)
    attempts: dict[int, dict[int, Attempt]] = field(default_factory=dict)
    """Attempts by delivery, then by number."""
    health: dict[str, TargetHealth] = field(default_factory=dict)
    """By target id."""
    watches: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By owner: since which position changes are recorded without a gap, and until when."""
    changes: dict[int, RecordedChange] = field(default_factory=dict)
    """Recorded changes of deliveries, by position."""
    last_change: int = 0
    """Position of the last one that was ever recorded."""
    keeper: tuple[int, int] = (0, 0)
    """The process that has the lease of housekeeping, and until when."""
    position: int = 0
    """Number of events."""
    at_ns: int = 0
    """Time of the last event."""
    default_owner: str | None = None
    workers: int = 0

    def target(self, owner: str, target_id: str) -> Target | None:
        target = self.targets.get(target_id)
        return target if target is not None and target.owner == owner else None

    def uses(self, owner: str, target_id: str) -> bool:
        """Return whether an execution calls the target."""
        return bool(self.executions_with.get((owner, target_id)))

    def executions_of(self, owner: str) -> Iterator[Execution]:
        return (execution for execution in self.executions.values() if execution.owner == owner)


class UndoLog:
    """Applies changes to the data at once, and records how to undo each of them."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._undo: list[Callable[[], object]] = []
        self.raised: set[str] = set()
        """Owners whose revision has been raised."""

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        """Set an entry of a table."""
        self._undo.append(partial(table.__setitem__, key, table[key]) if key in table else partial(table.pop, key))
        table[key] = value

    def remove(self, table: dict[K, V], key: K) -> None:
        """Remove an entry of a table."""
        self._undo.append(partial(table.__setitem__, key, table.pop(key)))

    def set(self, name: str, value: object) -> None:
        """Set a field of the data that is not a table."""
        self._undo.append(partial(setattr, self._data, name, getattr(self._data, name)))
        setattr(self._data, name, value)

    def replace(self, before: Delivery | None, after: Delivery | None) -> None:
        """Replace a row of the deliveries."""
        table = self._data.deliveries
        table.replace(before, after)
        self._undo.append(partial(table.replace, after, before))

    def raise_revision(self, owner: str) -> None:
        """Record that the owner's executions, or targets or keys that they use, have changed."""
        self.raised.add(owner)
        revisions = self._data.execution_revisions
        self.put(revisions, owner, revisions.get(owner, 0) + 1)

    def roll_back(self) -> None:
        """Undo all changes, the last one first."""
        while self._undo:
            self._undo.pop()()


def existing(found: V | None) -> V:
    """Return the entity to change. Raise StoreError if it is None, since it does not exist."""
    if found is None:
        raise StoreError("the entity to change does not exist")
    return found
