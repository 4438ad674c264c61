"""Deliveries: one event for one target, from the event's transaction to a 2xx response or to being given up.

A delivery is a row while it is unfinished or dead. A delivered one leaves only its attempts.

The values that are made for every event or attempt are not frozen, here and where this is referred to: a frozen one of
19 fields takes 20 times as long to make, and these took a quarter of a delivery's time. Nobody changes one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from actiond.actions.events import Event
from actiond.actions.ids import created_ms
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target

OK = "ok"
"""The outcome of an attempt that delivered. Other outcomes are those of the client that calls targets, and these:"""
LOST = "lost"
"""The lease of the claim passed without a result: the worker died, or was stopped for long."""
SUPERSEDED = "superseded"
"""The attempt ended after its lease, when the delivery had been claimed anew or was settled. It changes nothing."""
CANCELLED = "cancelled"
"""The attempt was cut off by the end of its process. This is an outcome of the client, too."""

GONE = 410
"""The status by which a receiver asks for no more deliveries."""
TOO_MANY_REQUESTS = 429
MAX_RETRY_AFTER_MS = 3_600_000
"""Limit on what a receiver may ask for with Retry-After."""
MAX_WAITING_OF_OWNER = 1_000_000
"""Unfinished deliveries of one owner. The change that would add more fails."""
MAX_WAITING = 10_000_000
"""Unfinished deliveries of all owners."""


class DeliveryState(Enum):
    """Where a delivery stands. Stores keep the values."""

    WAITING = "waiting"
    """Its next attempt is due at a moment, or it is being attempted: then it is due when the lease ends."""
    BEHIND = "behind"
    """An earlier event of its aggregate has not been attempted at this target yet."""
    PARKED = "parked"
    """Its target is paused, or has all its places taken. It is released later."""
    DEAD = "dead"
    """Given up. It can be retried by hand until it is pruned."""
    DELIVERED = "delivered"
    """An attempt ended with 2xx. Stores keep no row, only the attempts."""


UNFINISHED = frozenset({DeliveryState.WAITING, DeliveryState.BEHIND, DeliveryState.PARKED})


class DeathReason(Enum):
    """Why a delivery was given up. Stores keep the values, which are also labels of a metric."""

    ATTEMPTS = "attempts"
    """The last try of the schedule failed."""
    AGE = "age"
    """It is too old, or would be at its next attempt."""
    LOST = "lost"
    """Each try was lost with its worker: perhaps the message kills it."""
    TARGET_REMOVED = "target_removed"
    CANCELLED = "cancelled"


class AttemptKind(Enum):
    """What an attempt was made for. Stores keep the values."""

    QUEUED = "queued"
    """By the schedule."""
    PROBE = "probe"
    """To see whether a paused target is back. It does not count as a try."""
    MANUAL = "manual"
    """The first one after a retry by hand."""
    TEST = "test"
    """Of no delivery: somebody tested the target."""


@dataclass(slots=True)
class Delivery:
    """One delivery as stores keep it. Moments are milliseconds since the epoch by the store's clock."""

    id: int
    """Ordered roughly by time, see ids.py. The receiver deduplicates by it."""
    owner: str
    target_id: str
    event_position: int
    execution: str
    """Key of the condition that the event met."""
    aggregate: str
    """Type and id of the event's aggregate. First attempts at a target follow the sequence within it."""
    sequence: int
    """The event's, within its aggregate."""
    since_ms: int
    """The moment from which its age counts: its creation, or the last retry by hand."""
    state: DeliveryState
    due_ms: int | None
    """When it may be claimed. None unless it is waiting."""
    claim: int = 0
    """Number of the claim under which it is attempted; 0 without one. A result counts only under the same number."""
    attempts: int = 0
    """Attempts begun, probes and those before a retry by hand included."""
    tries: int = 0
    """Attempts begun that count towards the schedule. Raised by the claim, so that a lost attempt counts."""
    is_tried: bool = False
    """Whether it has had a first result. Until then, later events of its aggregate are behind it."""
    kind: AttemptKind = AttemptKind.QUEUED
    """What the running attempt, or else the next one, is made for."""
    reason: DeathReason | None = None
    last_outcome: str = ""
    """Outcome of its last attempt; empty before the first result."""
    last_status: int | None = None
    last_ms: int = 0
    """When its last attempt with a result began, or it was given up; 0 before."""
    claimed_ms: int = 0
    """When it was claimed last; 0 before."""

    @property
    def changed_ms(self) -> int:
        """When its last attempt began, also if that still runs, or it was given up; 0 before."""
        return self.claimed_ms if self.claim else self.last_ms

    @property
    def order_key(self) -> tuple[str, str]:
        """What it keeps its order within: the target and the aggregate."""
        return self.target_id, self.aggregate

    @property
    def goes_first(self) -> bool:
        """Whether later events of the aggregate are behind it."""
        return not self.is_tried and self.state in (DeliveryState.WAITING, DeliveryState.PARKED)

    @property
    def next_kind(self) -> AttemptKind:
        """What its next attempt is made for, unless it is chosen as a probe: what was one is none by that."""
        return AttemptKind.QUEUED if self.kind is AttemptKind.PROBE else self.kind

    def waits_for_retry(self, now_ms: int) -> bool:
        """Return whether its next attempt is put off, so that it can be brought forward."""
        return self.state is DeliveryState.WAITING and not self.claim and (self.due_ms or 0) > now_ms

    def is_claimed(self, now_ms: int) -> bool:
        """Return whether a worker has it, as far as its lease tells."""
        return self.claim != 0 and self.due_ms is not None and self.due_ms > now_ms

    def waiting(self, due_ms: int) -> "Delivery":
        """Return it as due at a moment, without a claim."""
        return replace(self, state=DeliveryState.WAITING, due_ms=due_ms, claim=0, kind=self.next_kind)

    def behind(self) -> "Delivery":
        return replace(self, state=DeliveryState.BEHIND, due_ms=None)

    def parked(self) -> "Delivery":
        return replace(self, state=DeliveryState.PARKED, due_ms=None, claim=0, kind=self.next_kind)

    def dead(self, reason: DeathReason, now_ms: int) -> "Delivery":
        return replace(self, state=DeliveryState.DEAD, due_ms=None, claim=0, reason=reason, last_ms=now_ms)

    def claimed(self, claim: int, now_ms: int, until_ms: int, kind: AttemptKind | None = None) -> "Delivery":
        """Return it as claimed for one attempt, until a moment."""
        # `replace` takes three times as long, and this runs for every attempt.
        return Delivery(
            self.id,
            self.owner,
            self.target_id,
            self.event_position,
            self.execution,
            self.aggregate,
            self.sequence,
            self.since_ms,
            DeliveryState.WAITING,
            until_ms,
            claim,
            self.attempts + 1,
            self.tries + 1,
            self.is_tried,
            kind or self.next_kind,
            self.reason,
            self.last_outcome,
            self.last_status,
            self.last_ms,
            now_ms,
        )

    def not_attempted(self) -> "Delivery":
        """Return it with the counts of before a claim that made no attempt."""
        return replace(self, attempts=self.attempts - 1, tries=self.tries - 1)

    def attempted(self, outcome: str, status: int | None, at_ms: int) -> "Delivery":
        """Return it with the result of its last attempt."""
        return replace(
            self, is_tried=True, kind=AttemptKind.QUEUED, last_outcome=outcome, last_status=status, last_ms=at_ms
        )

    def uncounted(self) -> "Delivery":
        """Return it without its last attempt as a try."""
        return replace(self, tries=self.tries - 1)

    def retried_by_hand(self, now_ms: int) -> "Delivery":
        """Return it as parked: a dead one with all its tries, which does not keep its order any more."""
        if self.state is not DeliveryState.DEAD:
            return replace(self.parked(), kind=AttemptKind.MANUAL)
        return replace(self.parked(), tries=0, since_ms=now_ms, kind=AttemptKind.MANUAL, reason=None, is_tried=True)


@dataclass(slots=True)
class Attempt:
    """One attempt, as the log keeps it: never a body, an address or a header."""

    delivery_id: int
    number: int
    """Counts the delivery's attempts from 1."""
    owner: str
    target_id: str
    event_position: int
    """0 for a test, which has no event."""
    execution: str
    kind: AttemptKind
    at_ms: int
    """When it began."""
    duration_ms: int
    outcome: str
    status: int | None
    worker: int
    """Number of the worker that made it."""

    @property
    def has_delivered(self) -> bool:
        """Whether it delivered its delivery, of which stores then keep nothing but attempts."""
        return self.outcome == OK and self.kind is not AttemptKind.TEST


@dataclass(slots=True)
class Claimed:
    """A delivery that this worker attempts now, with what it needs as of this moment."""

    delivery: Delivery
    event: Event
    target: Target
    keys: Sequence[SigningKey]
    claimed_ms: int
    """When it was claimed, by the store's clock."""
    overdue_ms: int
    """How long it had been due when it was claimed."""

    @property
    def is_probe(self) -> bool:
        return self.delivery.kind is AttemptKind.PROBE


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """When deliveries are retried and given up, and when targets are paused. Spans are in milliseconds."""

    retry_delays_ms: tuple[int, ...]
    max_age_ms: int
    lease_ms: int
    pause_failures: int
    """Failures in a row after which a target is paused, if they take `pause_failing_ms` at least."""
    pause_failing_ms: int
    attempt_retention_ms: int
    dead_retention_ms: int

    @property
    def max_tries(self) -> int:
        return len(self.retry_delays_ms) + 1

    def is_too_old(self, delivery: Delivery, at_ms: int) -> bool:
        """Return whether a delivery is older than it may be for an attempt at a moment."""
        return at_ms - delivery.since_ms > self.max_age_ms

    def is_suspect(self, delivery: Delivery, *, after_tries: int) -> bool:
        """Return whether so many tries of a delivery include its last one, and none before that has had a result.

        Perhaps it kills its worker; or it was attempted at the same time as one that does.
        """
        return not delivery.is_tried and 1 < after_tries == self.max_tries

    def longest_delay_ms(self, tries: int) -> int:
        """Return the longest delay after a number of failed tries, whatever the receiver asks for."""
        return 2 * self.retry_delays_ms[min(max(tries, 1), len(self.retry_delays_ms)) - 1]

    def retry_delay_ms(self, tries: int, jitter: float, retry_after_ms: int | None) -> int | None:
        """Return how long to wait after a number of failed tries; None if that was the last one.

        jitter: factor for the delay, between 0.8 and 1.2, so that deliveries that failed together do not come back
            together.
        retry_after_ms: what the receiver asked for. It is a hint: bounded, and at most twice the scheduled delay.
        """
        if tries > len(self.retry_delays_ms):
            return None
        scheduled = self.retry_delays_ms[tries - 1]
        asked = min(retry_after_ms or 0, MAX_RETRY_AFTER_MS, 2 * scheduled)
        return max(int(scheduled * jitter), asked)


@dataclass(frozen=True, slots=True)
class DeliveryTotals:
    """How many deliveries of all owners there are, for metrics."""

    by_state: Mapping[DeliveryState, int]
    oldest_due_ms: int
    """For how long the first one in the queue has been due; 0 if none is."""
    paused_targets: int


def delivered(attempt: Attempt, event: Event | None) -> Delivery:
    """Return a delivered delivery, as far as the attempt that delivered it and its event tell."""
    return Delivery(
        id=attempt.delivery_id,
        owner=attempt.owner,
        target_id=attempt.target_id,
        event_position=attempt.event_position,
        execution=attempt.execution,
        aggregate="" if event is None else event.aggregate,
        sequence=0 if event is None else event.sequence,
        since_ms=created_ms(attempt.delivery_id),
        state=DeliveryState.DELIVERED,
        due_ms=None,
        attempts=attempt.number,
        is_tried=True,
        kind=attempt.kind,
        last_outcome=attempt.outcome,
        last_status=attempt.status,
        last_ms=attempt.at_ms,
    )
