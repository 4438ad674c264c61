"""What delivers events in a worker, in the bench's own process: the store, the courier and the client of targets.

Its settings are actiond's defaults, but for those that a row names.
"""

import time
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.actions.deliveries import UNFINISHED, DeathReason, DeliveryTotals
from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.ids import IdGenerator
from actiond.actions.ports import TargetCaller, TargetRequest, Transaction
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.actions.use_cases.fan_out import EventFanOut
from actiond.bootstrap import worker_number
from actiond.config.groups import QueueSettings
from actiond.config.setting import read_group
from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
from actiond.delivery.egress.networks import parse_network
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.delivery.signer import Signer
from actiond.executions.courier import Courier, CourierLimits, DeliveryPorts
from actiond.executions.keeper import Keeper
from actiond.secrets.sealing import KEY_BYTES, Sealer, make_key
from actiond.storage.sqlite import SqliteStore
from bench.constants import OWNER
from bench.load import CallError, Sample

OWNERS, TARGETS_OF_OWNER = 4, 4

_SEALER = Sealer([bytes(KEY_BYTES)])
_EDITOR = "383270916701814785"
_FIRST_TARGET = 383270916982837248
_NOTE = "A payload is as long as those of most events. " * 2
_PORTION = 500
"""Events that one change publishes, where their publication is not measured."""


class Clock:
    """The clock of a store, which can be put forward."""

    _ahead_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self._ahead_ns

    def skip(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._ahead_ns += int(seconds * 1e9)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A target, and the type of events that are delivered to it alone."""

    target: Target
    keys: tuple[SigningKey, ...]
    event_type: str

    def event(self, number: int, now_ns: int) -> Event:
        """Return the first event of an aggregate."""
        payload = {"number": number, "note": _NOTE}
        owner = self.target.owner
        return Event(owner, "order", f"{owner}/{number}", 1, self.event_type, payload, _EDITOR, now_ns)


def recipients(endpoints: Iterable[str], owners: int = OWNERS) -> Sequence[Recipient]:
    """Return a recipient for each endpoint. Owners have them in turn."""
    now = time.time_ns()
    found = []
    for number, endpoint in enumerate(endpoints):
        target_id = str(_FIRST_TARGET + number)
        owner = f"{int(OWNER) + number % owners}"
        target = Target(
            target_id, owner, f"target {number}", TargetType.WEBHOOK, True, 10_000_000_000, endpoint, 1, now, now
        )
        _, sealed = make_key(_SEALER)(target_id)
        found.append(Recipient(target, (sealed,), f"bench.happened{number}"))
    return found


class Record:
    """What is observed in a round of deliveries, of the keeper and of calls to targets."""

    def __init__(self, down: str = "") -> None:
        """`down` is the id of the target that is down: its deliveries are only counted."""
        self.lags: array[float] = array("d")
        """Seconds from the moment at which each delivery was due until its POST began."""
        self.latencies: array[float] = array("d")
        """Seconds of each POST."""
        self.arrived = 0
        """Deliveries to the target that is, or was, down."""
        self._down = down
        self._lag = 0.0
        self._failure = ""

    def sample(self, seconds: float, latencies: Iterable[float]) -> Sample:
        """Return the result of a round with these latencies. Raise CallError if anything failed that should not."""
        if self._failure:
            raise CallError(self._failure)
        return Sample(seconds, sorted(latencies))

    # The observer of deliveries. The target's is not known, so what it needs is kept for `started`, which follows.

    def claimed(self, deliveries: int) -> None:
        pass

    def began(self, lag_seconds: float) -> None:
        self._lag = lag_seconds

    def attempted(self, outcome: str) -> None:
        pass

    def delivered(self, age_seconds: float) -> None:
        pass

    def died(self, reasons: Iterable[DeathReason]) -> None:
        for reason in reasons:
            self._failure = f"a delivery was given up: {reason.value}"

    def lost_leases(self, leases: int) -> None:
        self._failure = f"{leases} leases were lost"

    # The observer of the keeper.

    def counted(self, totals: DeliveryTotals | None) -> None:
        pass

    # The observer of calls to targets.

    def started(self, request: TargetRequest, _headers: dict[str, str]) -> None:
        if request.target.id != self._down:
            self.lags.append(self._lag)

    def ended(self, _token: Any, call: TargetCall) -> None:
        is_ok = call.outcome is Outcome.OK
        if call.target_id == self._down:
            self.arrived += is_ok
        elif is_ok:
            self.latencies.append(call.seconds)
        else:
            self._failure = f"a delivery failed: {call.outcome.value} {call.status}"


def target_client(record: Record) -> TargetClient:
    """Return a client that may call targets on this machine."""
    guard = AddressGuard((parse_network("127.0.0.0/8"),), ())
    return TargetClient(Egress(guard, Signer(_SEALER), "actiond/bench"), DeliveryLimits(), [record])


class Worker:
    """The half of a worker that delivers, over a SQLite file. It is opened, used and closed on one event loop."""

    store: SqliteStore
    """As long as it is open."""

    def __init__(self, path: Path, recipients: Sequence[Recipient], **settings: str) -> None:
        """`settings` are those of QueueSettings that differ from the defaults."""
        self.path = path
        self.clock = Clock()
        self.recipients = recipients
        queue = read_group(QueueSettings, settings, {})
        self.policy = queue.policy
        self.limits = CourierLimits(
            attempts=queue.deliveries,
            per_target=queue.deliveries_per_target,
            timeout_ns=queue.delivery_timeout_ms * 1_000_000,
            poll_seconds=queue.delivery_poll_ms / 1000,
        )
        # No aggregate ever gets a second event.
        self._numbers = count(time.time_ns())

    async def open(self) -> None:
        self.store = SqliteStore.open(self.path, clock=self.clock)
        self.number = await worker_number(self.store)
        self._fan_out = EventFanOut(IdGenerator(await worker_number(self.store), self.clock))
        self.store.deliver(self._fan_out, lambda: None)
        first = self.recipients[0].target
        if await self.store.target(first.owner, first.id) is None:
            await self.store.write(partial(_insert, self.recipients))

    async def close(self) -> None:
        await self.store.close()

    async def publish(self, recipients: Iterable[Recipient]) -> None:
        """Publish an event for each of these, in one change."""
        now = self.clock()
        events = [recipient.event(next(self._numbers), now) for recipient in recipients]
        await self.store.write(partial(_append, events))

    async def fill(self, deliveries: int, recipients: Sequence[Recipient] = ()) -> None:
        """Publish events for these recipients, by default for all in turn, until so many deliveries are unfinished."""
        missing = deliveries - await self.unfinished()
        others = cycle(recipients or self.recipients)
        for done in range(0, missing, _PORTION):
            await self.publish(islice(others, min(_PORTION, missing - done)))

    async def unfinished(self) -> int:
        """Return how many deliveries there are that were not delivered."""
        totals = await self.store.delivery_totals()
        return sum(number for state, number in totals.by_state.items() if state in UNFINISHED)

    @asynccontextmanager
    async def delivering(
        self, record: Record, caller: TargetCaller | None = None, *, keeper: bool = False
    ) -> AsyncIterator[None]:
        """Deliver what is due, in the end only what has been claimed.

        caller: makes the attempts, by default a TargetClient.
        keeper: whether the keeper runs, too.
        """
        client = target_client(record)
        ports = DeliveryPorts(self.store, caller or client, record)
        courier = Courier(ports, self.policy, self.limits, instance=OWNER, worker=self.number)
        parts: list[Courier | Keeper] = [courier]
        if keeper:
            parts.append(Keeper(self.store, self.policy, record, self.number))
        self.store.deliver(self._fan_out, courier.wake)
        try:
            for part in parts:
                await part.start()
            yield
            courier.drain()
            await courier.idle()
        finally:
            for part in reversed(parts):
                await part.close()
            await client.close()
            self.store.deliver(self._fan_out, lambda: None)


def _insert(recipients: Iterable[Recipient], transaction: Transaction) -> None:
    """Insert targets, and the executions by which each gets its events."""
    for recipient in recipients:
        target = recipient.target
        now = target.created_at_ns
        transaction.targets.insert(target, recipient.keys)
        transaction.append(Event(target.owner, "target", target.id, 1, "target.added", {}, _EDITOR, now))
        condition = Condition(ExecutionType.EVENT, Scope.EVENT, recipient.event_type)
        execution = Execution(target.owner, condition, (target.id,), 1, now, now)
        transaction.executions.put(execution)
        transaction.append(
            Event(target.owner, "execution", execution.aggregate_id, 1, "execution.set", {}, _EDITOR, now)
        )


def _append(events: Iterable[Event], transaction: Transaction) -> None:
    for event in events:
        transaction.append(event)
