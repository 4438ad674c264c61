"""Reading deliveries, retrying and cancelling them by hand, and resuming targets that are paused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from actiond.actions.actors import Actor
from actiond.actions.deliveries import UNFINISHED, Attempt, DeathReason, Delivery, DeliveryPolicy, DeliveryState
from actiond.actions.errors import (
    DeliveryNotFoundError,
    DeliveryNotRetryableError,
    DeliveryNotUnfinishedError,
    TargetNotFoundError,
)
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, DeliveryRecord, TargetReport
from actiond.actions.target_health import FIRST_PORTION
from actiond.actions.use_cases.delivering import Changes
from actiond.actions.use_cases.fan_out import check_limits

PORTION = 500
"""Deliveries that one change retries or cancels, so that it holds up no other change for long."""
RETRYABLE = frozenset({DeliveryState.DEAD, DeliveryState.WAITING})
"""States of deliveries that can be retried. A waiting one can, if its next attempt is put off."""


@dataclass(frozen=True, slots=True)
class DeliveryDetails:
    """A delivery with its attempts."""

    record: DeliveryRecord
    attempts: Sequence[Attempt]
    """By number, as far as they are kept."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a change of many deliveries did."""

    changed: int
    is_complete: bool
    """Whether these were all. Otherwise it was late, and may be called again."""


class Deliveries:
    """The use cases of deliveries. An actor sees only those of its resource owner."""

    def __init__(
        self, store: Store, policy: DeliveryPolicy, died: Callable[[Sequence[DeathReason]], object] = lambda _: None
    ) -> None:
        """`died` is told why deliveries were given up."""
        self._store = store
        self._policy = policy
        self._died = died

    async def find(self, actor: Actor, query: DeliveryQuery) -> Sequence[DeliveryRecord]:
        """Return a page of the deliveries that match, the newest first. Raises ListTooSlowError."""
        return await self._store.find_deliveries(actor.owner, query)

    async def count(self, actor: Actor, wanted: DeliveryFilter) -> Mapping[tuple[DeliveryState, str], int]:
        """Return how many deliveries match, by state and target id. Raises ListTooSlowError."""
        return await self._store.count_deliveries(actor.owner, wanted)

    async def count_retryable(self, actor: Actor, wanted: DeliveryFilter) -> int:
        """Return how many deliveries `retry_matching` would change, those of removed targets included."""
        return await self._count_in(actor, await self._retryable(wanted), RETRYABLE)

    async def count_cancellable(self, actor: Actor, wanted: DeliveryFilter) -> int:
        """Return how many deliveries `cancel_matching` would change."""
        return await self._count_in(actor, wanted, frozenset(UNFINISHED))

    async def get(self, actor: Actor, delivery_id: int) -> DeliveryDetails:
        """Return a delivery with its attempts. Raises DeliveryNotFoundError."""
        record = await self._record(actor, delivery_id)
        return DeliveryDetails(record, await self._store.attempts(actor.owner, delivery_id))

    async def retry(self, actor: Actor, delivery_id: int) -> DeliveryRecord:
        """Let a delivery be attempted now, and return it.

        A dead one has all its tries again; one that waits for a retry is brought forward. Raises
        DeliveryNotFoundError, DeliveryNotRetryableError and TooManyDeliveriesError.
        """
        record = await self._record(actor, delivery_id)

        def change(transaction: Transaction) -> Delivery:
            found = _retryable(transaction, actor, [delivery_id])
            if not found:
                raise DeliveryNotRetryableError
            check_limits(transaction, actor.owner, _count_dead(found))
            now = transaction.deliveries.now_ms()
            retried = found[0].retried_by_hand(now).waiting(now)
            transaction.deliveries.save([(found[0], retried)])
            return retried

        return replace(record, delivery=await self._store.write(change), is_claimed=False)

    async def cancel(self, actor: Actor, delivery_id: int) -> DeliveryRecord:
        """Give up an unfinished delivery, and return it. If it is being attempted, the result does not count.

        Raises DeliveryNotFoundError and DeliveryNotUnfinishedError.
        """
        record = await self._record(actor, delivery_id)

        def change(transaction: Transaction) -> Delivery:
            if not self._cancel(transaction, actor, [delivery_id]):
                raise DeliveryNotUnfinishedError
            (cancelled,) = transaction.deliveries.with_ids([delivery_id])
            return cancelled

        cancelled = await self._store.write(change)
        self._died([DeathReason.CANCELLED])
        return replace(record, delivery=cancelled, is_claimed=False)

    async def retry_matching(self, actor: Actor, wanted: DeliveryFilter, is_late: Callable[[], bool]) -> Bulk:
        """Retry the deliveries that match and can be retried, in portions, until it is late.

        They are parked. The first of each target are released, and the others as results come in, so that they do not
        all reach a target at once. Raises TooManyDeliveriesError and ListTooSlowError.
        """
        return await self._change_matching(actor, await self._retryable(wanted), RETRYABLE, is_late, self._retry)

    async def cancel_matching(self, actor: Actor, wanted: DeliveryFilter, is_late: Callable[[], bool]) -> Bulk:
        """Give up the unfinished deliveries that match, in portions, until it is late. Raises ListTooSlowError."""
        bulk = await self._change_matching(actor, wanted, frozenset(UNFINISHED), is_late, self._cancel)
        self._died([DeathReason.CANCELLED] * bulk.changed)
        return bulk

    async def report(self, actor: Actor, target_id: str) -> TargetReport:
        """Return how the deliveries of a target go. Raises TargetNotFoundError."""
        if await self._store.target(actor.owner, target_id) is None:
            raise TargetNotFoundError(target_id)
        return await self._store.target_report(actor.owner, target_id)

    async def resume(self, actor: Actor, target_id: str) -> TargetReport:
        """End the pause of a target, release its first parked deliveries, and return how its deliveries go then.

        The others are released as results come in. Changes nothing if it is not paused. Raises TargetNotFoundError.
        """

        def change(transaction: Transaction) -> None:
            if transaction.targets.get(actor.owner, target_id) is None:
                raise TargetNotFoundError(target_id)
            health = transaction.deliveries.health([target_id]).get(target_id)
            if health is not None and health.is_paused:
                changes = Changes(transaction, self._policy)
                changes.put_health(health.resumed())
                changes.release(target_id, FIRST_PORTION)
                changes.apply()

        await self._store.write(change)
        return await self._store.target_report(actor.owner, target_id)

    async def _retryable(self, wanted: DeliveryFilter) -> DeliveryFilter:
        """Return the filter, without deliveries that are due already or being attempted."""
        return replace(wanted, put_off_ms=await self._store.write(lambda transaction: transaction.deliveries.now_ms()))

    async def _count_in(self, actor: Actor, wanted: DeliveryFilter, states: frozenset[DeliveryState]) -> int:
        counts = await self._store.count_deliveries(actor.owner, wanted)
        return sum(count for (state, _), count in counts.items() if state in states)

    async def _record(self, actor: Actor, delivery_id: int) -> DeliveryRecord:
        record = await self._store.delivery(actor.owner, delivery_id)
        if record is None:
            raise DeliveryNotFoundError
        return record

    async def _change_matching(
        self,
        actor: Actor,
        wanted: DeliveryFilter,
        states: frozenset[DeliveryState],
        is_late: Callable[[], bool],
        change: Callable[[Transaction, Actor, Sequence[int]], int],
    ) -> Bulk:
        """Change the matching deliveries that are in these states, each once.

        Pages go on behind the last one, so that what cannot be changed, or is in such a state again, holds up nothing.
        """
        states = wanted.states & states if wanted.states else states
        if not states:
            return Bulk(0, is_complete=True)
        query = DeliveryQuery(replace(wanted, states=states), PORTION)
        changed = 0
        while not is_late():
            ids = [record.delivery.id for record in await self._store.find_deliveries(actor.owner, query)]
            changed += await self._write_portion(actor, ids, change)
            if len(ids) < PORTION:
                return Bulk(changed, is_complete=True)
            query = replace(query, before_id=ids[-1])
        return Bulk(changed, is_complete=False)

    async def _write_portion(
        self, actor: Actor, ids: Sequence[int], change: Callable[[Transaction, Actor, Sequence[int]], int]
    ) -> int:
        return await self._store.write(lambda transaction: change(transaction, actor, ids)) if ids else 0

    def _retry(self, transaction: Transaction, actor: Actor, ids: Sequence[int]) -> int:
        """Park those that can be retried, release the first ones of targets that release none yet. Return how many."""
        found = _retryable(transaction, actor, ids)
        check_limits(transaction, actor.owner, _count_dead(found))
        changes = Changes(transaction, self._policy)
        changes.load_health(delivery.target_id for delivery in found)
        for delivery in found:
            changes.save(delivery, delivery.retried_by_hand(changes.now))
            health = changes.health(delivery)
            if not health.is_paused and not health.portion:
                changes.put_health(health.releasing())
                changes.release(delivery.target_id, FIRST_PORTION)
        changes.apply()
        return len(found)

    def _cancel(self, transaction: Transaction, actor: Actor, ids: Sequence[int]) -> int:
        """Give up those that are unfinished, let those behind them go first, and return how many."""
        found = _in_states(transaction, actor, ids, UNFINISHED)
        changes = Changes(transaction, self._policy)
        changes.load_health(delivery.target_id for delivery in found)
        for delivery in found:
            changes.kill(delivery, DeathReason.CANCELLED)
        changes.apply()
        return len(found)


def _count_dead(deliveries: Sequence[Delivery]) -> int:
    """Return how many of them would be unfinished again."""
    return sum(delivery.state is DeliveryState.DEAD for delivery in deliveries)


def _in_states(
    transaction: Transaction, actor: Actor, ids: Sequence[int], states: frozenset[DeliveryState]
) -> Sequence[Delivery]:
    """Return the actor's deliveries that exist of these, and are in one of the states now."""
    found = transaction.deliveries.with_ids(ids)
    return [delivery for delivery in found if delivery.owner == actor.owner and delivery.state in states]


def _retryable(transaction: Transaction, actor: Actor, ids: Sequence[int]) -> Sequence[Delivery]:
    """Return the actor's deliveries of these that can be retried now."""
    rows = transaction.deliveries
    now = rows.now_ms()
    found = [
        delivery
        for delivery in _in_states(transaction, actor, ids, RETRYABLE)
        if delivery.state is DeliveryState.DEAD or delivery.waits_for_retry(now)
    ]
    targets = rows.subjects(found, with_events=False).targets
    return [delivery for delivery in found if delivery.target_id in targets]
