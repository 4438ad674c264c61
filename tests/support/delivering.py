"""Delivering for tests: a clock that is set, targets that wait for events, and workers that call nobody.

What a worker does with the store, it does through the use cases, as executions/courier.py does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from actiond.actions.conditions import parse_key
from actiond.actions.deliveries import CANCELLED, OK, Claimed, Delivery, DeliveryPolicy
from actiond.actions.events import EXECUTION, Event, qualified_id
from actiond.actions.executions import Execution
from actiond.actions.ids import IdGenerator
from actiond.actions.ports import Store, Transaction
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.actions.use_cases import delivering
from actiond.actions.use_cases.adopting import find_crowd
from actiond.actions.use_cases.delivering import Exchange, Exchanged, Result
from actiond.actions.use_cases.fan_out import EventFanOut
from actiond.executions.places import AttemptPlaces

BEGIN_NS = 1_800_000_000 * 10**9
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000

POLICY = DeliveryPolicy(
    retry_delays_ms=(5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS),
    max_age_ms=5 * DAY_MS,
    lease_ms=60 * SECOND_MS,
    pause_failures=8,
    pause_failing_ms=30 * SECOND_MS,
    attempt_retention_ms=7 * DAY_MS,
    dead_retention_ms=30 * DAY_MS,
)


class FakeClock:
    """Nanoseconds since the epoch, which pass when they are told to."""

    def __init__(self, ns: int = BEGIN_NS) -> None:
        self.ns = ns

    def __call__(self) -> int:
        return self.ns

    @property
    def ms(self) -> int:
        return self.ns // 1_000_000

    def pass_ms(self, ms: int) -> None:
        self.ns += ms * 1_000_000


def nothing() -> None:
    """Do nothing when deliveries have become due."""


def start_delivering(
    store: Store, clock: Callable[[], int], on_enqueued: Callable[[], object] = nothing, *, worker: int = 0
) -> None:
    """Let a store enqueue deliveries of the events that are appended from now on."""
    store.deliver(EventFanOut(IdGenerator(worker, clock)), on_enqueued)


def a_target(target_id: str, owner: str, at_ns: int = BEGIN_NS) -> Target:
    return Target(
        id=target_id,
        owner=owner,
        name=f"target {target_id}",
        type=TargetType.WEBHOOK,
        interrupt_on_error=False,
        timeout_ns=10 * 10**9,
        endpoint=f"https://example.com/{target_id}",
        sequence=1,
        created_at_ns=at_ns,
        changed_at_ns=at_ns,
    )


def add_target(transaction: Transaction, target: Target) -> None:
    transaction.targets.insert(target, [SigningKey(b"sealed")])
    append(transaction, target.owner, "target", target.id, "target.added")


def remove_target(transaction: Transaction, owner: str, target_id: str) -> None:
    """Remove a target, and first the executions' steps that name it."""
    for execution in transaction.executions.with_step(owner, target_id):
        steps = [step for step in execution.steps if step != target_id]
        set_execution(transaction, owner, execution.condition.key, [step for step in steps if isinstance(step, str)])
    target = transaction.targets.get(owner, target_id)
    assert target is not None
    transaction.targets.delete(target)
    append(transaction, owner, "target", target_id, "target.removed")


def set_execution(transaction: Transaction, owner: str, key: str, target_ids: Sequence[str]) -> None:
    """Let events of a condition be delivered to these targets; to none, if there are none."""
    condition = parse_key(key)
    aggregate_id = qualified_id(owner, EXECUTION, key)
    sequence = transaction.last_sequence(EXECUTION, aggregate_id) + 1
    execution = Execution(owner, condition, tuple(target_ids), sequence, BEGIN_NS, BEGIN_NS + sequence)
    if target_ids:
        transaction.executions.put(execution)
    else:
        transaction.executions.delete(execution)
    append(transaction, owner, EXECUTION, aggregate_id, "execution.set" if target_ids else "execution.removed")


def append(transaction: Transaction, owner: str, aggregate_type: str, aggregate_id: str, event_type: str) -> Event:
    """Append the next event of an aggregate."""
    sequence = transaction.last_sequence(aggregate_type, aggregate_id) + 1
    event = Event(owner, aggregate_type, aggregate_id, sequence, event_type, {"number": sequence}, "editor", BEGIN_NS)
    transaction.append(event)
    return event


async def subscribe(store: Store, owner: str, target_ids: Iterable[str], key: str = "event/order.placed") -> None:
    """Add targets, and let events of a condition be delivered to them."""
    added = list(target_ids)

    def change(transaction: Transaction) -> None:
        for target_id in added:
            add_target(transaction, a_target(target_id, owner))
        set_execution(transaction, owner, key, added)

    await store.write(change)


async def publish(store: Store, owner: str, *orders: str) -> None:
    """Append an event of each of these orders, in one transaction."""

    def change(transaction: Transaction) -> None:
        for order in orders:
            append(transaction, owner, "order", qualified_id(owner, "order", order), "order.placed")

    await store.write(change)


def all_rows(transaction: Transaction) -> dict[int, Delivery]:
    """Return all deliveries that have a row, by id."""
    return {row.id: row for row in transaction.deliveries.after(0, 1_000_000)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt of a test ends."""

    outcome: str
    status: int | None = None
    retry_after_ms: int | None = None


DELIVERED = Ended(OK, 200)
FAILED = Ended("status", 500)
UNREACHABLE = Ended("connect")
GONE = Ended("status", 410)
BUSY = Ended("status", 429, 20 * SECOND_MS)
CUT = Ended(CANCELLED)


@dataclass(slots=True)
class Worker:
    """Claims deliveries and ends their attempts as a test says. It has places, and remembers crowded targets."""

    store: Store
    number: int
    policy: DeliveryPolicy = POLICY
    attempts: int = 128
    per_target: int = 32
    jitter: float = 1.0
    running: dict[tuple[int, int], Claimed] = field(default_factory=dict)
    """By id and claim."""
    crowded: dict[str, str] = field(default_factory=dict)
    places: AttemptPlaces = field(init=False)
    _counter: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.places = AttemptPlaces(self.attempts, self.per_target)

    async def exchange(
        self,
        ended: Mapping[tuple[int, int], Ended] | None = None,
        returned: Iterable[tuple[int, int]] = (),
        *,
        limit: int = 64,
        is_due: bool = True,
    ) -> Exchanged:
        """Hand results back, and claim up to `limit` deliveries."""
        results = [self._result(self.running.pop(key), how) for key, how in (ended or {}).items()]
        unattempted = [self.running.pop(key).delivery for key in returned]
        for delivery in (*(result.delivery for result in results), *unattempted):
            self.places.give_back(delivery.owner, delivery.target_id)
        limit = min(limit, self.places.free)
        request = Exchange(
            claim=(self.number << delivering.WORKER_SHIFT) + next(self._counter),
            limit=limit,
            places=self.places.copy,
            is_due=is_due and limit > 0,
            results=results,
            returned=unattempted,
            crowded=self._wanted(limit) if limit else {},
            has_suspect=any(
                self.policy.is_suspect(one.delivery, after_tries=one.delivery.tries) for one in self.running.values()
            ),
        )
        exchanged = await self.store.write(partial(delivering.exchange, policy=self.policy, request=request))
        for claimed in exchanged.claimed:
            self.running[claimed.delivery.id, claimed.delivery.claim] = claimed
            self.places.add(claimed.delivery.owner, claimed.delivery.target_id)
        for target_id in exchanged.exhausted:
            self.crowded.pop(target_id, None)
        for target_id, owner in exchanged.crowded.items():
            self.crowded.setdefault(target_id, owner)
        return exchanged

    async def adopt(self) -> None:
        """Remember all targets that have parked deliveries to ask for."""
        after: str | None = ""
        while after is not None:
            crowd = await self.store.write(partial(find_crowd, after=after))
            self.crowded.update(crowd.owners)
            after = crowd.next

    async def end_all(self, how: Ended = DELIVERED, *, limit: int = 64) -> Exchanged:
        """End all attempts that run in the same way, and claim the next deliveries."""
        return await self.exchange(dict.fromkeys(self.running, how), limit=limit)

    async def renew(self) -> None:
        claimed = [one.delivery for one in self.running.values()]
        await self.store.write(partial(delivering.renew, policy=self.policy, claimed=claimed))

    def _wanted(self, limit: int) -> dict[str, int]:
        wanted: dict[str, int] = {}
        for target_id, owner in self.crowded.items():
            free = min(limit, self.places.free_for(owner, target_id))
            if free > 0:
                wanted[target_id] = free
                limit -= free
        return wanted

    def _result(self, claimed: Claimed, ended: Ended) -> Result:
        return Result(
            claimed.delivery,
            claimed.claimed_ms,
            duration_ms=7,
            outcome=ended.outcome,
            status=ended.status,
            jitter=self.jitter,
            retry_after_ms=ended.retry_after_ms,
        )
