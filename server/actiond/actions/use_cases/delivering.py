"""Claiming deliveries and taking the results of attempts: plain functions of a transaction.

`claim` moves a delivery's due moment to the end of a lease, so that what a dead worker had claimed comes back by
itself. A result counts only while the delivery has the claim under which it was attempted. docs/executions.md has a
picture of the states.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from actiond.actions import target_health
from actiond.actions.deliveries import (
    CANCELLED,
    GONE,
    LOST,
    OK,
    SUPERSEDED,
    Attempt,
    AttemptKind,
    Claimed,
    DeathReason,
    Delivery,
    DeliveryPolicy,
)
from actiond.actions.ports import DeliveryChange, Transaction
from actiond.actions.target_health import TargetHealth

WORKER_SHIFT = 40
"""A claim's number has the worker's above these bits, and a counter of the worker's claims in them."""
MAX_SCANNED = 512
"""Due deliveries that one claim looks at. It parks those of paused and busy targets: the next claim sees others."""
MAX_PROBES = 256
"""Targets whose pause is over that one claim looks at."""
MAX_PROBE_CHOICE = 32
"""Parked deliveries of a paused target of which one is the probe."""
MAX_KILLED = 1_000
"""Deliveries of a removed target that one change gives up."""
LAST_TRY_GAP_MS = 1_000
"""How long a suspect waits while its worker attempts another one."""


class Places(Protocol):
    """The places of a worker's attempts that are free. A change takes from a copy of its own."""

    def take(self, owner: str, target_id: str) -> bool:
        """Take a place for an attempt, and return whether there was one."""

    def take_beyond_share(self, owner: str, target_id: str) -> bool:
        """Take a place for an owner that has used up its share, and return whether there was one."""

    def has_share_left(self, owner: str) -> bool:
        """Return whether the owner may have more places at all, whatever the target."""

    def has_place_at(self, target_id: str) -> bool:
        """Return whether the target may be attempted once more, whatever its owner has."""


@dataclass(slots=True)  # not frozen, see deliveries.py
class Result:
    """How an attempt ended."""

    delivery: Delivery
    """As it was claimed."""
    began_ms: int
    """When the attempt began, by the store's clock."""
    duration_ms: int
    outcome: str
    status: int | None
    jitter: float
    """Between 0.8 and 1.2. Drawn beforehand, as a change may run twice."""
    retry_after_ms: int | None = None

    @property
    def is_ok(self) -> bool:
        return self.outcome == OK


@dataclass(slots=True)  # not frozen, see deliveries.py
class Exchange:
    """What a worker hands back, and what it asks for."""

    claim: int
    """Number of the claim, never used before."""
    limit: int
    """How many deliveries it can attempt."""
    places: Callable[[], Places]
    """Returns the free places, in a copy that may be taken from."""
    is_due: bool = True
    """Whether to look for deliveries that are due. Otherwise only what the results make free is claimed."""
    results: Sequence[Result] = ()
    returned: Sequence[Delivery] = ()
    """Deliveries that were claimed and not attempted."""
    crowded: Mapping[str, int] = field(default_factory=dict)
    """Targets of which deliveries were parked for want of a place, and how many places they have now."""
    has_suspect: bool = False
    """Whether the worker attempts a delivery that may kill it, see DeliveryPolicy.is_suspect."""


@dataclass(slots=True)  # not frozen, see deliveries.py
class Exchanged:
    """What a worker got."""

    claimed: Sequence[Claimed] = ()
    crowded: Mapping[str, str] = field(default_factory=dict)
    """Targets of which deliveries were parked for want of a place, with their owners.

    The worker asks for their release later.
    """
    exhausted: frozenset[str] = frozenset()
    """Targets of Exchange.crowded that have no more parked deliveries, or that are paused."""
    superseded: int = 0
    """Results that came after their lease, and changed nothing."""
    leases_lost: int = 0
    dead: Sequence[DeathReason] = ()
    is_more: bool = False
    """Whether more may be due."""
    is_blocked: bool = False
    """Whether more is due, and has to wait for results: its owner has used up its share of the places."""
    turned: Sequence[TargetHealth] = ()
    """Targets whose pause has begun or ended."""


class Changes:
    """The changes of one transaction, applied together: each row is saved once."""

    def __init__(self, transaction: Transaction, policy: DeliveryPolicy, request: Exchange | None = None) -> None:
        """Nothing is claimed without a request."""
        self._rows = transaction.deliveries
        self._policy = policy
        self._request = request
        self._places = None if request is None else request.places()
        self._crowded = {} if request is None else request.crowded
        self.now = self._rows.now_ms()
        self._saved: list[DeliveryChange] = []
        self._attempts: list[Attempt] = []
        self.taken: dict[int, tuple[Delivery, Delivery]] = {}
        """What is claimed, by id, before and after. It is stored last."""
        self._to_promote: set[tuple[str, str]] = set()
        self._health: dict[str, TargetHealth] = {}
        self._known_health: set[str] = set()
        self._was_paused: dict[str, bool] = {}
        """Of each target whose health has changed, whether it was paused before."""
        self._released: dict[str, int] = {}
        self.crowded: dict[str, str] = {}
        self.exhausted: set[str] = set()
        self._alone: dict[str, bool] = {}
        self.is_blocked = False
        self.dead: list[DeathReason] = []
        self.leases_lost = 0
        self._has_suspect = request is not None and request.has_suspect

    @property
    def places_left(self) -> int:
        """How many more deliveries may be claimed."""
        return 0 if self._request is None else self._request.limit - len(self.taken)

    def load_health(self, target_ids: Iterable[str]) -> None:
        unknown = [target_id for target_id in dict.fromkeys(target_ids) if target_id not in self._known_health]
        if unknown:
            self._known_health.update(unknown)
            self._health.update(self._rows.health(unknown))

    def health(self, delivery: Delivery) -> TargetHealth:
        """Return the health of a delivery's target, which has been loaded."""
        return self._health.get(delivery.target_id) or TargetHealth(delivery.target_id, delivery.owner)

    def has_changed(self, health: TargetHealth) -> bool:
        """Return whether a target's health is not any more as it was stored."""
        return self._health.get(health.target_id) != health

    def is_paused(self, target_id: str) -> bool:
        health = self._health.get(target_id)
        return health is not None and health.is_paused

    def put_health(self, health: TargetHealth) -> None:
        self._was_paused.setdefault(health.target_id, self.is_paused(health.target_id))
        self._health[health.target_id] = health

    def turned(self) -> Sequence[TargetHealth]:
        """Return the health of targets whose pause has begun or ended."""
        changed = ((self._health[target_id], was) for target_id, was in self._was_paused.items())
        return [health for health, was_paused in changed if health.is_paused != was_paused]

    def log(self, attempt: Attempt) -> None:
        self._attempts.append(attempt)

    def save(self, before: Delivery, after: Delivery | None) -> None:
        """Store a row, and promote the next one if it went first and does so no more."""
        self._saved.append((before, after))
        if before.goes_first and (after is None or not after.goes_first):
            self._to_promote.add(before.order_key)

    def kill(self, before: Delivery, reason: DeathReason, attempted: Delivery | None = None) -> None:
        """Give a delivery up."""
        self.dead.append(reason)
        self.save(before, (attempted or before).dead(reason, self.now))

    def promote(self, order_key: tuple[str, str]) -> None:
        """Let the next delivery of a target and aggregate go first, if none does."""
        self._to_promote.add(order_key)

    def release(self, target_id: str, deliveries: int) -> None:
        """Release parked deliveries of a target, unless it is paused when the changes are applied."""
        self._released[target_id] = self._released.get(target_id, 0) + deliveries

    def take(self, before: Delivery, kind: AttemptKind | None = None) -> bool:
        """Claim a delivery, if there is a place for its attempt."""
        request, places = self._request, self._places
        if request is None or places is None or not self.places_left:
            return False
        owner, target_id = before.owner, before.target_id
        if not places.take(owner, target_id):
            # Who is alone in the queue may have more than its share, or its slow targets would stop its fast ones.
            if not places.has_place_at(target_id) or not self._has_queue_alone(owner):
                return False
            if not places.take_beyond_share(owner, target_id):
                return False
        self.taken[before.id] = before, before.claimed(request.claim, self.now, self.now + self._policy.lease_ms, kind)
        return True

    def has_place(self, owner: str, target_id: str) -> bool:
        """Return whether there is a place for an attempt, as far as the owner's share goes."""
        places = self._places
        return places is not None and places.has_place_at(target_id) and places.has_share_left(owner)

    def may_stay_in_queue(self, delivery: Delivery) -> bool:
        """Return whether a delivery for which there is no place may stay where it is in the queue.

        It may if all places are taken, but not those of its target, and no other owner has deliveries waiting.
        Otherwise it would hold up others.
        """
        places = self._places
        return places is not None and places.has_place_at(delivery.target_id) and self._has_queue_alone(delivery.owner)

    def _has_queue_alone(self, owner: str) -> bool:
        known = self._alone.get(owner)
        if known is None:
            known = self._alone[owner] = not self._rows.others_wait(owner)
        return known

    def may_take_suspect(self, delivery: Delivery) -> bool:
        """Return whether a delivery may be attempted now: a worker has one suspect at a time, so others survive it."""
        if not self._policy.is_suspect(delivery, after_tries=delivery.tries + 1):
            return True
        had_suspect, self._has_suspect = self._has_suspect, True
        return not had_suspect

    def settle(self) -> None:
        """Store what was saved, release what is to be released, and let the next ones of their aggregates go first."""
        self._flush()
        self._release()
        self._promote()
        self._flush()

    def apply(self) -> Sequence[Claimed]:
        """Store everything, and return what was claimed."""
        self.settle()
        claimed = self._claimed()
        self._flush()
        if self._to_promote:  # deliveries of a removed target were given up
            self._promote()
            self._flush()
        if self._attempts:
            self._rows.log(self._attempts)
        if self._was_paused:
            self._rows.put_health([self._health[target_id] for target_id in sorted(self._was_paused)])
        return claimed

    def _flush(self) -> None:
        if self._saved:
            self._rows.save(self._saved)
            self._saved = []

    def _release(self) -> None:
        crowded, self._crowded = self._crowded, {}
        for target_id, places in crowded.items():
            if self._release_of(target_id, places, self._take_or_wait) < places:
                self.exhausted.add(target_id)
        for target_id, deliveries in self._released.items():
            released = self._release_of(target_id, deliveries, self._wait)
            health = self._health.get(target_id)
            if released < deliveries and health is not None and health.portion:
                self.put_health(replace(health, portion=0, pending=0))  # no more are parked
        self._released.clear()

    def _release_of(self, target_id: str, deliveries: int, release: Callable[[Delivery], None]) -> int:
        """Release parked deliveries of a target that is not paused, and return how many there were."""
        if self.is_paused(target_id):
            return 0
        # What was claimed is stored last, so it is found as parked once more.
        parked = self._rows.parked(target_id, deliveries + len(self.taken))
        found = [delivery for delivery in parked if delivery.id not in self.taken][:deliveries]
        for delivery in found:
            release(delivery)
        self._flush()
        return len(found)

    def _promote(self) -> None:
        """Make the next delivery of each target and aggregate go first."""
        promoted = self._rows.next_behind(sorted(self._to_promote)) if self._to_promote else ()
        self._to_promote.clear()
        # Where others are due, it has to wait for its turn.
        hand_over = self._request is not None and not self._request.is_due
        for delivery in promoted:
            (self._take_or_wait if hand_over else self._wait)(delivery)

    def _take_or_wait(self, delivery: Delivery) -> None:
        if self.is_paused(delivery.target_id) or not self.take(delivery):
            self._wait(delivery)

    def _wait(self, delivery: Delivery) -> None:
        self._saved.append((delivery, delivery.waiting(self.now)))

    def _claimed(self) -> list[Claimed]:
        """Return what was taken, with all that its attempts need. What has no target any more dies."""
        if not self.taken:
            return []
        claimed = []
        taken = list(self.taken.values())
        subjects = self._rows.subjects([after for _, after in taken])
        removed = {after.target_id for _, after in taken if after.target_id not in subjects.targets}
        for before, after in taken:
            event = subjects.events.get(after.event_position)
            if after.target_id in removed or event is None:
                self.kill(before, DeathReason.AGE if event is None else DeathReason.TARGET_REMOVED)
                continue
            self._saved.append((before, after))
            claimed.append(
                Claimed(
                    after,
                    event,
                    subjects.targets[after.target_id],
                    subjects.keys.get(after.target_id, ()),
                    claimed_ms=self.now,
                    overdue_ms=max(0, self.now - (before.due_ms or self.now)),
                )
            )
        for target_id in removed:
            self._kill_others(target_id)
        self.taken.clear()
        return claimed

    def _kill_others(self, target_id: str) -> None:
        """Give up the deliveries of a removed target, but for those in flight."""
        for delivery in self._rows.unfinished_of(target_id, MAX_KILLED):
            if delivery.id not in self.taken and not delivery.is_claimed(self.now):
                self.kill(delivery, DeathReason.TARGET_REMOVED)


def exchange(transaction: Transaction, policy: DeliveryPolicy, request: Exchange) -> Exchanged:
    """Take the results of attempts, and claim as many deliveries as the worker has places for."""
    changes = Changes(transaction, policy, request)
    superseded = _take_results(transaction, policy, changes, request)
    is_more = False
    if request.is_due:
        changes.settle()
        is_more = _claim_due(transaction, policy, changes)
    return Exchanged(
        changes.apply(),
        changes.crowded,
        frozenset(changes.exhausted),
        superseded,
        changes.leases_lost,
        changes.dead,
        is_more,
        changes.is_blocked,
        changes.turned(),
    )


def _take_results(transaction: Transaction, policy: DeliveryPolicy, changes: Changes, request: Exchange) -> int:
    """Settle the deliveries that the worker hands back, and return how many it had no claim on any more."""
    superseded = 0
    rows = transaction.deliveries
    handed_back = [*(result.delivery for result in request.results), *request.returned]
    held = {(delivery.id, delivery.claim): delivery for delivery in rows.still_claimed(handed_back)}
    changes.load_health([*(delivery.target_id for delivery in held.values()), *request.crowded])
    for result in request.results:
        row = held.get((result.delivery.id, result.delivery.claim))
        changes.log(_attempt_of(result, SUPERSEDED if row is None else result.outcome))
        if row is None:
            superseded += 1
        elif result.is_ok:
            _deliver(changes, row)
        elif result.outcome == CANCELLED:
            _return(changes, row, row.uncounted())
        else:
            _fail(policy, changes, row, result)
    for delivery in request.returned:
        row = held.get((delivery.id, delivery.claim))
        if row is not None:
            _return(changes, row, row.not_attempted())
    return superseded


def _claim_due(transaction: Transaction, policy: DeliveryPolicy, changes: Changes) -> bool:
    """Claim what is due, and probes of targets whose pause is over. Return whether more may be due."""
    _claim_probes(transaction, policy, changes)
    scanned = 0
    while changes.places_left and scanned < MAX_SCANNED:
        # What was claimed is stored last, so it is found again.
        found = transaction.deliveries.due(changes.now, changes.places_left + len(changes.taken))
        due = [delivery for delivery in found if delivery.id not in changes.taken][: changes.places_left]
        if not due:
            return False
        changes.load_health(delivery.target_id for delivery in due)
        for delivery in due:
            _claim_one(policy, changes, delivery)
            if changes.is_blocked:
                return False
        changes.settle()
        scanned += len(due)
    return True


def _claim_probes(transaction: Transaction, policy: DeliveryPolicy, changes: Changes) -> None:
    ended = transaction.deliveries.ended_pauses(changes.now, MAX_PROBES)
    changes.load_health(health.target_id for health in ended)
    for health in ended:
        if changes.has_changed(health):
            continue  # a result has changed it just now
        if not changes.has_place(health.owner, health.target_id):
            continue
        # Now of the oldest and now of the newest: many messages that always fail would keep their target paused.
        parked = transaction.deliveries.parked(health.target_id, MAX_PROBE_CHOICE, newest=health.pauses % 2 == 0)
        if not parked:
            # Nothing waits, so that the next event is the probe: a single failure pauses the target again.
            changes.put_health(replace(health, paused_until_ms=None, probe=0, failures=policy.pause_failures))
            continue
        # Another one each time: a message that always fails would keep its target paused. And those that have failed
        # already say less of the target than those that have not.
        probe = min(parked, key=_attempts)
        if changes.take(probe, AttemptKind.PROBE):
            changes.put_health(health.probed(probe.id, changes.now + policy.lease_ms))


def _attempts(delivery: Delivery) -> int:
    return delivery.attempts


def _claim_one(policy: DeliveryPolicy, changes: Changes, delivery: Delivery) -> None:
    """Claim a delivery that is due, or park it, or give it up, or let it wait for a place where it is."""
    if delivery.tries and policy.is_too_old(delivery, changes.now):
        changes.kill(delivery, DeathReason.AGE)
    elif delivery.tries >= policy.max_tries:
        changes.kill(delivery, DeathReason.LOST)
    elif not changes.may_take_suspect(delivery):
        changes.save(delivery, delivery.waiting(changes.now + LAST_TRY_GAP_MS))
    elif changes.is_paused(delivery.target_id):
        changes.save(delivery, delivery.parked())
    elif not changes.take(delivery):
        if changes.may_stay_in_queue(delivery):
            changes.is_blocked = True
            return
        changes.save(delivery, delivery.parked())
        changes.crowded[delivery.target_id] = delivery.owner
    if delivery.claim:
        changes.leases_lost += 1
        changes.log(_attempt(delivery, delivery.claimed_ms, 0, LOST, None))


def _deliver(changes: Changes, row: Delivery) -> None:
    changes.save(row, None)
    health = changes.health(row)
    if health.is_trivial:
        return
    if health.is_paused:
        if row.kind is AttemptKind.PROBE and not health.is_held:
            changes.put_health(health.resumed())
            changes.release(row.target_id, target_health.FIRST_PORTION)
        return
    health = health.succeeded()
    if health.portion and not health.pending:
        health = health.next_portion()
        changes.release(row.target_id, health.portion)
    changes.put_health(health)


def _return(changes: Changes, row: Delivery, after: Delivery) -> None:
    """Let a delivery whose attempt did not happen, or not to its end, be claimed again at once."""
    if row.kind is not AttemptKind.PROBE:
        changes.save(row, after.waiting(changes.now))
        return
    changes.save(row, after.parked())
    health = changes.health(row)
    if health.probe == row.id:
        changes.put_health(health.probed(0, changes.now))


def _fail(policy: DeliveryPolicy, changes: Changes, row: Delivery, result: Result) -> None:
    health = changes.health(row)
    reason = result.outcome if result.status is None else f"{result.outcome} {result.status}"
    attempted = row.attempted(result.outcome, result.status, result.began_ms)
    if result.status == GONE:
        changes.put_health(health.counted(changes.now, reason).held())
        changes.save(row, attempted.uncounted().parked())
        return
    asked_ms = target_health.asked_pause_ms(result.status, result.retry_after_ms)
    if row.kind is AttemptKind.PROBE and health.is_paused:
        health = health.counted(changes.now, reason).paused(changes.now, result.jitter)
        changes.put_health(health.paused_as_asked(changes.now, asked_ms))
        if policy.is_too_old(row, changes.now):
            changes.kill(row, DeathReason.AGE, attempted)
        else:
            changes.save(row, attempted.uncounted().parked())
        return
    health = health.failed(changes.now, reason, policy, result.jitter)
    changes.put_health(health.paused_as_asked(changes.now, asked_ms))
    delay = policy.retry_delay_ms(row.tries, result.jitter, result.retry_after_ms)
    if delay is None:
        changes.kill(row, DeathReason.ATTEMPTS, attempted)
    elif policy.is_too_old(row, changes.now + delay):
        changes.kill(row, DeathReason.AGE, attempted)
    else:
        changes.save(row, attempted.waiting(changes.now + delay))


def renew(transaction: Transaction, policy: DeliveryPolicy, claimed: Sequence[Delivery]) -> None:
    """Begin the leases of claimed deliveries anew, of those that still have their claim."""
    rows = transaction.deliveries
    until = rows.now_ms() + policy.lease_ms
    held = rows.still_claimed(claimed)
    rows.save([(row, replace(row, due_ms=until)) for row in held])
    probes = {row.target_id: row.id for row in held if row.kind is AttemptKind.PROBE}
    if probes:
        known = rows.health([*probes]).values()
        running = (health for health in known if health.is_paused and health.probe == probes[health.target_id])
        rows.put_health([health.probed(health.probe, until) for health in running])


def _attempt_of(result: Result, outcome: str) -> Attempt:
    return _attempt(result.delivery, result.began_ms, result.duration_ms, outcome, result.status)


def _attempt(delivery: Delivery, at_ms: int, duration_ms: int, outcome: str, status: int | None) -> Attempt:
    return Attempt(
        delivery_id=delivery.id,
        number=delivery.attempts,
        owner=delivery.owner,
        target_id=delivery.target_id,
        event_position=delivery.event_position,
        execution=delivery.execution,
        kind=delivery.kind,
        at_ms=at_ms,
        duration_ms=duration_ms,
        outcome=outcome,
        status=status,
        worker=delivery.claim >> WORKER_SHIFT,
    )
