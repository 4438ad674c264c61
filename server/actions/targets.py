"""Targets: what one is, and the use cases on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from server.actions.errors import TargetNotFoundError
from server.actions.events import Event

if TYPE_CHECKING:
    from server.actions.ports import Store, Transaction
    from server.actions.tokens import Token


class TargetType(Enum):
    """How a target's endpoint is called. The values are what the stores keep."""

    WEBHOOK = "webhook"
    """Called and waited for; the status is checked, the body ignored."""
    CALL = "call"
    """Called and waited for; the status is checked and the body used."""
    ASYNC = "async"
    """Called beside the others; nobody waits."""


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What a caller says of a target; the rules of the API hold for it already."""

    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    """Nanoseconds, more than 0; up to 10,000 years, so it may not fit into 64 bits."""
    endpoint: str

    def payload(self) -> Mapping[str, object]:
        """The facts of the `target.added` event."""
        return {
            "name": self.name,
            "type": self.type.value,
            "interrupt_on_error": self.interrupt_on_error,
            "timeout_ns": str(self.timeout_ns),
            "endpoint": self.endpoint,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """An HTTP endpoint to call, as it stands after its event number `sequence`."""

    id: str
    owner: str
    name: str
    type: TargetType
    interrupt_on_error: bool
    timeout_ns: int
    endpoint: str
    sequence: int
    changed_at_ns: int
    """When its last event was added: nanoseconds since the epoch, UTC."""

    @property
    def name_key(self) -> str:
        """What must be unique within the owner: the name under Unicode case folding."""
        return self.name.casefold()


class Targets:
    """The use cases. One transaction each; a caller sees only its own resource owner's targets."""

    def __init__(self, store: "Store", clock: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id

    async def create(self, caller: "Token", new: NewTarget) -> Target:
        """Raises TargetNameTakenError when the caller's owner has a target of that name."""
        target = Target(
            id=self._new_id(),
            owner=caller.owner,
            name=new.name,
            type=new.type,
            interrupt_on_error=new.interrupt_on_error,
            timeout_ns=new.timeout_ns,
            endpoint=new.endpoint,
            sequence=1,
            changed_at_ns=self._clock(),
        )
        added = Event(
            owner=target.owner,
            aggregate_type="target",
            aggregate_id=target.id,
            sequence=target.sequence,
            type="target.added",
            payload=new.payload(),
            editor=caller.id,
            created_at_ns=target.changed_at_ns,
        )

        def change(transaction: "Transaction") -> Target:
            transaction.insert_target(target, added)
            return target

        return await self._store.write(change)

    async def get(self, caller: "Token", target_id: str) -> Target:
        """Raises TargetNotFoundError when the caller's owner has no such target."""
        target = await self._store.target(caller.owner, target_id)
        if target is None:
            raise TargetNotFoundError
        return target
