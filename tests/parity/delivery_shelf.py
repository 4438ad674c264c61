"""The deliveries that rows look at, which no row ever changes, and those that each driver's owner may change.

They are put into the store, since no call can say when one is made or how its attempts end.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from actiond_protos.actiond.v1 import delivery_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions.deliveries import Attempt, AttemptKind, DeathReason, Delivery, DeliveryState
from actiond.actions.events import Event, qualified_id
from actiond.actions.ids import EPOCH_MS, TIME_SHIFT
from actiond.actions.ports import Store, Transaction
from actiond.actions.target_health import TargetHealth
from actiond.actions.targets import Target, TargetType
from tests.parity.callers import Caller
from tests.parity.delivery_calls import delivery_named

OWNER = "330000000000000001"
TOKEN = "a-token-for-the-delivery-shelf"
CALLER = Caller(TOKEN, OWNER)
TARGET, HELD_TARGET = "5100", "5200"

_BEGIN_MS = time.time_ns() // 1_000_000 - 3_600_000
"""An hour ago."""
_FUTURE_MS = _BEGIN_MS + 40 * 3_600_000
"""When what waits is due: within twice the delay of retries that the server is told of."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A delivery. `created` counts seconds from the beginning."""

    name: str
    created: int
    target_id: str
    event_type: str
    aggregate_id: str
    sequence: int
    state: DeliveryState
    due_ms: int | None = None
    reason: DeathReason | None = None
    attempts: Sequence[Attempt] = ()

    def id(self, owner: str = OWNER) -> int:
        """Return its id, in which the owner takes the place of a worker's number and a counter."""
        return (_BEGIN_MS + self.created * 1_000 - EPOCH_MS << TIME_SHIFT) + int(owner) % 1_000

    def event(self, owner: str = OWNER) -> Event:
        aggregate_id = qualified_id(owner, "order", self.aggregate_id)
        payload = {"number": self.created, "name": self.name}
        at_ns = (_BEGIN_MS + self.created * 1_000) * 1_000_000 + 5
        return Event(owner, "order", aggregate_id, self.sequence, self.event_type, payload, "tests", at_ns)

    def stored(self, owner: str, position: int) -> Delivery:
        """Return the delivery as the store keeps it, unless it is delivered."""
        last = self.attempts[-1] if self.attempts else None
        return Delivery(
            id=self.id(owner),
            owner=owner,
            target_id=self.target_id,
            event_position=position,
            execution="event",
            aggregate=self.event(owner).aggregate,
            sequence=self.sequence,
            since_ms=_BEGIN_MS + self.created * 1_000,
            state=self.state,
            due_ms=self.due_ms,
            attempts=len(self.attempts),
            tries=len(self.attempts),
            is_tried=last is not None,
            reason=self.reason,
            last_outcome="" if last is None else last.outcome,
            last_status=None if last is None else last.status,
            last_ms=self._last_ms(),
        )

    def _last_ms(self) -> int:
        """Return when its last attempt began; a dead one without attempts was given up at the beginning."""
        if self.attempts:
            return self.attempts[-1].at_ms
        return _BEGIN_MS if self.state is DeliveryState.DEAD else 0

    def message(self) -> pb.Delivery:
        """Return it as the API is to show it."""
        event, last = self.event(), self.attempts[-1] if self.attempts else None
        shown = pb.Delivery(
            delivery_id=str(self.id()),
            target_id=self.target_id,
            state=f"DELIVERY_STATE_{self.state.name}",
            death_reason=None if self.reason is None else f"DEATH_REASON_{self.reason.name}",
            create_time=_time(_BEGIN_MS + self.created * 1_000),
            attempt_count=len(self.attempts),
            execution="event",
            event=pb.Event(
                type=self.event_type,
                aggregate_type="order",
                aggregate_id=self.aggregate_id,
                sequence=self.sequence,
                editor_id="tests",
            ),
        )
        shown.event.create_time.FromNanoseconds(event.created_at_ns)
        if last is not None:
            shown.last_outcome, shown.last_http_status = last.outcome, last.status or 0
        if self._last_ms():
            shown.update_time.CopyFrom(_time(self._last_ms()))
        if self.due_ms is not None:
            shown.next_attempt_time.CopyFrom(_time(self.due_ms))
        return shown


def _attempt(number: int, outcome: str, status: int | None, kind: AttemptKind = AttemptKind.QUEUED) -> Attempt:
    """Return an attempt, one of a delivery that is filled in later."""
    at_ms = _BEGIN_MS + 60_000 * number + 7
    return Attempt(0, number, OWNER, "", 0, "event", kind, at_ms, 1_500 * number, outcome, status, 3)


_TIMED_OUT, _FAILED = _attempt(1, "timeout", None), _attempt(2, "status", 503, AttemptKind.PROBE)
_GONE, _OK = _attempt(1, "status", 410), _attempt(2, "ok", 204, AttemptKind.MANUAL)

WAITING = Shelved("waiting", 1, TARGET, "order.placed", "1", 1, DeliveryState.WAITING, due_ms=_FUTURE_MS)
BEHIND = Shelved("behind", 2, TARGET, "order.paid", "1", 2, DeliveryState.BEHIND)
PARKED = Shelved("parked", 3, HELD_TARGET, "order.placed", "2", 1, DeliveryState.PARKED, attempts=(_GONE,))
DEAD = Shelved(
    "dead",
    4,
    TARGET,
    "order.placed",
    "3",
    1,
    DeliveryState.DEAD,
    reason=DeathReason.ATTEMPTS,
    attempts=(_TIMED_OUT, _FAILED),
)
CANCELLED = Shelved("cancelled", 5, TARGET, "order.cancelled", "3", 2, DeliveryState.DEAD, reason=DeathReason.CANCELLED)
DELIVERED = Shelved("delivered", 6, TARGET, "order.placed", "4", 1, DeliveryState.DELIVERED, attempts=(_TIMED_OUT, _OK))
ALL = (DELIVERED, CANCELLED, DEAD, PARKED, BEHIND, WAITING)
"""The newest first."""
HEALTH = TargetHealth(HELD_TARGET, OWNER, failures=1, failing_since_ms=_BEGIN_MS, is_held=True, reason="status 410")

_MINE = "5300"
"""The id, without the owner's number, of a target of which each driver's owner has one."""
TO_RETRY = Shelved("to retry", 10, _MINE, "order.placed", "10", 1, DeliveryState.DEAD, reason=DeathReason.CANCELLED)
TO_CANCEL = Shelved("to cancel", 11, _MINE, "order.placed", "11", 1, DeliveryState.WAITING, due_ms=_FUTURE_MS)
MANY = tuple(
    Shelved(f"one of many, {number}", 20 + number, _MINE, "order.paid", f"{20 + number}", 1, state, due_ms, reason)
    for number, (state, due_ms, reason) in enumerate(
        [(DeliveryState.DEAD, None, DeathReason.AGE)] * 3 + [(DeliveryState.WAITING, _FUTURE_MS, None)] * 2
    )
)


def known_deliveries(owner: str) -> Mapping[str, str]:
    """Return the ids of the deliveries that an owner may change, by what stands for them in rows."""
    return {delivery_named(shelved.name): str(shelved.id(owner)) for shelved in (TO_RETRY, TO_CANCEL)}


async def fill(store: Store, owners: Sequence[str]) -> None:
    """Put everything where it belongs."""

    def change(transaction: Transaction) -> None:
        for target_id in (TARGET, HELD_TARGET):
            _add_target(transaction, OWNER, target_id)
        _add(transaction, OWNER, reversed(ALL))
        transaction.deliveries.put_health([HEALTH])
        for owner in owners:
            _add_target(transaction, owner, my_target(owner))
            mine = (replace(one, target_id=my_target(owner)) for one in (TO_RETRY, TO_CANCEL, *MANY))
            _add(transaction, owner, mine)

    await store.write(change)


def my_target(owner: str) -> str:
    """Return the id of the target that a driver's owner has from the beginning."""
    return _MINE + owner[-3:]


def _add_target(transaction: Transaction, owner: str, target_id: str) -> None:
    at_ns = _BEGIN_MS * 1_000_000
    target = Target(
        id=target_id,
        owner=owner,
        name=f"a target with deliveries, {target_id}",
        type=TargetType.WEBHOOK,
        interrupt_on_error=False,
        timeout_ns=10**9,
        endpoint="https://example.com/deliveries",
        sequence=1,
        created_at_ns=at_ns,
        changed_at_ns=at_ns,
    )
    transaction.targets.insert(target, ())
    transaction.append(Event(owner, "target", target_id, 1, "target.added", {}, "tests", at_ns))


def _add(transaction: Transaction, owner: str, shelved: Iterable[Shelved]) -> None:
    for one in shelved:
        wanted = one.stored(owner, transaction.append(one.event(owner)))
        attempts = [
            replace(attempt, delivery_id=wanted.id, target_id=wanted.target_id, event_position=wanted.event_position)
            for attempt in one.attempts
        ]
        transaction.deliveries.log(attempts)
        if one.state is not DeliveryState.DELIVERED:
            transaction.deliveries.enqueue([replace(wanted, state=DeliveryState.WAITING, due_ms=_FUTURE_MS)])
            (enqueued,) = transaction.deliveries.with_ids([wanted.id])
            transaction.deliveries.save([(enqueued, wanted)])


def _time(ms: int) -> Timestamp:
    message = Timestamp()
    message.FromMilliseconds(ms)
    return message
