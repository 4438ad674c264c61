"""The store that keeps its data in memory."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from actiond.actions.deliveries import Attempt, DeliveryState, DeliveryTotals
from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.executions import Execution, ExecutionSnapshot
from actiond.actions.instance_keys import InstanceKey
from actiond.actions.ports import FanOut, Transaction
from actiond.actions.public_keys import TargetPublicKeys
from actiond.actions.queries import (
    DeliveryFilter,
    DeliveryQuery,
    DeliveryRecord,
    ExecutionQuery,
    Page,
    PageRequest,
    TargetQuery,
    TargetReport,
)
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Admission, Token
from actiond.actions.watching import ChangePage
from actiond.storage.memory import delivery_changes, delivery_lists, executions, instance_keys, targets
from actiond.storage.memory.data import Data
from actiond.storage.memory.transaction import MemoryTransaction
from actiond.storage.steady_clock import Clock, SteadyClock

T = TypeVar("T")


class MemoryStore:
    """Keeps all data in memory. Each change runs to completion on the event loop, so changes never overlap."""

    def __init__(self, clock: Clock = time.time_ns) -> None:
        """`clock` returns nanoseconds since the epoch, by which deliveries are due."""
        self._kept = Data()
        self._clock = SteadyClock(clock)
        self._now_ms = 0
        self._fan_out: FanOut | None = None
        self._on_enqueued: Callable[[], object] | None = None
        self._closed = False

    async def write(self, change: Callable[[Transaction], T]) -> T:
        transaction = MemoryTransaction(self._data, self._read_clock(), self._fan_out)
        try:
            result = change(transaction)
            transaction.check()
        except BaseException:
            transaction.roll_back()
            raise
        if transaction.deliveries.has_due and self._on_enqueued is not None:
            self._on_enqueued()
        return result

    async def admit(self, selector: bytes) -> Admission:
        data = self._data
        return self._admission(data.tokens.get(data.token_selectors.get(selector, "")))

    async def admit_certificate(self, certificate: str) -> Admission:
        data = self._data
        return self._admission(data.tokens.get(data.token_certificates.get(certificate, "")))

    def _admission(self, token: Token | None) -> Admission:
        return Admission(token, 0 if token is None else self._kept.execution_revisions.get(token.owner, 0))

    async def target(self, owner: str, target_id: str) -> Target | None:
        return self._data.target(owner, target_id)

    async def find_targets(self, owner: str, query: TargetQuery) -> Page[Target]:
        owned = (target for target in self._data.targets.values() if target.owner == owner)
        return self._page(targets.matching(owned, query), query.page)

    async def signing_keys(self, target_ids: Sequence[str]) -> Mapping[str, Sequence[SigningKey]]:
        keys = self._data.keys
        return {target_id: keys[target_id] for target_id in target_ids if keys.get(target_id)}

    async def public_keys(self, owner: str, target_id: str) -> TargetPublicKeys:
        target = self._data.target(owner, target_id)
        if target is None:
            return TargetPublicKeys()
        active = target.public_key
        return TargetPublicKeys(targets.public_keys(self._data, target_id), None if active is None else active.id)

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Page[Execution]:
        return self._page(executions.matching(self._data, owner, query), query.page)

    async def execution_snapshot(self, owner: str) -> ExecutionSnapshot:
        data = self._data
        found = executions.running(data, owner)
        named = {step for execution in found for step in execution.steps if isinstance(step, str)}
        called = [target for target_id in named if (target := data.target(owner, target_id)) is not None]
        return ExecutionSnapshot(
            revision=data.execution_revisions.get(owner, 0),
            executions=found,
            targets={target.id: target for target in called},
            keys={target.id: data.keys[target.id] for target in called if data.keys[target.id]},
        )

    async def execution_revision(self, owner: str) -> int:
        return self._data.execution_revisions.get(owner, 0)

    async def newest_key_prefixes(self, length: int) -> Mapping[bytes, int]:
        data = self._data
        keys = (data.keys.get(target_id) for target_id in data.targets)
        return Counter(found[0].sealed[:length] if found else b"" for found in keys)

    async def tokens(self) -> Sequence[Token]:
        return sorted(self._data.tokens.values(), key=lambda token: (token.created_at_ns, token.id))

    async def instance_keys(self) -> Sequence[InstanceKey]:
        return instance_keys.in_order(self._data.instance_keys.values())

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        history = self._data.events.get((aggregate_type, aggregate_id), {})
        return [history[sequence] for sequence in sorted(history)]

    async def last_event(self, aggregate_type: str, aggregate_id: str) -> Event | None:
        history = self._data.events.get((aggregate_type, aggregate_id))
        return history[max(history)] if history else None

    def deliver(self, fan_out: FanOut, on_enqueued: Callable[[], object]) -> None:
        self._fan_out = fan_out
        self._on_enqueued = on_enqueued

    async def delivery_changes(self, owner: str, wanted: DeliveryFilter, after: int, limit: int) -> ChangePage:
        return delivery_changes.page(self._data, owner, wanted, after, limit)

    async def last_delivery_change(self, owner: str) -> int:
        changes = self._data.changes
        return next((position for position in reversed(changes) if changes[position].delivery.owner == owner), 0)

    async def delivery_totals(self) -> DeliveryTotals:
        due_in_ms = await self.next_due_in_ms()
        by_state: Counter[DeliveryState] = Counter()
        for (_, state), count in self._data.deliveries.counts.items():
            by_state[state] += count
        paused = sum(health.is_paused for health in self._data.health.values())
        return DeliveryTotals(by_state, max(0, -(due_in_ms or 0)), paused)

    async def find_deliveries(self, owner: str, query: DeliveryQuery) -> Sequence[DeliveryRecord]:
        return delivery_lists.find(self._data, owner, query, self._read_clock())

    async def count_deliveries(self, owner: str, wanted: DeliveryFilter) -> Mapping[tuple[DeliveryState, str], int]:
        return delivery_lists.count(self._data, owner, wanted)

    async def delivery(self, owner: str, delivery_id: int) -> DeliveryRecord | None:
        return delivery_lists.get(self._data, owner, delivery_id, self._read_clock())

    async def attempts(self, owner: str, delivery_id: int) -> Sequence[Attempt]:
        return delivery_lists.attempts(self._data, owner, delivery_id)

    async def target_report(self, owner: str, target_id: str) -> TargetReport:
        return delivery_lists.report(self._data, owner, target_id)

    async def next_due_in_ms(self) -> int | None:
        due_ms = self._data.deliveries.next_due_ms()
        return None if due_ms is None else due_ms - self._read_clock()

    async def ping(self) -> None:
        self._require_open()

    async def close(self) -> None:
        self._closed = True

    @property
    def waiting(self) -> int:
        """Number of changes waiting to be written, which is always 0."""
        return 0

    @property
    def _data(self) -> Data:
        self._require_open()
        return self._kept

    def _read_clock(self) -> int:
        """Return the time in milliseconds. It never goes back."""
        self._now_ms = max(self._now_ms, self._clock.ms())
        return self._now_ms

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _page(self, matching: Sequence[T], request: PageRequest) -> Page[T]:
        items = matching[request.offset : request.offset + request.limit]
        return Page(items, len(matching), self._data.position, self._data.at_ns)
