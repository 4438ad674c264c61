"""Loads of deliveries, in the bench's own process: of a backlog, without HTTP, at a steady rate, and the bare POSTs."""

import asyncio
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from itertools import count, cycle, islice
from typing import Any, TypeVar

import uvloop

from actiond.actions.deliveries import OK, Claimed
from actiond.actions.ports import AttemptResult, TargetRequest
from actiond.actions.use_cases import delivering
from actiond.actions.use_cases.delivering import Exchange, Exchanged, Result
from actiond.delivery.client import TargetClient
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.executions.courier import MAX_CLAIMED
from actiond.executions.event_payloads import body_of
from actiond.executions.places import AttemptPlaces
from bench.constants import OWNER
from bench.delivering import OWNERS, Recipient, Record, Worker, target_client
from bench.load import PATIENCE, CallError, Sample
from bench.serving import freeze

T = TypeVar("T")

IN_FLIGHT = 128
"""Attempts at once: a worker's default."""
BACKLOG = 5_000
"""Deliveries that are due when a round begins. It makes them all, however long that takes."""

_LOOK_SECONDS = 0.005
"""How often a round looks whether it is over."""


class LoopLoad(ABC):
    """A load on an event loop that lives as long as a round."""

    _runner: asyncio.Runner

    def open(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.complete(self.prepare())
        freeze()

    def run(self, seconds: float) -> Sample:
        return self.complete(self.measure(seconds))

    def close(self) -> None:
        self.complete(self.clean_up())
        self._runner.close()

    def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the round's loop."""
        return self._runner.run(work)

    @abstractmethod
    async def prepare(self) -> None:
        """Do what comes before the round, and is not measured."""

    @abstractmethod
    async def measure(self, seconds: float) -> Sample:
        """Do what is measured."""

    @abstractmethod
    async def clean_up(self) -> None:
        """Do what comes after the round."""


class _WorkerLoad(LoopLoad):
    """A load of a worker with a backlog."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def prepare(self) -> None:
        await self._worker.open()
        await self._worker.fill(BACKLOG)

    async def clean_up(self) -> None:
        await self._worker.close()


class BacklogLoad(_WorkerLoad):
    """Makes the deliveries of a backlog as fast as a courier can."""

    def __init__(self, worker: Worker, *, is_answered_at_once: bool = False) -> None:
        """`is_answered_at_once`: without HTTP, each attempt ends with the next turn of the loop."""
        super().__init__(worker)
        self._is_answered_at_once = is_answered_at_once

    async def measure(self, _seconds: float) -> Sample:
        record = Record()
        caller = _Immediate(record) if self._is_answered_at_once else None
        begun = time.perf_counter()
        async with self._worker.delivering(record, caller):
            await until(lambda: len(record.latencies) >= BACKLOG)
        return record.sample(time.perf_counter() - begun, record.latencies)


class _Immediate(TargetClient):
    """Makes no calls: each attempt succeeds with the next turn of the loop."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        self._record.started(request, {})
        began = time.perf_counter()
        await asyncio.sleep(0)
        seconds = time.perf_counter() - began
        call = TargetCall(request.target.id, request.execution, Outcome.OK, 200, seconds, False, request.request_id)
        self._record.ended(None, call)
        return AttemptResult(OK, 200, seconds)


class PostsLoad(LoopLoad):
    """The limit of deliveries: the same client posts what would be delivered to the recipients, from a list."""

    def __init__(self, recipients: Sequence[Recipient]) -> None:
        self._requests = list(islice(_requests(recipients), BACKLOG))

    async def prepare(self) -> None:
        """Do nothing: the requests are there."""

    async def clean_up(self) -> None:
        """Do nothing: `measure` closes its client."""

    async def measure(self, _seconds: float) -> Sample:
        record = Record()
        client = target_client(record)
        requests = iter(self._requests)
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(_post(client, requests))
        await client.close()
        return record.sample(time.perf_counter() - begun, record.latencies)


async def _post(client: TargetClient, requests: Iterator[TargetRequest]) -> None:
    for request in requests:
        await client.attempt(request)


def _requests(recipients: Sequence[Recipient]) -> Iterator[TargetRequest]:
    """Yield, for all recipients in turn, what a courier would send."""
    for number, recipient in zip(count(time.time_ns()), cycle(recipients)):
        body = body_of(recipient.event(number, time.time_ns()), OWNER)
        execution = f"event/{recipient.event_type}"
        message_id = str(number)
        yield TargetRequest(
            recipient.target, recipient.keys, body, execution, request_id=message_id, message_id=message_id, attempt=1
        )


class ExchangeLoad(_WorkerLoad):
    """Claims and finishes the deliveries of a backlog: nothing but a courier's exchanges with the store."""

    async def measure(self, _seconds: float) -> Sample:
        claims = count((self._worker.number << delivering.WORKER_SHIFT) + 1)
        latencies: array[float] = array("d")
        begun = sent = time.perf_counter()
        claimed = await self._exchange(next(claims), ())
        while claimed:
            finished, claimed = claimed, await self._exchange(next(claims), claimed)
            now = time.perf_counter()
            latencies.extend([now - sent] * len(finished))
            sent = now
        return Sample(sent - begun, sorted(latencies))

    async def _exchange(self, claim: int, finished: Sequence[Claimed]) -> Sequence[Claimed]:
        """Hand over the results of what was claimed, all of them good, and return what is claimed next."""
        limits = self._worker.limits
        request = Exchange(
            claim,
            MAX_CLAIMED,
            AttemptPlaces(limits.attempts, limits.per_target).copy,
            results=[Result(one.delivery, one.claimed_ms, 1, OK, 200, jitter=1.0) for one in finished],
        )
        change = partial(delivering.exchange, policy=self._worker.policy, request=request)
        exchanged: Exchanged = await self._worker.store.write(change)
        return exchanged.claimed


class SteadyLoad(_WorkerLoad):
    """Publishes and delivers events at half the rate at which the worker can do both."""

    async def prepare(self) -> None:
        worker, record = self._worker, Record()
        await worker.open()
        # Of one owner: that several have their shares costs more, and would make half the rate less.
        events = islice(cycle(worker.recipients[::OWNERS]), BACKLOG)
        begun = time.perf_counter()
        async with worker.delivering(record):
            async with asyncio.TaskGroup() as group:
                for _ in range(IN_FLIGHT):
                    group.create_task(_publish(worker, events))
            await until(lambda: len(record.latencies) >= BACKLOG)
        self._rate = record.sample(time.perf_counter() - begun, record.latencies).rate / 2

    async def measure(self, seconds: float) -> Sample:
        worker, record, begun = self._worker, Record(), time.perf_counter()
        async with worker.delivering(record):
            published = await publish_steadily(
                worker, worker.recipients, self._rate, lambda: time.perf_counter() - begun > seconds
            )
            await until(lambda: len(record.latencies) >= published)
        return record.sample(time.perf_counter() - begun, record.lags)


async def _publish(worker: Worker, recipients: Iterator[Recipient]) -> None:
    for recipient in recipients:
        await worker.publish([recipient])


async def publish_steadily(
    worker: Worker, recipients: Sequence[Recipient], rate: float, is_over: Callable[[], bool]
) -> int:
    """Publish so many events a second, for these recipients in turn, each in a change of its own. Return how many.

    An event is published at its time, whether or not those before it have been. Each recipient gets one at least.
    """
    wanted_by = cycle(recipients)
    published, begun = 0, time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while published < len(recipients) or not is_over():
            wanted = int((time.perf_counter() - begun) * rate) + 1
            for recipient in islice(wanted_by, wanted - published):
                group.create_task(worker.publish([recipient]))
            published = wanted
            await asyncio.sleep(1 / rate)
    return published


async def until(is_reached: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something is reached. Raise CallError if that takes too long."""
    give_up = time.perf_counter() + patience
    while not is_reached():
        if time.perf_counter() > give_up:
            raise CallError(f"deliveries are not made within {patience:g} seconds")
        await asyncio.sleep(_LOOK_SECONDS)
