"""The ports of the domain: the store, the client that calls targets, address rules, and making keys.

One contract suite (tests/storage/contract) holds every store to these docstrings.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from actiond.actions.conditions import Condition
from actiond.actions.events import Event
from actiond.actions.executions import Execution, ExecutionSnapshot, Step
from actiond.actions.queries import ExecutionQuery, Page, TargetQuery
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Admission, Token

T = TypeVar("T")

MakeKey = Callable[[str], tuple[str, SigningKey]]
"""Makes a signing key for a target id: the key in plain text, shown once, and sealed for the store."""
DenyReason = Callable[[str], str | None]
"""Returns why an endpoint must not be called, judged by its URL alone; None if it may be called."""

ObserveBatch = Callable[[int, int], object]
"""Called by a store after each written batch of changes, with the number of changes in it and of those still waiting.

It runs on the thread that writes.
"""


class TargetRepository(Protocol):
    """The targets and their signing keys, within one transaction."""

    def insert(self, target: Target, keys: Sequence[SigningKey]) -> None:
        """Add a target. Raises TargetNameTakenError if the owner has one with the same `name_key`."""

    def get(self, owner: str, target_id: str) -> Target | None: ...

    def update(self, target: Target) -> None:
        """Replace a target. Raises TargetNameTakenError if another one of the owner has the same `name_key`."""

    def delete(self, target: Target) -> None:
        """Delete a target with its signing keys. No execution may name it any more."""

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        """Return a target's keys, newest first."""

    def set_signing_keys(self, owner: str, target_id: str, keys: Sequence[SigningKey]) -> None:
        """Replace a target's keys."""


class ExecutionRepository(Protocol):
    """The executions, within one transaction."""

    def get(self, owner: str, condition: Condition) -> Execution | None: ...

    def put(self, execution: Execution) -> None:
        """Add an execution, or replace the one of the same owner and condition."""

    def delete(self, execution: Execution) -> None:
        """Delete an execution. No other one may include it any more."""

    def with_step(self, owner: str, step: Step) -> Sequence[Execution]:
        """Return the executions that contain this step directly, sorted by key."""


class TokenRepository(Protocol):
    """The tokens, within one transaction."""

    def get(self, token_id: str) -> Token | None: ...

    def with_selector(self, selector: bytes) -> Token | None: ...

    def bound_to(self, certificate: str) -> Token | None:
        """Return the token that is bound to this name and not revoked."""

    def put(self, token: Token) -> None:
        """Add a token, or replace the one with the same id.

        Of tokens that are not revoked, no two may be bound to the same name.
        """


class InstanceRepository(Protocol):
    """What exists once per store, within one transaction."""

    def default_owner(self) -> str | None:
        """Return the resource owner made at the first start; None before it."""

    def set_default_owner(self, owner: str) -> None: ...

    def next_worker_number(self) -> int:
        """Return a number that no call has returned before: 0, then 1, and so on."""


class Transaction(Protocol):
    """The reads and writes of one change. Used only inside the function that `Store.write` runs.

    What is changed or deleted must exist: the change has read it before, in the same transaction. For every target,
    execution and token that it changes, it must append an event.
    """

    @property
    def targets(self) -> TargetRepository: ...
    @property
    def executions(self) -> ExecutionRepository: ...
    @property
    def tokens(self) -> TokenRepository: ...
    @property
    def instance(self) -> InstanceRepository: ...

    def append(self, event: Event) -> None:
        """Append an event. Raises StoreError if its aggregate has one with that sequence."""

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        """Return the sequence of an aggregate's last event, also if it has been deleted; 0 before the first."""


class Store(Protocol):
    """Keeps targets, executions, tokens and events. Its methods run on one event loop.

    Errors of a driver become StoreError, with the driver's error as the cause.
    """

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Run `change` in a transaction and return its result, once that would survive a power failure.

        If `change` raises, nothing of it is kept, the error is raised here, and changes beside it are not affected.
        Raises StoreError, and keeps nothing, if `change` has changed something without appending an event.

        `change` may run on another thread and more than once, so it does nothing but work on its transaction. If the
        caller is cancelled, a change that has not begun never will; one that has begun is finished.
        """

    async def admit(self, selector: bytes) -> Admission:
        """Return what a call's admission needs: the token with this `selector`, and the revision of its executions.

        Every call reads this, so it must be cheap. It sees every change acknowledged before the call, by any process
        that shares the store.
        """

    async def admit_certificate(self, certificate: str) -> Admission:
        """Do the same for the token that is bound to this name in certificates and not revoked."""

    async def target(self, owner: str, target_id: str) -> Target | None: ...

    async def find_targets(self, owner: str, query: TargetQuery) -> Page[Target]: ...

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Page[Execution]: ...

    async def execution_snapshot(self, owner: str) -> ExecutionSnapshot:
        """Return everything that the owner's executions around calls need: AROUND_CALLS, and what they include."""

    async def newest_key_prefixes(self, length: int) -> Mapping[bytes, int]:
        """Return how many targets there are, of all owners, by the first bytes of their newest signing key.

        `b""` counts those that have no key. The bytes tell which encryption key a signing key was sealed with.
        """

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens, revoked and expired ones included, oldest first."""

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        """Return the history of one resource, sorted by sequence."""

    async def ping(self) -> None:
        """Raise StoreError unless the store can be read, and could write the last time it was asked to."""

    async def close(self) -> None:
        """Finish the changes that have begun, then release everything. Later calls raise StoreError."""


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """A call to make: its target, signing keys and body, and what it is made for."""

    target: Target
    keys: Sequence[SigningKey]
    body: bytes
    """JSON."""
    execution: str
    """Key of the condition that was met."""
    request_id: str
    """Id of the call that the execution runs for."""
    is_privileged: bool = False
    """Whether its caller may bypass executions. Some places are kept for such calls."""
    message_id: str = ""
    """Id of the delivered message, by which the receiver deduplicates; empty for calls around API calls."""
    attempt: int = 0
    """Number of the attempt, from 1; 0 where there is just one."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How an attempt to deliver a message ended."""

    outcome: str
    """`ok`, or why the call failed; the values of delivery.outcomes.Outcome."""
    status: int | None
    """The HTTP status; None if the call ended before a response was complete."""
    seconds: float
    """Duration, including the wait for a slot."""
    retry_after: float | None = None
    """Seconds that the receiver asked to wait, with a 429 or 503."""


class TargetCaller(Protocol):
    """Calls targets. Its methods run on one event loop."""

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        """POST the body, wait for the response, and return what `use` makes of the response's body.

        The body is empty unless the target's type uses it. `use` runs within the target's timeout, too. Raises
        TargetFailedError, also if `use` raises ValueError.
        """

    def start(self, request: TargetRequest) -> None:
        """Make the call in the background; failures are logged."""

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        """POST the body once, wait for the response, and ignore its body.

        Whatever ends the call is in the result; only a cancellation is raised.
        """
