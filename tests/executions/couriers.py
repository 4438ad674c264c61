"""Couriers on real stores, with a receiver that answers as a test says, in place of the client of targets."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from actiond.actions.deliveries import OK, DeathReason, DeliveryPolicy
from actiond.actions.ports import AttemptResult, Store, TargetRequest
from actiond.executions.courier import Courier, CourierLimits, DeliveryPorts
from tests.support.delivering import POLICY
from tests.support.waiting import WAIT

T = TypeVar("T")

ACCEPTED = AttemptResult(OK, 200, 0.001)
REFUSED = AttemptResult("status", 500, 0.001)


async def eventually(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until the condition holds, which may have to ask a store."""
    deadline = time.monotonic() + WAIT
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.005)


def accept(_: TargetRequest) -> AttemptResult:
    return ACCEPTED


def refuse(_: TargetRequest) -> AttemptResult:
    return REFUSED


@dataclass(slots=True)
class Receiver:
    """Answers attempts, those to slow targets only once they are let go."""

    answer: Callable[[TargetRequest], AttemptResult] = accept
    slow: set[str] = field(default_factory=set)
    """Ids of targets that do not answer yet."""
    requests: list[TargetRequest] = field(default_factory=list)
    at_once: "Counter[str]" = field(default_factory=Counter)
    """Attempts that run, by target."""
    most_at_once: "Counter[str]" = field(default_factory=Counter)
    cut: list[TargetRequest] = field(default_factory=list)
    """Attempts that were cancelled."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _let_go: "Counter[str]" = field(default_factory=Counter)
    """How many attempts of slow targets may end."""

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        target_id = request.target.id
        self.requests.append(request)
        self.at_once[target_id] += 1
        self.most_at_once[target_id] = max(self.most_at_once[target_id], self.at_once[target_id])
        try:
            await self._wait(target_id)
        except asyncio.CancelledError:
            self.cut.append(request)
            raise
        finally:
            self.at_once[target_id] -= 1
        return self.answer(request)

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        raise AssertionError

    def start(self, request: TargetRequest) -> None:
        raise AssertionError

    def targets(self) -> Counter[str]:
        """Count the attempts so far by target."""
        return Counter(request.target.id for request in self.requests)

    async def let_go(self, target_id: str, attempts: int = 1) -> None:
        """Let some attempts at a slow target end."""
        async with self._changed:
            self._let_go[target_id] += attempts
            self._changed.notify_all()

    async def hurry(self) -> None:
        """Let no target be slow any more."""
        async with self._changed:
            self.slow.clear()
            self._changed.notify_all()

    async def _wait(self, target_id: str) -> None:
        if target_id not in self.slow:
            await asyncio.sleep(0)
            return
        async with self._changed:
            await self._changed.wait_for(lambda: target_id not in self.slow or self._let_go[target_id] > 0)
            self._let_go[target_id] -= 1


@dataclass(slots=True)
class Observed:
    """What a courier has told its observer."""

    claims: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    deaths: list[DeathReason] = field(default_factory=list)
    leases_lost: int = 0

    def claimed(self, deliveries: int) -> None:
        self.claims.append(deliveries)

    def began(self, lag_seconds: float) -> None:
        self.lags.append(lag_seconds)

    def attempted(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def delivered(self, age_seconds: float) -> None:
        self.ages.append(age_seconds)

    def died(self, reasons: Iterable[DeathReason]) -> None:
        self.deaths += reasons

    def lost_leases(self, leases: int) -> None:
        self.leases_lost += leases


LIMITS = CourierLimits(poll_seconds=0.02)
"""Looks often, since a test's clock makes deliveries due that no timer of the loop knows of."""


def a_courier(
    store: Store,
    receiver: Receiver,
    policy: DeliveryPolicy = POLICY,
    limits: CourierLimits = LIMITS,
    *,
    observed: Observed | None = None,
    worker: int = 1,
) -> Courier:
    ports = DeliveryPorts(store, receiver, observed or Observed())
    return Courier(ports, policy, limits, instance="instance", worker=worker)


@asynccontextmanager
async def running(courier: Courier) -> AsyncIterator[Courier]:
    """Start a courier, and end it as a worker process does."""
    await courier.start()
    try:
        yield courier
    finally:
        courier.drain()
        await courier.cancel()
        await courier.close()
