"""Housekeeping of deliveries, in portions that hold up no other change for long. Each function may be run again.

One process at a time does it, by a lease. If two do for a moment, nothing goes wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from actiond.actions.deliveries import (
    MAX_RETRY_AFTER_MS,
    DeathReason,
    Delivery,
    DeliveryPolicy,
    DeliveryState,
)
from actiond.actions.ports import Transaction
from actiond.actions.target_health import FIRST_PORTION
from actiond.actions.use_cases.delivering import Changes
from actiond.actions.watching import CHANGES_KEPT_MS

LEASE_MS = 30_000
"""How long the lease lasts without being renewed: after that, another process may take over."""
PORTION = 1_000
"""Rows that one change removes or looks at."""
SWEPT_TARGETS = 16
"""Targets whose parked deliveries one change looks at."""


@dataclass(frozen=True, slots=True)
class Patrolled:
    """What a portion of a patrol did."""

    next: int
    """The id after which the next portion begins."""
    dead: Sequence[DeathReason]


def take_lease(transaction: Transaction, keeper: int) -> bool:
    """Take or renew the lease, and return whether this process has it."""
    now = transaction.deliveries.now_ms()
    return transaction.deliveries.hold_lease(keeper, now, now + LEASE_MS)


def end_lease(transaction: Transaction, keeper: int) -> None:
    """Let another process take the lease at once."""
    transaction.deliveries.hold_lease(keeper, transaction.deliveries.now_ms(), 0)


def sweep(transaction: Transaction, policy: DeliveryPolicy, after: str) -> str | None:
    """Release parked deliveries of targets that are being resumed: of the last portion, some may never succeed.

    after: the target that the portion before it ended with.

    Return the target that this portion ended with; None if it was the last one.
    """
    rows = transaction.deliveries
    target_ids = rows.parked_targets(after, SWEPT_TARGETS)
    changes = Changes(transaction, policy)
    changes.load_health(target_ids)
    for target_id, health in rows.health(target_ids).items():
        if health.portion:
            changes.release(target_id, FIRST_PORTION)
    changes.apply()
    return target_ids[-1] if len(target_ids) == SWEPT_TARGETS else None


def patrol(transaction: Transaction, policy: DeliveryPolicy, after: int) -> Patrolled:
    """Look at a portion of all deliveries, and settle what nothing else does.

    Parked deliveries die of age, those of removed targets die, and those that a clock which was set back has put off
    are due again. A delivery that is behind nothing any more, which would be a fault, goes first.
    """
    rows = transaction.deliveries
    changes = Changes(transaction, policy)
    deliveries = rows.after(after, PORTION)
    targets = rows.subjects(deliveries, with_events=False).targets
    changes.load_health(delivery.target_id for delivery in deliveries if delivery.state is DeliveryState.PARKED)
    for delivery in deliveries:
        _settle(policy, changes, delivery, has_target=delivery.target_id in targets)
    for health in rows.pauses_after(changes.now + MAX_RETRY_AFTER_MS + policy.lease_ms, PORTION):
        changes.put_health(replace(health, paused_until_ms=changes.now))  # a clock was ahead
    changes.apply()
    return Patrolled(deliveries[-1].id if len(deliveries) == PORTION else 0, changes.dead)


def _settle(policy: DeliveryPolicy, changes: Changes, delivery: Delivery, *, has_target: bool) -> None:
    if delivery.state is DeliveryState.DEAD:
        return
    # What is due later than it can have been put off was put off by a clock that was ahead.
    longest = policy.lease_ms if delivery.claim else policy.longest_delay_ms(delivery.tries)
    if delivery.due_ms is not None and delivery.due_ms > changes.now + longest + 1_000:
        # A claim stays with it, so that it is seen to be lost when the delivery is claimed again.
        changes.save(delivery, replace(delivery, due_ms=changes.now))
    elif delivery.is_claimed(changes.now):
        return
    elif not has_target:
        changes.kill(delivery, DeathReason.TARGET_REMOVED)
    elif delivery.state is DeliveryState.PARKED and policy.is_too_old(delivery, changes.now):
        # As when it is claimed: one that was never attempted at a healthy target has waited for this service alone.
        if delivery.tries or changes.is_paused(delivery.target_id):
            changes.kill(delivery, DeathReason.AGE)
    elif delivery.state is DeliveryState.BEHIND:
        changes.promote(delivery.order_key)


def prune(transaction: Transaction, policy: DeliveryPolicy, after: int) -> int | None:
    """Remove a portion of what has been kept for long enough.

    after: the id that the portion before it ended with; 0 at first.

    Return the id that this portion ended with; None if it was the last one.
    """
    rows = transaction.deliveries
    now = rows.now_ms()
    last = rows.prune_attempts(now - policy.attempt_retention_ms, after, PORTION)
    dead = rows.dead_before(now - policy.dead_retention_ms, PORTION)
    rows.save([(delivery, None) for delivery in dead])
    changes = rows.prune_changes(now - CHANGES_KEPT_MS, PORTION)
    # Not in the transaction that removes the target: an attempt that runs may fail afterwards.
    health = rows.prune_health(PORTION)
    # Ids of published events are remembered for as long as deliveries may be retried.
    kept_ms = policy.max_age_ms + policy.dead_retention_ms + policy.attempt_retention_ms
    published = transaction.publications.prune(now - kept_ms, PORTION)
    if last is None and PORTION in (len(dead), changes, health, published):
        return after
    return last
