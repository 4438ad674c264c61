"""Stores deliveries, their attempts and the health of targets: the repository of a transaction, and rows."""
# ruff: noqa: S608  # the statements consist of constants

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from actiond.actions.deliveries import Attempt, AttemptKind, DeathReason, Delivery, DeliveryState
from actiond.actions.errors import StoreError
from actiond.actions.ids import first_id
from actiond.actions.ports import MAX_LEASE_MS, DeliveryChange, Subjects
from actiond.actions.target_health import TargetHealth
from actiond.actions.watching import recorded
from actiond.storage.sqlite import delivery_changes, events, signing_keys, targets
from actiond.storage.sqlite.batch import ALL_OWNERS, MAX_CACHED_TARGETS, Batch, CachedTarget
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import Row, as_json, from_json, json_list, rows_to_json

_STATIC = "owner, target_id, event_position, execution, aggregate, sequence"
_VARYING = (
    "since_ms, state, due_ms, claim, attempts, tries, is_tried, kind, reason, last_outcome, last_status, last_ms,"
    " claimed_ms"
)
COLUMNS = f"id, {_STATIC}, {_VARYING}"
"""What `from_row` reads."""

# A delivery goes first unless one that waits or is parked has had no first result. SQLite takes the index only if its
# own condition, `state <> 'dead'`, is in the statement.
_IS_BEHIND_ONE = """
EXISTS (
    SELECT 1 FROM deliveries AS first
    WHERE first.target_id = {target} AND first.aggregate = {aggregate} AND first.is_tried = 0
        AND first.state IN ('waiting', 'parked') AND first.state <> 'dead')
"""
_INSERT = f"INSERT INTO deliveries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_MANY = f"INSERT INTO deliveries ({COLUMNS}) SELECT {from_json(range(20))} FROM json_each(?) AS new"
# Parameter: a JSON array of ids, targets and aggregates.
_BEHIND = f"""
SELECT json_group_array(json_extract(new.value, '$[0]')) FROM json_each(?) AS new
WHERE {_IS_BEHIND_ONE.format(target="json_extract(new.value, '$[1]')", aggregate="json_extract(new.value, '$[2]')")}
"""
# Parameter: a JSON array of rows, of the id and then _VARYING.
_UPDATE = f"""
UPDATE deliveries SET ({_VARYING}) = ({from_json(range(1, 14))})
FROM json_each(?) AS new WHERE deliveries.id = json_extract(new.value, '$[0]')
"""
_DELETE = "DELETE FROM deliveries WHERE id IN (SELECT value FROM json_each(?))"
_DUE = as_json(COLUMNS, "deliveries WHERE due_ms <= ? ORDER BY due_ms LIMIT ?")
NEXT_DUE = "SELECT min(due_ms) FROM deliveries WHERE due_ms IS NOT NULL"
_WITH_IDS = as_json(COLUMNS, "deliveries WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id")
_OTHERS_WAIT = """
SELECT EXISTS (
    SELECT 1 FROM delivery_counts INDEXED BY delivery_counts_waiting
    WHERE state = 'waiting' AND deliveries > 0 AND owner <> '' AND owner <> ?)
"""
# Parameters: the due moment, the claim, when it is made, and a JSON array of ids. It leaves the state alone, and
# with it the indexes that depend on one.
_CLAIM = """
UPDATE deliveries SET due_ms = ?, claim = ?, claimed_ms = ?, attempts = attempts + 1, tries = tries + 1
WHERE id IN (SELECT value FROM json_each(?))
"""
_CLAIMS = as_json("id, claim, due_ms", "deliveries WHERE id IN (SELECT value FROM json_each(?))")
_WANTED = "json_extract(wanted.value, '$[0]')", "json_extract(wanted.value, '$[1]')"
# Parameter: a JSON array of targets and aggregates. Whether one goes first is looked up once for each of them.
_NEXT_BEHIND = as_json(
    COLUMNS,
    f"""
    json_each(?) AS wanted JOIN deliveries ON deliveries.id = CASE
        WHEN NOT {_IS_BEHIND_ONE.format(target=_WANTED[0], aggregate=_WANTED[1])}
        THEN (
            SELECT next.id FROM deliveries AS next
            WHERE next.target_id = {_WANTED[0]} AND next.aggregate = {_WANTED[1]} AND next.is_tried = 0
                AND next.state = 'behind' AND next.state <> 'dead'
            ORDER BY next.sequence LIMIT 1)
        END
    """,
    prefix="deliveries.",
)
_PARKED = as_json(COLUMNS, "deliveries WHERE target_id = ? AND state = 'parked' ORDER BY id LIMIT ?")
_PARKED_NEWEST = as_json(COLUMNS, "deliveries WHERE target_id = ? AND state = 'parked' ORDER BY id DESC LIMIT ?")
_UNFINISHED_OF = as_json(COLUMNS, "deliveries WHERE target_id = ? AND state <> 'dead' LIMIT ?")
_AFTER = as_json(COLUMNS, "deliveries WHERE id > ? ORDER BY id LIMIT ?")
_DEAD_BEFORE = as_json(COLUMNS, "deliveries WHERE state = 'dead' AND last_ms < ? ORDER BY last_ms LIMIT ?")
# Steps from one target to the next: there may be many deliveries of each.
_PARKED_TARGETS = """
WITH RECURSIVE found (target_id) AS (
    SELECT min(target_id) FROM deliveries WHERE state = 'parked' AND target_id > ?
    UNION ALL
    SELECT (SELECT min(target_id) FROM deliveries WHERE state = 'parked' AND target_id > found.target_id)
    FROM found WHERE target_id IS NOT NULL)
SELECT target_id FROM found WHERE target_id IS NOT NULL LIMIT ?
"""
_HOLD_LEASE = "UPDATE housekeeping SET keeper = ?, until_ms = ? WHERE keeper = ? OR until_ms <= ? OR until_ms > ?"
_COUNTS = "SELECT owner, state, deliveries FROM delivery_counts WHERE owner IN (?, '') AND state <> 'dead'"
TOTALS = "SELECT state, deliveries FROM delivery_counts WHERE owner = ''"
ADD_TO_COUNT = """
INSERT INTO delivery_counts (owner, state, deliveries) VALUES (?, ?, ?)
ON CONFLICT (owner, state) DO UPDATE SET deliveries = deliveries + excluded.deliveries
"""

ATTEMPT_COLUMNS = (
    "delivery_id, number, owner, target_id, event_position, execution, kind, at_ms, duration_ms, outcome, status,"
    " worker"
)
# An attempt that was thought to be lost may still end.
_LOG = f"""
INSERT INTO attempts ({ATTEMPT_COLUMNS}) SELECT {from_json(range(12))} FROM json_each(?) AS new WHERE true
ON CONFLICT (delivery_id, number) DO UPDATE SET
    at_ms = excluded.at_ms, duration_ms = excluded.duration_ms, outcome = excluded.outcome, status = excluded.status
WHERE attempts.outcome = 'lost'
"""

# Parameters: an id, the id that a delivery of the moment would have, and a limit. An attempt is no older than its
# delivery, and the order of ids is the table's own.
_OLD_ATTEMPTS = as_json(
    "delivery_id, number, at_ms",
    "attempts WHERE delivery_id > ? AND delivery_id < ? ORDER BY delivery_id, number LIMIT ?",
)
_PRUNE_ATTEMPTS = f"""
DELETE FROM attempts WHERE (delivery_id, number) IN (SELECT {from_json(range(2))} FROM json_each(?) AS new)
"""

HEALTH_COLUMNS = (
    "target_id, owner, failures, failing_since_ms, paused_until_ms, is_held, pauses, probe, reason, portion, pending"
)
_HEALTH = f"SELECT {HEALTH_COLUMNS} FROM target_health WHERE target_id IN (SELECT value FROM json_each(?))"
_PUT_HEALTH = f"REPLACE INTO target_health ({HEALTH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE_HEALTH = "DELETE FROM target_health WHERE target_id = ?"
_PRUNE_HEALTH = """
DELETE FROM target_health WHERE target_id IN (
    SELECT target_id FROM target_health AS health
    WHERE NOT EXISTS (
        SELECT 1 FROM targets
        WHERE owner = health.owner AND id_length = length(health.target_id) AND id = health.target_id)
    LIMIT ?)
"""
_ENDED_PAUSES = f"""
SELECT {HEALTH_COLUMNS} FROM target_health WHERE paused_until_ms <= ? ORDER BY paused_until_ms LIMIT ?
"""
_PAUSES_AFTER = f"SELECT {HEALTH_COLUMNS} FROM target_health WHERE paused_until_ms > ? LIMIT ?"
PAUSED_TARGETS = "SELECT count(*) FROM target_health WHERE is_held = 1 OR paused_until_ms IS NOT NULL"
_EVENTS = as_json(
    f"position, {events.COLUMNS}",
    f"events WHERE position IN (SELECT value FROM json_each(?)) AND payload <> '{events.PRUNED}'",
)
# Parameter: a JSON array of owners, lengths of ids, and ids.
_TARGET_SEQUENCES = as_json(
    "id, sequence",
    """
    json_each(?) AS wanted CROSS JOIN targets ON targets.owner = json_extract(wanted.value, '$[0]')
        AND targets.id_length = json_extract(wanted.value, '$[1]')
        AND targets.id = json_extract(wanted.value, '$[2]')
    """,
    prefix="targets.",
)


class SqliteDeliveries:
    """Reads and writes the deliveries of one transaction."""

    __slots__ = ("_batch", "_cursor", "_enqueued", "growth", "has_due")

    def __init__(self, cursor: GuardedCursor, batch: Batch) -> None:
        self._cursor = cursor
        self._batch = batch
        self._enqueued = 0
        self.growth: Counter[tuple[str, str]] = Counter()
        """Change in the number of deliveries, by owner and state."""
        self.has_due = False
        """Whether a delivery has become due."""

    def now_ms(self) -> int:
        return self._batch.now_ms

    def enqueued(self) -> int:
        return self._enqueued

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        if len({delivery.order_key for delivery in deliveries}) < len(deliveries):
            for delivery in deliveries:  # one may be behind another
                self.enqueue([delivery])
            return
        behind = self._behind(deliveries)
        enqueued = [delivery.behind() if delivery.id in behind else delivery for delivery in deliveries]
        if len(enqueued) == 1:
            self._cursor.execute(_INSERT, to_row(enqueued[0]))
        else:
            self._cursor.execute(_INSERT_MANY, (rows_to_json([*map(to_row, enqueued)]),))
        self._enqueued += len(enqueued)
        for delivery in enqueued:
            self._count(delivery.owner, delivery.state, 1)
            self.has_due = self.has_due or delivery.due_ms is not None
        self._record([(None, delivery) for delivery in enqueued])

    def _behind(self, deliveries: Sequence[Delivery]) -> Collection[int]:
        """Return the ids of new deliveries that others go before."""
        # The first event of an aggregate has none before it.
        later = [(delivery.id, *delivery.order_key) for delivery in deliveries if delivery.sequence > 1]
        return (
            set(self._cursor.read(lambda rows: orjson.loads(rows[0][0]), _BEHIND, (rows_to_json(later),)))
            if later
            else ()
        )

    def unfinished(self, owner: str) -> tuple[int, int]:
        own = sum(more for (_, state), more in self.growth.items() if state != DeliveryState.DEAD.value)
        return self._counts(owner).total() + own, self._counts(ALL_OWNERS).total() + own

    def waiting(self, owner: str) -> int:
        state = DeliveryState.WAITING.value
        return self._counts(owner)[state] + self.growth[owner, state]

    def _counts(self, owner: str) -> Counter[str]:
        """Return how many unfinished deliveries the owner, or ALL_OWNERS, has by state before this transaction.

        It is read once for the batch.
        """
        known = self._batch.unfinished
        if owner not in known:
            stored = self._cursor.read(lambda rows: [*rows], _COUNTS, (owner,))
            for counted in {owner, ALL_OWNERS} - known.keys():
                counts = known[counted] = Counter({state: count for one, state, count in stored if one == counted})
                for (one, state), more in self._batch.deliveries.items():
                    if counted in (one, ALL_OWNERS) and state != DeliveryState.DEAD.value:
                        counts[state] += more
        return known[owner]

    def due(self, now_ms: int, limit: int) -> Sequence[Delivery]:
        return self._read(_DUE, (now_ms, limit))

    def others_wait(self, owner: str) -> bool:
        # Those that this batch has added may be missed: the next exchange sees them.
        return bool(self._cursor.read_value(_OTHERS_WAIT, (owner,)))

    def with_ids(self, ids: Sequence[int]) -> Sequence[Delivery]:
        return self._read(_WITH_IDS, (rows_to_json(list(ids)),)) if ids else []

    def still_claimed(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        if not deliveries:
            return []
        ids = rows_to_json([delivery.id for delivery in deliveries])
        rows = {one: (claim, due_ms) for one, claim, due_ms in self._cursor.read_json(_CLAIMS, (ids,))}
        held = []
        for delivery in deliveries:
            claim, due_ms = rows.get(delivery.id, (0, None))
            # Nothing else of a row changes while it is claimed.
            if claim == delivery.claim:
                held.append(delivery if due_ms == delivery.due_ms else replace(delivery, due_ms=due_ms))
        return held

    def next_behind(self, order_keys: Sequence[tuple[str, str]]) -> Sequence[Delivery]:
        return self._read(_NEXT_BEHIND, (rows_to_json(order_keys),))

    def parked(self, target_id: str, limit: int, *, newest: bool = False) -> Sequence[Delivery]:
        return self._read(_PARKED_NEWEST if newest else _PARKED, (target_id, limit))

    def unfinished_of(self, target_id: str, limit: int) -> Sequence[Delivery]:
        return self._read(_UNFINISHED_OF, (target_id, limit))

    def save(self, changes: Sequence[DeliveryChange]) -> None:
        claimed: dict[tuple[int | None, int, int], list[int]] = {}
        updated: list[Row] = []
        deleted: list[int] = []
        for before, after in changes:
            if after is None:
                deleted.append(before.id)
                self._count(before.owner, before.state, -1)
                continue
            if before.state is not after.state:
                self._count(before.owner, before.state, -1)
                self._count(before.owner, after.state, 1)
            elif after.claim and after.kind is before.kind and after.attempts > before.attempts:
                claimed.setdefault((after.due_ms, after.claim, after.claimed_ms), []).append(after.id)
                continue
            updated.append((after.id, *_varying(after)))
            if after.due_ms is not None and not after.claim:
                self.has_due = True
        for key, ids in claimed.items():
            self._cursor.execute(_CLAIM, (*key, rows_to_json(ids)))
        if updated:
            self._cursor.execute(_UPDATE, (rows_to_json(updated),))
        if deleted:
            self._cursor.execute(_DELETE, (rows_to_json(deleted),))
        self._record(changes)

    def log(self, attempts: Sequence[Attempt]) -> None:
        self._cursor.execute(_LOG, (rows_to_json([attempt_to_row(attempt) for attempt in attempts]),))

    def health(self, target_ids: Sequence[str]) -> Mapping[str, TargetHealth]:
        found = self._cursor.read(lambda rows: [*map(health_from_row, rows)], _HEALTH, (json_list(target_ids),))
        return {health.target_id: health for health in found}

    def put_health(self, health: Sequence[TargetHealth]) -> None:
        for one in health:
            if one.is_trivial:
                self._cursor.execute(_DELETE_HEALTH, (one.target_id,))
            else:
                self._cursor.execute(_PUT_HEALTH, health_to_row(one))

    def ended_pauses(self, now_ms: int, limit: int) -> Sequence[TargetHealth]:
        return self._cursor.read(lambda rows: [*map(health_from_row, rows)], _ENDED_PAUSES, (now_ms, limit))

    def pauses_after(self, moment_ms: int, limit: int) -> Sequence[TargetHealth]:
        return self._cursor.read(lambda rows: [*map(health_from_row, rows)], _PAUSES_AFTER, (moment_ms, limit))

    def after(self, delivery_id: int, limit: int) -> Sequence[Delivery]:
        return self._read(_AFTER, (delivery_id, limit))

    def parked_targets(self, after: str, limit: int) -> Sequence[str]:
        return self._cursor.read(lambda rows: [row[0] for row in rows], _PARKED_TARGETS, (after, limit))

    def dead_before(self, moment_ms: int, limit: int) -> Sequence[Delivery]:
        return self._read(_DEAD_BEFORE, (moment_ms, limit))

    def prune_attempts(self, before_ms: int, after: int, limit: int) -> int | None:
        rows = self._cursor.read_json(_OLD_ATTEMPTS, (after, first_id(before_ms), limit))
        old = [(delivery_id, number) for delivery_id, number, at_ms in rows if at_ms < before_ms]
        if old:
            self._cursor.execute(_PRUNE_ATTEMPTS, (rows_to_json(old),))
        if len(rows) < limit:
            return None
        last: int = rows[-1][0]
        # Not all attempts of the last delivery may have been among them.
        return last - 1 if last - 1 > after else last

    def watch(self, owner: str, until_ms: int) -> int:
        self._batch.watched = None
        return delivery_changes.watch(self._cursor, owner, self._batch.now_ms, until_ms)

    def prune_health(self, limit: int) -> int:
        return self._cursor.execute(_PRUNE_HEALTH, (limit,)).rowcount

    def prune_changes(self, before_ms: int, limit: int) -> int:
        return delivery_changes.prune(self._cursor, before_ms, limit)

    def hold_lease(self, keeper: int, now_ms: int, until_ms: int) -> bool:
        return self._cursor.execute(_HOLD_LEASE, (keeper, until_ms, keeper, now_ms, now_ms + MAX_LEASE_MS)).rowcount > 0

    def subjects(self, deliveries: Sequence[Delivery], *, with_events: bool = True) -> Subjects:
        positions = sorted({delivery.event_position for delivery in deliveries}) if with_events else []
        found = self._targets({(delivery.owner, delivery.target_id) for delivery in deliveries})
        rows = self._cursor.read_json(_EVENTS, (rows_to_json(positions),)) if positions else ()
        return Subjects(
            {position: events.stored_from_row(tuple(row)) for position, *row in rows},
            {target_id: target for target_id, (target, _) in found.items()},
            {target_id: keys for target_id, (_, keys) in found.items()},
        )

    def _targets(self, wanted: Collection[tuple[str, str]]) -> Mapping[str, CachedTarget]:
        """Return targets and their keys. A change to either raises the target's sequence, so that alone is read."""
        cache = self._batch.cached_targets
        sequences = self._cursor.read_json(
            _TARGET_SEQUENCES, (rows_to_json([targets.key(owner, target_id) for owner, target_id in wanted]),)
        )
        owners = {target_id: owner for owner, target_id in wanted}
        found = {}
        for target_id, sequence in sequences:
            known = cache.get(target_id)
            if known is None or known[0].sequence != sequence:
                known = self._read_target(owners[target_id], target_id)
                if len(cache) >= MAX_CACHED_TARGETS:
                    cache.clear()
                cache[target_id] = known
            found[target_id] = known
        return found

    def _read_target(self, owner: str, target_id: str) -> CachedTarget:
        target = self._cursor.read_first(targets.from_row, targets.BY_ID, targets.key(owner, target_id))
        if target is None:
            raise StoreError(f"target {target_id} is gone within a transaction")
        keys = self._cursor.read(
            lambda rows: tuple(map(signing_keys.from_row, rows)), signing_keys.OF_TARGET, (target_id,)
        )
        return target, keys

    def _record(self, changes: Sequence[tuple[Delivery | None, Delivery | None]]) -> None:
        """Record changes for those who watch them."""
        watched = self._batch.watched
        if watched is None:
            watched = self._batch.watched = delivery_changes.watched(self._cursor, self._batch.now_ms)
        if not watched:
            return
        seen = (recorded(before, after, self._batch.now_ms) for before, after in changes)
        kept = [change for change in seen if change is not None and change.delivery.owner in watched]
        if kept:
            delivery_changes.record(self._cursor, kept)

    def _read(self, statement: str, parameters: Row) -> list[Delivery]:
        return [*map(from_row, self._cursor.read_json(statement, parameters))]

    def _count(self, owner: str, state: DeliveryState, more: int) -> None:
        self.growth[owner, state.value] += more


def counts_to_rows(growth: Mapping[tuple[str, str], int]) -> list[Row]:
    """Return the parameters of ADD_TO_COUNT: for each owner, and for all."""
    of_all: Counter[str] = Counter()
    rows: list[Row] = []
    for (owner, state), more in growth.items():
        if more:
            rows.append((owner, state, more))
            of_all[state] += more
    return rows + [(ALL_OWNERS, state, more) for state, more in of_all.items() if more]


def to_row(delivery: Delivery) -> Row:
    """Return all columns."""
    return (
        delivery.id,
        delivery.owner,
        delivery.target_id,
        delivery.event_position,
        delivery.execution,
        delivery.aggregate,
        delivery.sequence,
        *_varying(delivery),
    )


def _varying(delivery: Delivery) -> Row:
    return (
        delivery.since_ms,
        delivery.state.value,
        delivery.due_ms,
        delivery.claim,
        delivery.attempts,
        delivery.tries,
        int(delivery.is_tried),
        delivery.kind.value,
        None if delivery.reason is None else delivery.reason.value,
        delivery.last_outcome,
        delivery.last_status,
        delivery.last_ms,
        delivery.claimed_ms,
    )


def from_row(row: Sequence[Any]) -> Delivery:
    """Return the delivery in a row of COLUMNS."""
    (
        delivery_id,
        owner,
        target_id,
        event_position,
        execution,
        aggregate,
        sequence,
        since_ms,
        state,
        due_ms,
        claim,
        attempts,
        tries,
        is_tried,
        kind,
        reason,
        last_outcome,
        last_status,
        last_ms,
        claimed_ms,
    ) = row
    return Delivery(
        delivery_id,
        owner,
        target_id,
        event_position,
        execution,
        aggregate,
        sequence,
        since_ms,
        _STATES[state],
        due_ms,
        claim,
        attempts,
        tries,
        bool(is_tried),
        _KINDS[kind],
        None if reason is None else DeathReason(reason),
        last_outcome,
        last_status,
        last_ms,
        claimed_ms,
    )


_STATES = {state.value: state for state in DeliveryState}
_KINDS = {kind.value: kind for kind in AttemptKind}


def attempt_to_row(attempt: Attempt) -> Row:
    """Return all columns."""
    return (
        attempt.delivery_id,
        attempt.number,
        attempt.owner,
        attempt.target_id,
        attempt.event_position,
        attempt.execution,
        attempt.kind.value,
        attempt.at_ms,
        attempt.duration_ms,
        attempt.outcome,
        attempt.status,
        attempt.worker,
    )


def attempt_from_row(row: Row) -> Attempt:
    """Return the attempt in a row with all columns."""
    delivery_id, number, owner, target_id, position, execution, kind, at_ms, duration_ms, outcome, status, worker = row
    return Attempt(
        delivery_id,
        number,
        owner,
        target_id,
        position,
        execution,
        _KINDS[kind],
        at_ms,
        duration_ms,
        outcome,
        status,
        worker,
    )


def health_to_row(health: TargetHealth) -> Row:
    """Return all columns."""
    return (
        health.target_id,
        health.owner,
        health.failures,
        health.failing_since_ms,
        health.paused_until_ms,
        int(health.is_held),
        health.pauses,
        health.probe,
        health.reason,
        health.portion,
        health.pending,
    )


def health_from_row(row: Row) -> TargetHealth:
    """Return the health in a row with all columns."""
    target_id, owner, failures, failing_since_ms, paused_until_ms, is_held, *rest = row
    return TargetHealth(target_id, owner, failures, failing_since_ms, paused_until_ms, bool(is_held), *rest)
