"""Stores deliveries, their attempts and the health of targets in memory: the repository of a transaction."""

from collections.abc import Mapping, Sequence
from heapq import nsmallest
from itertools import islice

from actiond.actions.deliveries import LOST, Attempt, Delivery, DeliveryState
from actiond.actions.ids import first_id
from actiond.actions.ports import MAX_LEASE_MS, DeliveryChange, Subjects
from actiond.actions.target_health import TargetHealth
from actiond.actions.watching import recorded
from actiond.storage.memory.data import Data, UndoLog


class MemoryDeliveries:
    """Reads and writes the deliveries of one transaction."""

    def __init__(self, data: Data, log: UndoLog, now_ms: int) -> None:
        self._data = data
        self._log = log
        self._now_ms = now_ms
        self._enqueued = 0
        self.has_due = False
        """Whether a delivery has become due."""

    def now_ms(self) -> int:
        return self._now_ms

    def enqueued(self) -> int:
        return self._enqueued

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        self._enqueued += len(deliveries)
        for delivery in deliveries:
            enqueued = delivery.behind() if self._data.deliveries.goes_first(delivery.order_key) else delivery
            self._log.replace(None, enqueued)
            self._record(None, enqueued)
            self.has_due = self.has_due or enqueued.due_ms is not None

    def unfinished(self, owner: str) -> tuple[int, int]:
        counts = self._data.deliveries.unfinished
        return counts[owner], counts.total()

    def waiting(self, owner: str) -> int:
        return self._data.deliveries.counts[owner, DeliveryState.WAITING]

    def due(self, now_ms: int, limit: int) -> Sequence[Delivery]:
        return self._data.deliveries.due(now_ms, limit)

    def others_wait(self, owner: str) -> bool:
        counts = self._data.deliveries.counts
        return any(count and one != owner for (one, state), count in counts.items() if state is DeliveryState.WAITING)

    def with_ids(self, ids: Sequence[int]) -> Sequence[Delivery]:
        rows = self._data.deliveries.rows
        return [rows[one] for one in sorted(set(ids)) if one in rows]

    def still_claimed(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        found = ((self._data.deliveries.rows.get(one.id), one.claim) for one in deliveries)
        return [row for row, claim in found if row is not None and row.claim == claim]

    def next_behind(self, order_keys: Sequence[tuple[str, str]]) -> Sequence[Delivery]:
        found = (self._data.deliveries.next_behind(order_key) for order_key in order_keys)
        return [delivery for delivery in found if delivery is not None]

    def parked(self, target_id: str, limit: int, *, newest: bool = False) -> Sequence[Delivery]:
        return self._data.deliveries.parked(target_id, limit, newest=newest)

    def unfinished_of(self, target_id: str, limit: int) -> Sequence[Delivery]:
        return self._data.deliveries.unfinished_of(target_id, limit)

    def save(self, changes: Sequence[DeliveryChange]) -> None:
        for before, after in changes:
            self._log.replace(before, after)
            self._record(before, after)
            if after is not None and after.due_ms is not None and not after.claim:
                self.has_due = True

    def log(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            if attempt.delivery_id not in self._data.attempts:
                self._log.put(self._data.attempts, attempt.delivery_id, {})
            kept = self._data.attempts[attempt.delivery_id]
            if attempt.number not in kept or kept[attempt.number].outcome == LOST:
                self._log.put(kept, attempt.number, attempt)

    def health(self, target_ids: Sequence[str]) -> Mapping[str, TargetHealth]:
        kept = self._data.health
        return {target_id: kept[target_id] for target_id in target_ids if target_id in kept}

    def put_health(self, health: Sequence[TargetHealth]) -> None:
        for one in health:
            if not one.is_trivial:
                self._log.put(self._data.health, one.target_id, one)
            elif one.target_id in self._data.health:
                self._log.remove(self._data.health, one.target_id)

    def ended_pauses(self, now_ms: int, limit: int) -> Sequence[TargetHealth]:
        ended = [
            (one.paused_until_ms, one.target_id)
            for one in self._data.health.values()
            if one.paused_until_ms is not None and one.paused_until_ms <= now_ms
        ]
        return [self._data.health[target_id] for _, target_id in sorted(ended)[:limit]]

    def pauses_after(self, moment_ms: int, limit: int) -> Sequence[TargetHealth]:
        paused = (health for health in self._data.health.values() if (health.paused_until_ms or 0) > moment_ms)
        return list(islice(paused, limit))

    def after(self, delivery_id: int, limit: int) -> Sequence[Delivery]:
        rows = self._data.deliveries.rows
        return [rows[one] for one in nsmallest(limit, (one for one in rows if one > delivery_id))]

    def parked_targets(self, after: str, limit: int) -> Sequence[str]:
        return [target_id for target_id in self._data.deliveries.parked_targets() if target_id > after][:limit]

    def dead_before(self, moment_ms: int, limit: int) -> Sequence[Delivery]:
        dead = (row for row in self._data.deliveries.rows.values() if row.state is DeliveryState.DEAD)
        return nsmallest(limit, (row for row in dead if row.last_ms < moment_ms), key=lambda row: row.last_ms)

    def prune_attempts(self, before_ms: int, after: int, limit: int) -> int | None:
        logs = self._data.attempts
        found = [one for one in sorted(logs) if after < one < first_id(before_ms)][:limit]
        for delivery_id in found:
            for attempt in [one for one in logs[delivery_id].values() if one.at_ms < before_ms]:
                self._log.remove(logs[delivery_id], attempt.number)
            if not logs[delivery_id]:
                self._log.remove(logs, delivery_id)
        return found[-1] if len(found) == limit else None

    def watch(self, owner: str, until_ms: int) -> int:
        since, watched_until_ms = self._data.watches.get(owner, (0, 0))
        if watched_until_ms <= self._now_ms:
            # What happened since the former watch has lapsed was not recorded. A position of its own for the beginning
            # is later than all that it has seen.
            since = self._data.last_change + 1
            self._log.set("last_change", since)
        self._log.put(self._data.watches, owner, (since, max(until_ms, watched_until_ms)))
        return self._data.last_change

    def prune_health(self, limit: int) -> int:
        gone = [target_id for target_id in self._data.health if target_id not in self._data.targets][:limit]
        for target_id in gone:
            self._log.remove(self._data.health, target_id)
        return len(gone)

    def prune_changes(self, before_ms: int, limit: int) -> int:
        old = [position for position, change in self._data.changes.items() if change.at_ms < before_ms][:limit]
        for position in old:
            self._log.remove(self._data.changes, position)
        for owner, (since, until_ms) in list(self._data.watches.items()) if old else ():
            self._log.put(self._data.watches, owner, (max(since, old[-1]), until_ms))
        return len(old)

    def hold_lease(self, keeper: int, now_ms: int, until_ms: int) -> bool:
        holder, held_until_ms = self._data.keeper
        if keeper != holder and now_ms < held_until_ms <= now_ms + MAX_LEASE_MS:
            return False
        self._log.set("keeper", (keeper, until_ms))
        return True

    def subjects(self, deliveries: Sequence[Delivery], *, with_events: bool = True) -> Subjects:
        data = self._data
        positions = {delivery.event_position for delivery in deliveries if with_events}
        wanted = {(delivery.owner, delivery.target_id) for delivery in deliveries}
        targets = {
            target_id: target for owner, target_id in wanted if (target := data.target(owner, target_id)) is not None
        }
        return Subjects(
            {position: data.events_at[position] for position in positions if position in data.events_at},
            targets,
            {target_id: data.keys.get(target_id, ()) for target_id in targets},
        )

    def _record(self, before: Delivery | None, after: Delivery | None) -> None:
        """Record a change for those who watch it."""
        if not self._data.watches:
            return
        change = recorded(before, after, self._now_ms)
        if change is None or self._data.watches.get(change.delivery.owner, (0, 0))[1] <= self._now_ms:
            return
        position = self._data.last_change + 1
        self._log.set("last_change", position)
        self._log.put(self._data.changes, position, change)
