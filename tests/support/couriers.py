"""Couriers and keepers for tests: real ones on a real store, with a caller that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from actiond.actions.deliveries import OK, DeathReason, DeliveryPolicy, DeliveryTotals
from actiond.actions.ports import AttemptResult, Store, TargetRequest
from actiond.executions.courier import Courier, CourierLimits, DeliveryPorts
from actiond.executions.keeper import Keeper
from actiond.telemetry.metrics.null import NullMetrics
from tests.support.delivering import POLICY, start_delivering

T = TypeVar("T")

POLL = 0.01
DELIVERED = AttemptResult(OK, 200, 0.0)
FAILED = AttemptResult("status", 500, 0.0)


class ScriptedCaller:
    """Calls nobody. Attempts end with these results in turn, then always with the last one; None is a held one."""

    def __init__(self, *results: AttemptResult | None) -> None:
        self._results = list(results) or [DELIVERED]
        self._released = asyncio.Event()
        self.requests: list[TargetRequest] = []

    def release(self) -> None:
        """Let held attempts succeed."""
        self._released.set()

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        self.requests.append(request)
        result = self._results.pop(0) if len(self._results) > 1 else self._results[0]
        if result is not None:
            return result
        await self._released.wait()
        return DELIVERED

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        raise NotImplementedError

    def start(self, request: TargetRequest) -> None:
        raise NotImplementedError


@asynccontextmanager
async def courier(
    store: Store,
    caller: ScriptedCaller,
    clock: Callable[[], int],
    *,
    policy: DeliveryPolicy = POLICY,
    worker: int = 1,
) -> AsyncIterator[Courier]:
    """Deliver the store's events by a courier while the block runs. It is not drained in the end."""
    ports = DeliveryPorts(store, caller, NullMetrics().delivery_metrics)
    courier = Courier(ports, policy, CourierLimits(poll_seconds=POLL), instance="instance", worker=worker)
    start_delivering(store, clock, courier.wake, worker=worker)
    await courier.start()
    try:
        yield courier
    finally:
        await courier.close()


class KeeperRounds:
    """Observes a keeper."""

    def __init__(self) -> None:
        self.number = 0
        """How many rounds it has done."""
        self.deaths: list[DeathReason] = []

    def counted(self, totals: DeliveryTotals | None) -> None:
        self.number += totals is not None

    def died(self, reasons: Iterable[DeathReason]) -> None:
        self.deaths += reasons


@asynccontextmanager
async def keeper(store: Store, number: int, policy: DeliveryPolicy = POLICY) -> AsyncIterator[KeeperRounds]:
    """Keep the store's deliveries in order while the block runs."""
    rounds = KeeperRounds()
    keeper = Keeper(store, policy, rounds, number)
    await keeper.start()
    try:
        yield rounds
    finally:
        await keeper.close()
