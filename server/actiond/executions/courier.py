"""The courier: claims deliveries, attempts them, and hands the results back.

One task exchanges with the store: it hands over the results that have come in while it was busy, and takes what it has
places for, in one change. So results gather by themselves under load, and nothing waits when there is none.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from actiond.actions.deliveries import CANCELLED, OK, Claimed, Delivery, DeliveryPolicy
from actiond.actions.errors import StoreError
from actiond.actions.ports import AttemptResult, Store, TargetCaller, TargetRequest
from actiond.actions.use_cases import delivering
from actiond.actions.use_cases.adopting import Crowd, find_crowd
from actiond.actions.use_cases.delivering import Exchange, Exchanged, Result
from actiond.executions.delivery_log import log_exchange
from actiond.executions.delivery_observer import DeliveryObserver
from actiond.executions.event_payloads import body_of
from actiond.executions.places import AttemptPlaces
from actiond.executions.store_faults import log_fault

_log = logging.getLogger(__name__)

MAX_CLAIMED = 64
"""Deliveries of one claim. Larger claims win nothing, and hold up the store's other changes."""
GATHER_SECONDS = 0.005
"""How long a few free places wait for more to become free, so that a claim is worth its price."""
ADOPTION_SECONDS = 15.0
"""How often a worker looks for parked deliveries that others have parked."""
MIN_ADOPTION_SECONDS = 0.1
"""How seldom it does so at least, however often it has nothing else to do."""
MAX_ADOPTED = 2_000
"""Targets to ask for, above which none are adopted."""
MAX_RETRY_SECONDS = 1.0
"""Longest wait before the store is asked again after it has failed."""
_FIRST_RETRY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class CourierLimits:
    """How much a courier does at once."""

    attempts: int = 128
    per_target: int = 32
    timeout_ns: int = 30_000_000_000
    """Caps the targets' own timeouts."""
    poll_seconds: float = 1.0
    """How often it looks for deliveries that other processes have made due."""


@dataclass(frozen=True, slots=True)
class DeliveryPorts:
    """What a courier works with."""

    store: Store
    caller: TargetCaller
    observer: DeliveryObserver


@dataclass(slots=True)
class _Running:
    """An attempt that runs, or whose result has not been stored yet."""

    claimed: Claimed
    held_since: float
    """When its lease began, at the latest: by the loop's clock."""
    task: "asyncio.Task[None] | None" = None


_Claim = tuple[int, int]
"""Id and claim of a delivery: a worker that was stopped for long may have claims of one delivery twice."""


class Courier:
    """A Part. Must be used on one event loop."""

    name = "courier"

    _loop: asyncio.AbstractEventLoop
    """That of `start`."""

    def __init__(
        self, ports: DeliveryPorts, policy: DeliveryPolicy, limits: CourierLimits, *, instance: str, worker: int
    ) -> None:
        """Take what it works with.

        instance: id that identifies this server to targets.
        worker: number that no other process has, which makes claims unique.
        """
        self._store = ports.store
        self._caller = ports.caller
        self._observer = ports.observer
        self._policy = policy
        self._lease_seconds = policy.lease_ms / 1000
        self._limits = limits
        self._instance = instance
        self._places = AttemptPlaces(limits.attempts, limits.per_target)
        self._threshold = min(MAX_CLAIMED // 2, max(1, limits.attempts // 4))
        self._next_claim = (worker << delivering.WORKER_SHIFT) + 1
        self._running: dict[_Claim, _Running] = {}
        self._results: list[Result] = []
        self._returned: list[Delivery] = []
        self._crowded: dict[str, str] = {}
        """Owners by target: targets of which deliveries were parked for want of a place, by this worker as a rule."""
        self._wants_to_adopt = asyncio.Event()
        self._work = asyncio.Event()
        self._settled = asyncio.Event()
        """Set while no attempt runs, every result is stored, and no claim is on its way."""
        self._settled.set()
        self._is_due = True
        self._is_blocked = False
        """Whether deliveries are due whose owner has no place left, so that only results let it go on."""
        self._has_gathered = False
        self._is_exchanging = False
        self._is_draining = False
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._due_timer: asyncio.TimerHandle | None = None
        self._gather_timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Look for deliveries that are due."""
        self._is_due = True
        self._work.set()

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            self._loop.create_task(self._exchange_for_ever()),
            self._loop.create_task(self._renew_for_ever()),
            self._loop.create_task(self._adopt_for_ever()),
        ]
        self._work.set()

    async def ended(self) -> None:
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                task.result()

    def drain(self) -> None:
        """Claim nothing more."""
        self._is_draining = True
        self._work.set()

    async def idle(self) -> None:
        """Wait until no attempt runs and every result is stored."""
        await self._settled.wait()

    async def cancel(self) -> None:
        """Cut the attempts that run. They go back to be attempted again, by the next worker."""
        for running in self._running.values():
            if running.task is not None:
                running.task.cancel()
        await self._settled.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for timer in (self._due_timer, self._gather_timer):
            if timer is not None:
                timer.cancel()
        running = [one.task for one in self._running.values() if one.task is not None]
        for attempt in running:
            attempt.cancel()
        await asyncio.gather(*self._tasks, *running, return_exceptions=True)

    # Exchanging with the store.

    async def _exchange_for_ever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            request = self._next_request()
            if request is None:
                continue
            self._is_exchanging = True
            self._settled.clear()
            try:
                await self._exchange(request)
            except StoreError as error:
                log_fault(_log, error)
                # What was claimed is attempted meanwhile, or its lease passes.
                self._results = [*request.results, *self._results]
                self._returned = [*request.returned, *self._returned]
                self._is_due = self._is_due or request.is_due
                self._drop_late_results()
                self._is_exchanging = False
                self._note_settled()
                await asyncio.sleep(self._retry_seconds)
                self._retry_seconds = min(2 * self._retry_seconds, MAX_RETRY_SECONDS)
                self._work.set()
            else:
                self._retry_seconds = _FIRST_RETRY_SECONDS
                self._is_exchanging = False
                self._note_settled()

    def _next_request(self) -> Exchange | None:
        """Return what to ask the store for now; None if there is nothing, or too little to be worth a change yet."""
        limit = 0 if self._is_draining else min(self._places.free, MAX_CLAIMED)
        handed_back = len(self._results) + len(self._returned)
        is_due = limit > 0 and (self._is_due or (self._is_blocked and handed_back > 0))
        if not (handed_back or is_due):
            return None
        is_worth_it = handed_back >= self._threshold or (is_due and limit >= self._threshold)
        if self._is_attempting and not is_worth_it and not self._has_gathered:
            if self._gather_timer is None:
                self._gather_timer = self._loop.call_later(GATHER_SECONDS, self._stop_gathering)
            return None
        self._has_gathered = False
        if is_due:
            self._is_due = False
        results, self._results = self._results, []
        returned, self._returned = self._returned, []
        return Exchange(
            claim=self._claim_number(),
            limit=limit,
            places=self._places.copy().copy,  # another thread copies it, while this one goes on
            is_due=is_due,
            results=results,
            returned=returned,
            crowded=self._wanted(max(1, limit // 2) if is_due else limit) if limit else {},
            has_suspect=any(map(self._is_suspect, self._running.values())),
        )

    def _is_suspect(self, running: _Running) -> bool:
        delivery = running.claimed.delivery
        return self._policy.is_suspect(delivery, after_tries=delivery.tries)

    @property
    def _is_attempting(self) -> bool:
        return self._places.free < self._limits.attempts

    def _stop_gathering(self) -> None:
        self._gather_timer = None
        self._has_gathered = True
        self._work.set()

    def _claim_number(self) -> int:
        self._next_claim += 1
        return self._next_claim

    def _wanted(self, limit: int) -> dict[str, int]:
        """Return for how many places of which crowded targets to release deliveries: those served last come last."""
        wanted: dict[str, int] = {}
        for target_id, owner in list(self._crowded.items()):
            if not limit:
                break
            free = min(limit, self._places.free_for(owner, target_id))
            if free > 0:
                wanted[target_id] = free
                limit -= free
                del self._crowded[target_id]
                self._crowded[target_id] = owner
        return wanted

    async def _exchange(self, request: Exchange) -> None:
        began = self._loop.time()
        exchanged = await self._store.write(partial(delivering.exchange, policy=self._policy, request=request))
        for settled in (*(result.delivery for result in request.results), *request.returned):
            self._running.pop(_claim_of(settled), None)
        self._note(exchanged)
        if self._is_draining:
            self._give_back(exchanged.claimed)
            return
        for claimed in exchanged.claimed:
            self._begin(claimed, began)
        if request.is_due:
            self._is_blocked = exchanged.is_blocked
        if request.results and not exchanged.claimed:
            self._wants_to_adopt.set()  # what was parked for want of space in the queue may go
        if exchanged.is_more:
            self.wake()
        elif request.is_due or any(result.outcome != OK for result in request.results):
            await self._sleep_until_due()

    def _give_back(self, claimed: Sequence[Claimed]) -> None:
        """Let other workers claim at once what was claimed while the drain began."""
        if claimed:
            self._returned += [one.delivery for one in claimed]
            self._work.set()

    def _note(self, exchanged: Exchanged) -> None:
        for target_id in exchanged.exhausted:
            self._crowded.pop(target_id, None)
        for target_id, owner in exchanged.crowded.items():
            self._crowded.setdefault(target_id, owner)
        if exchanged.claimed:
            self._observer.claimed(len(exchanged.claimed))
        if exchanged.dead:
            self._observer.died(exchanged.dead)
        if exchanged.leases_lost:
            self._observer.lost_leases(exchanged.leases_lost)
            self._wants_to_adopt.set()  # another worker may have died, and had parked deliveries
        log_exchange(exchanged)

    async def _adopt_for_ever(self) -> None:
        """Ask for parked deliveries that this worker has not parked: the one that did may have ended."""
        after = ""
        while True:
            try:
                crowd = await self._store.write(partial(find_crowd, after=after))
            except StoreError as error:
                log_fault(_log, error)
                crowd = Crowd({}, None)
            for target_id, owner in crowd.owners.items():
                self._crowded.setdefault(target_id, owner)
            if crowd.owners:
                self.wake()
            after = crowd.next or ""
            if not after or len(self._crowded) > MAX_ADOPTED:
                await asyncio.sleep(MIN_ADOPTION_SECONDS)
                self._wants_to_adopt.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(ADOPTION_SECONDS):
                        await self._wants_to_adopt.wait()

    async def _sleep_until_due(self) -> None:
        """Wake up when the next delivery is due, and now and then to see what other processes have made due."""
        if self._due_timer is not None:
            self._due_timer.cancel()
        try:
            due_in_ms = await self._store.next_due_in_ms()
        except StoreError:
            due_in_ms = None
        seconds = self._limits.poll_seconds
        if due_in_ms is not None and not self._is_blocked:
            seconds = min(seconds, max(0.001, due_in_ms / 1000))
        self._due_timer = self._loop.call_later(seconds, self.wake)

    def _note_settled(self) -> None:
        if self._is_exchanging or self._running or self._results or self._returned:
            self._settled.clear()
        else:
            self._settled.set()

    # Attempts.

    def _begin(self, claimed: Claimed, held_since: float) -> None:
        running = _Running(claimed, held_since)
        self._running[_claim_of(claimed.delivery)] = running
        self._places.add(claimed.delivery.owner, claimed.delivery.target_id)
        self._settled.clear()
        running.task = self._loop.create_task(self._attempt(running))

    async def _attempt(self, running: _Running) -> None:
        delivery = running.claimed.delivery
        waited = self._loop.time() - running.held_since
        try:
            if waited > self._lease_seconds * 2 / 3:
                # This process was stopped, or the loop was blocked: another worker may have the delivery by now.
                self._returned.append(delivery)
            else:
                await self._attempt_in_time(running.claimed, waited)
        except Exception:  # noqa: BLE001  # others must not suffer from it: its lease passes, and a try is used up
            _log.exception("an attempt of the delivery %d failed without a result", delivery.id)
            self._running.pop(_claim_of(delivery), None)
            self._note_settled()
        finally:
            running.task = None
            self._places.give_back(delivery.owner, delivery.target_id)
            self._work.set()

    async def _attempt_in_time(self, claimed: Claimed, waited: float) -> None:
        self._observer.began(claimed.overdue_ms / 1000 + waited)
        result = await self._call(claimed)
        began_ms = claimed.claimed_ms + int(waited * 1000)
        self._results.append(_result(claimed.delivery, began_ms, result))
        self._observer.attempted(result.outcome)
        if result.outcome == OK:
            age = began_ms / 1000 + result.seconds - claimed.event.created_at_ns / 1e9
            self._observer.delivered(max(0.0, age))

    async def _call(self, claimed: Claimed) -> AttemptResult:
        delivery, target = claimed.delivery, claimed.target
        if target.timeout_ns > self._limits.timeout_ns:
            target = replace(target, timeout_ns=self._limits.timeout_ns)
        message_id = str(delivery.id)
        request = TargetRequest(
            target,
            claimed.keys,
            body_of(claimed.event, self._instance),
            delivery.execution,
            request_id=message_id,
            message_id=message_id,
            attempt=delivery.attempts,
        )
        began = self._loop.time()
        try:
            return await self._caller.attempt(request)
        except asyncio.CancelledError:
            return AttemptResult(CANCELLED, None, self._loop.time() - began)

    # Leases.

    async def _renew_for_ever(self) -> None:
        third = self._lease_seconds / 3
        while True:
            await asyncio.sleep(third)
            now = self._loop.time()
            old = [one for one in self._running.values() if one.task is not None and now - one.held_since >= third]
            if not old:
                continue
            deliveries = [one.claimed.delivery for one in old]
            try:
                await self._store.write(partial(delivering.renew, policy=self._policy, claimed=deliveries))
            except StoreError as error:
                log_fault(_log, error)
                continue  # the next third may still be in time
            for one in old:
                one.held_since = now

    def _drop_late_results(self) -> None:
        """Drop results whose lease has passed: other workers attempt those deliveries anew."""
        oldest = self._loop.time() - self._lease_seconds
        late = {
            claim for claim, running in self._running.items() if running.task is None and running.held_since < oldest
        }
        if late:
            _log.warning("%d results of deliveries are dropped, as the store did not take them in time", len(late))
            self._results = [result for result in self._results if _claim_of(result.delivery) not in late]
            self._returned = [delivery for delivery in self._returned if _claim_of(delivery) not in late]
            for claim in late:
                del self._running[claim]


def _claim_of(delivery: Delivery) -> _Claim:
    return delivery.id, delivery.claim


def _result(delivery: Delivery, began_ms: int, result: AttemptResult) -> Result:
    return Result(
        delivery,
        began_ms,
        round(result.seconds * 1000),
        result.outcome,
        result.status,
        jitter=0.8 + 0.4 * random.random(),  # noqa: S311  # no secret
        retry_after_ms=None if result.retry_after is None else round(result.retry_after * 1000),
    )
