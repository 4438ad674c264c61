"""The ports of the domain: the store, the client that calls targets, address rules, and making keys.

One contract suite (tests/storage/contract) holds every store to these docstrings.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from actiond.actions.conditions import Condition
from actiond.actions.deliveries import Attempt, Delivery, DeliveryState, DeliveryTotals
from actiond.actions.events import Event
from actiond.actions.executions import Execution, ExecutionSnapshot, Step
from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm, NewKey
from actiond.actions.public_keys import PublicKey, TargetPublicKeys
from actiond.actions.queries import (
    DeliveryFilter,
    DeliveryQuery,
    DeliveryRecord,
    ExecutionQuery,
    Page,
    TargetQuery,
    TargetReport,
)
from actiond.actions.signing_keys import SigningKey
from actiond.actions.target_health import TargetHealth
from actiond.actions.targets import Target
from actiond.actions.tokens import Admission, Token
from actiond.actions.watching import ChangePage

T = TypeVar("T")

OpenKey = Callable[[str, SigningKey], str | None]
"""Returns a target's signing key in plain text, given the target's id; None if it cannot be decrypted."""
MakeKey = Callable[[str], tuple[str, SigningKey]]
"""Makes a signing key for a target id: the key in plain text, shown once, and sealed for the store."""
MakeInstanceKey = Callable[[KeyAlgorithm], NewKey]
"""Makes an instance key. It takes a moment."""
CanOpen = Callable[[InstanceKey], bool]
"""Returns whether an instance key can be decrypted."""
ReadPublicKey = Callable[[bytes], str]
"""Returns the fingerprint of a public key in PEM, see `PublicKey`. Raises PublicKeyFormatError."""


@dataclass(frozen=True, slots=True)
class EndpointProblem:
    """Why an endpoint cannot be called."""

    reason: str
    is_denied: bool
    """Whether its address is denied. Otherwise it is not a URL that can be called."""


EndpointProblemOf = Callable[[str], EndpointProblem | None]
"""Returns why an endpoint cannot be called, judged by its URL alone; None if it may be called."""


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What a match condition may look at, under these names."""

    method: str
    """`/package.Service/Method`."""
    headers: Mapping[str, Sequence[str]]
    """Values by name in lower case."""
    user: str
    """Id of who calls; empty if that is not known."""
    org: str
    """The resource owner."""
    message: object
    """The request, or the response of a response execution."""


class MatchCondition(Protocol):
    """A compiled match condition."""

    def is_met(self, facts: MatchFacts) -> bool:
        """Return whether a call meets it. One that cannot be evaluated is met, and logged: the execution runs."""

    def fault(self, facts: MatchFacts) -> str:
        """Return why it cannot be evaluated for a call, and counts as met; empty if it can. Nothing is logged."""


class MatchConditions(Protocol):
    """Compiles match conditions. Its methods run on one event loop."""

    def check(self, expression: str) -> None:
        """Raise MatchInvalidError unless the expression can be compiled and is bounded in cost."""

    def compiled(self, expression: str) -> MatchCondition:
        """Return the condition. One that cannot be compiled (any more) is always met, and logged."""


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
        """Replace a target, whose active public key must be one of its public keys.

        Raises TargetNameTakenError if another one of the owner has the same `name_key`.
        """

    def delete(self, target: Target) -> None:
        """Delete a target with its signing keys and public keys. No execution may name it any more."""

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        """Return a target's keys, newest first."""

    def set_signing_keys(self, owner: str, target_id: str, keys: Sequence[SigningKey]) -> None:
        """Replace a target's keys."""

    def public_keys(self, target_id: str) -> Sequence[PublicKey]:
        """Return a target's public keys, sorted by id."""

    def put_public_key(self, target_id: str, key: PublicKey) -> None:
        """Add a public key to a target, or replace the one of the same id.

        If it is the target's active one, the target must be updated with it.
        """

    def remove_public_key(self, target_id: str, key_id: str) -> None:
        """Remove a public key of a target. It must not be the active one."""


class ExecutionRepository(Protocol):
    """The executions, within one transaction."""

    def get(self, owner: str, condition: Condition) -> Execution | None: ...

    def put(self, execution: Execution) -> None:
        """Add an execution, or replace the one of the same owner and condition."""

    def delete(self, execution: Execution) -> None:
        """Delete an execution. No other one may include it any more."""

    def with_step(self, owner: str, step: Step) -> Sequence[Execution]:
        """Return the executions that contain this step directly, sorted by key."""

    def revision(self, owner: str) -> int:
        """Return the revision of the owner's executions, this transaction's changes included. It must be cheap."""


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


class InstanceKeyRepository(Protocol):
    """The instance keys, within one transaction."""

    def all(self) -> Sequence[InstanceKey]:
        """Return all keys, expired ones included, oldest first."""

    def put(self, key: InstanceKey) -> None:
        """Add a key, or replace the one with the same id."""

    def delete(self, key: InstanceKey) -> None: ...


class InstanceRepository(Protocol):
    """What exists once per store, within one transaction."""

    def default_owner(self) -> str | None:
        """Return the resource owner made at the first start; None before it."""

    def set_default_owner(self, owner: str) -> None: ...

    def next_worker_number(self) -> int:
        """Return a number that no call has returned before: 0, then 1, and so on."""


DeliveryChange = tuple[Delivery, Delivery | None]
"""A delivery before and after a change; None if its row goes, as it was delivered or is pruned."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """What attempts of deliveries need beside the deliveries themselves."""

    events: Mapping[int, Event]
    """By position."""
    targets: Mapping[str, Target]
    """By id. A target that was removed is missing."""
    keys: Mapping[str, Sequence[SigningKey]]
    """By target id, newest first."""


MAX_LEASE_MS = 60_000
"""The longest lease of housekeeping that is believed."""


class DeliveryRepository(Protocol):
    """The deliveries, their attempts and the health of targets, within one transaction.

    It stores and finds. What is claimed, retried or given up is decided by use_cases/delivering.py. Each method works
    on many rows at once, so that a store behind a network needs one statement for it. Rows that are returned to be
    changed belong to this transaction until it ends.
    """

    def now_ms(self) -> int:
        """Return the store's time in milliseconds since the epoch. In one process it never goes back."""

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Add new deliveries. One is behind if another goes first of the same target and aggregate."""

    def enqueued(self) -> int:
        """Return how many deliveries this transaction has enqueued."""

    def unfinished(self, owner: str) -> tuple[int, int]:
        """Return how many unfinished deliveries the owner has, and how many there are in all. It must be cheap."""

    def waiting(self, owner: str) -> int:
        """Return how many waiting deliveries the owner has. It must be cheap."""

    def due(self, now_ms: int, limit: int) -> Sequence[Delivery]:
        """Return the deliveries that are due, those that have been due for longest first."""

    def others_wait(self, owner: str) -> bool:
        """Return whether another owner has waiting deliveries. It must be cheap."""

    def with_ids(self, ids: Sequence[int]) -> Sequence[Delivery]:
        """Return the deliveries that exist of these, sorted by id."""

    def still_claimed(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return, as they are now, those that still have the claim that they have here."""

    def next_behind(self, order_keys: Sequence[tuple[str, str]]) -> Sequence[Delivery]:
        """Return the first one that is behind, by its sequence, of each target and aggregate where none goes first."""

    def parked(self, target_id: str, limit: int, *, newest: bool = False) -> Sequence[Delivery]:
        """Return parked deliveries of a target, the oldest first, or the newest first."""

    def unfinished_of(self, target_id: str, limit: int) -> Sequence[Delivery]:
        """Return unfinished deliveries of a target."""

    def save(self, changes: Sequence[DeliveryChange]) -> None:
        """Store changed deliveries. Each must be as it was read in this transaction, or claimed by the caller."""

    def log(self, attempts: Sequence[Attempt]) -> None:
        """Add attempts to the log. One that is there already is kept, unless it was thought to be lost."""

    def health(self, target_ids: Sequence[str]) -> Mapping[str, TargetHealth]:
        """Return what is kept of the health of targets."""

    def put_health(self, health: Sequence[TargetHealth]) -> None:
        """Store the health of targets; that of a healthy one is removed."""

    def ended_pauses(self, now_ms: int, limit: int) -> Sequence[TargetHealth]:
        """Return the health of targets whose pause is over."""

    def pauses_after(self, moment_ms: int, limit: int) -> Sequence[TargetHealth]:
        """Return the health of targets whose pause ends after a moment."""

    def subjects(self, deliveries: Sequence[Delivery], *, with_events: bool = True) -> Subjects:
        """Return what attempts of these deliveries need."""

    def after(self, delivery_id: int, limit: int) -> Sequence[Delivery]:
        """Return deliveries of any state with larger ids, sorted by id."""

    def parked_targets(self, after: str, limit: int) -> Sequence[str]:
        """Return the ids of targets that have parked deliveries, sorted; those after `after`."""

    def dead_before(self, moment_ms: int, limit: int) -> Sequence[Delivery]:
        """Return deliveries that were given up before a moment."""

    def prune_attempts(self, before_ms: int, after: int, limit: int) -> int | None:
        """Look at about `limit` attempts of old deliveries whose id is above `after`, and remove those before a moment.

        Return the id to go on after; None if those were the last ones.
        """

    def watch(self, owner: str, until_ms: int) -> int:
        """Record what happens to the owner's deliveries until a moment, and return the position of the last change."""

    def prune_health(self, limit: int) -> int:
        """Remove the health of targets that do not exist any more, and return how many they were."""

    def prune_changes(self, before_ms: int, limit: int) -> int:
        """Remove recorded changes from before a moment, and return how many."""

    def hold_lease(self, keeper: int, now_ms: int, until_ms: int) -> bool:
        """Take the lease of housekeeping for a process, or renew it, unless another has it. Return whether it has it.

        Nobody has it any more at `until_ms`. One that would last for longer than MAX_LEASE_MS was
        taken by a clock that was ahead, and is not believed.
        """


class PublicationRepository(Protocol):
    """The ids under which other services published events, within one transaction."""

    def find(self, owner: str, event_ids: Sequence[str]) -> Mapping[str, Event]:
        """Return the events that the owner published under these ids, by id."""

    def add(self, owner: str, event_id: str, position: int) -> None:
        """Keep under which id the event at this position was published. The owner must not have used it before."""

    def prune(self, before_ms: int, limit: int) -> int:
        """Forget published events from before a moment with their ids, and return how many.

        What is older than all deliveries is forgotten, so that each delivery has its event.

        The last event of an aggregate is kept without its payload, so that the next one continues its sequence.
        """


class Transaction(Protocol):
    """The reads and writes of one change. Used only inside the function that `Store.write` runs.

    What is changed or deleted must exist: the change has read it before, in the same transaction. For every target,
    execution, token and instance key that it changes, it must append an event.
    """

    @property
    def targets(self) -> TargetRepository: ...
    @property
    def executions(self) -> ExecutionRepository: ...
    @property
    def tokens(self) -> TokenRepository: ...
    @property
    def instance_keys(self) -> InstanceKeyRepository: ...
    @property
    def deliveries(self) -> DeliveryRepository: ...
    @property
    def publications(self) -> PublicationRepository: ...
    @property
    def instance(self) -> InstanceRepository: ...

    def append(self, event: Event) -> int:
        """Append an event, enqueue its deliveries as the store's FanOut decides, and return the event's position.

        Raises StoreError if its aggregate has one with that sequence, and TooManyDeliveriesError.
        """

    def last_sequence(self, aggregate_type: str, aggregate_id: str) -> int:
        """Return the sequence of an aggregate's last event, also if it has been deleted; 0 before the first."""


class FanOut(Protocol):
    """Decides which targets an event is delivered to. A store calls it from one thread."""

    def enqueue(self, transaction: Transaction, event: Event, position: int) -> None:
        """Enqueue the deliveries of an event that was just appended at this position."""

    def forget(self, owners: Iterable[str]) -> None:
        """Forget what a transaction that was rolled back may have shown of these owners' executions."""


class Store(Protocol):
    """Keeps targets, executions, tokens, instance keys, events and deliveries. Its methods run on one event loop.

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

    async def signing_keys(self, target_ids: Sequence[str]) -> Mapping[str, Sequence[SigningKey]]:
        """Return the signing keys of these targets, newest first, by target id."""

    async def public_keys(self, owner: str, target_id: str) -> TargetPublicKeys:
        """Return the public keys of a target, sorted by id, and which of them is active."""

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Page[Execution]: ...

    async def execution_snapshot(self, owner: str) -> ExecutionSnapshot:
        """Return everything that the owner's SYNCHRONOUS executions need, and what they include."""

    async def execution_revision(self, owner: str) -> int:
        """Return the revision of the owner's executions, as `admit` does. It must be cheap."""

    async def newest_key_prefixes(self, length: int) -> Mapping[bytes, int]:
        """Return how many targets there are, of all owners, by the first bytes of their newest signing key.

        `b""` counts those that have no key. The bytes tell which encryption key a signing key was sealed with.
        """

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens, revoked and expired ones included, oldest first."""

    async def instance_keys(self) -> Sequence[InstanceKey]:
        """Return all instance keys, expired ones included, oldest first. Every process reads them every few seconds."""

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        """Return the history of one resource, sorted by sequence."""

    async def last_event(self, aggregate_type: str, aggregate_id: str) -> Event | None:
        """Return the last event of one resource, also if it has been deleted; None if it has never existed."""

    def deliver(self, fan_out: FanOut, on_enqueued: Callable[[], object]) -> None:
        """Enqueue deliveries of the events that are appended from now on. Without this, none are.

        on_enqueued: called on the event loop after each commit of this process that has made deliveries due.
        """

    async def find_deliveries(self, owner: str, query: DeliveryQuery) -> Sequence[DeliveryRecord]:
        """Return a page of the owner's deliveries, the newest first, delivered ones included while attempts are kept.

        Their events have no payload.

        Raises ListTooSlowError.
        """

    async def count_deliveries(self, owner: str, wanted: DeliveryFilter) -> Mapping[tuple[DeliveryState, str], int]:
        """Return how many of the owner's deliveries match, by state and target id. Raises ListTooSlowError."""

    async def delivery(self, owner: str, delivery_id: int) -> DeliveryRecord | None: ...

    async def attempts(self, owner: str, delivery_id: int) -> Sequence[Attempt]:
        """Return the attempts of a delivery, or of a test, by number."""

    async def target_report(self, owner: str, target_id: str) -> TargetReport:
        """Return what is known of a target's deliveries."""

    async def delivery_changes(self, owner: str, wanted: DeliveryFilter, after: int, limit: int) -> ChangePage:
        """Return what happened to the owner's deliveries after a position, as far as it was recorded.

        The states that are wanted are those after a change.
        """

    async def last_delivery_change(self, owner: str) -> int:
        """Return the position of the owner's last recorded change; 0 without one. It must be cheap: see `admit`."""

    async def delivery_totals(self) -> DeliveryTotals:
        """Return how many deliveries there are."""

    async def next_due_in_ms(self) -> int | None:
        """Return in how many milliseconds the next delivery is due, negative if it is; None without one.

        It must be cheap: see `admit`.
        """

    async def ping(self) -> None:
        """Raise StoreError unless the store can be read, and could write the last time it was asked to."""

    async def close(self) -> None:
        """Finish the changes that have begun, then release everything. Later calls raise StoreError."""


@dataclass(slots=True)  # not frozen, see deliveries.py
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


@dataclass(slots=True)  # not frozen, see deliveries.py
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


class ObstacleKind(Enum):
    """What may make a call to a target fail."""

    TARGET_PAUSED = "paused"
    """It has failed, so that deliveries of events wait. Other calls are made."""
    ADDRESS_DENIED = "denied"
    """Its address may not be called, or its name has none."""
    KEY_UNREADABLE = "key"
    """It has no signing key that is valid and can be decrypted; or no instance key can sign its payload."""
    PUBLIC_KEY_MISSING = "public key"
    """Its payload is encrypted, and it has no active public key."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that may make a call to a target fail."""

    kind: ObstacleKind
    text: str
    """For the target's owner."""


class Preflight(Protocol):
    """Looks at calls without making them."""

    async def obstacles(self, target: Target, keys: Sequence[SigningKey]) -> Sequence[Obstacle]:
        """Return what would make a call fail before anything is sent. A name is looked up for that.

        Raises StoreError.
        """


class TargetCaller(Protocol):
    """Calls targets. Its methods run on one event loop."""

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        """POST the body, wait for the response, and return what `use` makes of the response's body.

        The body is empty unless the target's type uses it, or the target interrupts on errors: then it may be cut, if
        the type does not use it. `use` runs within the target's timeout, too. Raises TargetFailedError, also if `use`
        raises ValueError.
        """

    def start(self, request: TargetRequest) -> None:
        """Make the call in the background; failures are logged."""

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        """POST the body once, wait for the response, and ignore its body.

        Whatever ends the call is in the result; only a cancellation is raised.
        """
