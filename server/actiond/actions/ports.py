"""What the domain asks of a store, and of what guards addresses and makes keys.

One contract suite (tests/storage) holds every store to these words.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from actiond.actions.conditions import Condition
from actiond.actions.events import Event
from actiond.actions.executions import Execution, Runnable
from actiond.actions.queries import ExecutionQuery, Found, TargetQuery
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Token

T = TypeVar("T")

MakeKey = Callable[[str], tuple[str, SigningKey]]
"""Makes a signing key for the target of this id: the key itself, which is handed over once, and its sealed form."""
DenyReason = Callable[[str], str | None]
"""Why an endpoint cannot be called, as far as its text tells; None when nothing speaks against it."""


class Transaction(Protocol):
    """The reads and writes of one change. Used only inside the function that `Store.write` runs.

    What is changed must exist: the change has read it before, in the same transaction.
    """

    def insert_target(self, target: Target, keys: Sequence[SigningKey], event: Event) -> None:
        """Raises TargetNameTakenError when the owner has a target with the same `name_key`."""

    def target(self, owner: str, target_id: str) -> Target | None: ...

    def update_target(self, target: Target, event: Event) -> None:
        """Raises TargetNameTakenError when another target of the owner has the same `name_key`."""

    def delete_target(self, target: Target, event: Event) -> None:
        """Its signing keys go with it. No execution may name it any more."""

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        """The newest first."""

    def set_signing_keys(self, target_id: str, keys: Sequence[SigningKey]) -> None:
        """Replaces them all."""

    def execution(self, owner: str, condition: Condition) -> Execution | None: ...

    def put_execution(self, execution: Execution, event: Event) -> None:
        """Adds the execution, or replaces the one of the same owner and condition."""

    def delete_execution(self, execution: Execution, event: Event) -> None:
        """No other execution may include it any more."""

    def executions_with(self, owner: str, step: str | Condition) -> Sequence[Execution]:
        """Those that have this step themselves, a target's id or an include, by key."""

    def put_token(self, token: Token, event: Event) -> None:
        """Adds the token, or replaces the one of the same id."""

    def token(self, token_id: str) -> Token | None: ...

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        """The sequence of the aggregate's last event, 0 before the first."""

    def default_owner(self) -> str | None:
        """The resource owner made at the store's first start, None before that."""

    def set_default_owner(self, owner: str) -> None: ...

    def next_worker_number(self) -> int:
        """A number that no other process on this store was given: 0, then 1, and so on."""


class Store(Protocol):
    """Keeps targets, executions, tokens and events. Its methods run on one event loop.

    Whatever a driver raises becomes StoreError, with the driver's error as its cause.
    """

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Runs `change` in a transaction and answers what it returned, once that would survive a power cut.

        When `change` raises, nothing of it stays and the error comes out here; changes beside it are not touched. It
        may run on another thread and more than once, so it does nothing but work on its transaction. When the caller is
        cancelled, a change that has not begun never will; one that has begun is finished.
        """

    async def target(self, owner: str, target_id: str) -> Target | None: ...

    async def find_targets(self, owner: str, query: TargetQuery) -> Found[Target]: ...

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Found[Execution]: ...

    async def executions_revision(self) -> int:
        """A number that grows with each change to what `runnable` answers, whoever the owner and whichever the process.

        Every call asks for it: it must be cheap, and a change that was acknowledged before must show.
        """

    async def runnable(self, owner: str) -> Runnable:
        """All that is needed to run the owner's executions, as of one moment."""

    async def token(self, selector: bytes) -> Token | None:
        """The token whose `selector` this is, revoked and expired ones included."""

    async def tokens(self) -> Sequence[Token]:
        """All of them, revoked and expired ones included, oldest first."""

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        """The history of one resource, by sequence."""

    async def ping(self) -> None:
        """Raises StoreError unless the store answers."""

    async def close(self) -> None:
        """Finishes what was begun, then lets go of everything. Later calls raise StoreError."""


class TargetCaller(Protocol):
    """Calls targets, and tells those who watch how it went. Its methods run on one event loop."""

    async def call(
        self,
        target: Target,
        keys: Sequence[SigningKey],
        body: bytes,
        *,
        execution: str,
        request_id: str,
        use: Callable[[bytes], T],
    ) -> T:
        """POSTs the body, waits, and answers what `use` makes of the answer's body.

        Raises TargetFailedError, also when `use` raises ValueError.
        """

    def start(
        self, target: Target, keys: Sequence[SigningKey], body: bytes, *, execution: str, request_id: str
    ) -> None:
        """Begins the same; nobody waits for it."""
