"""Tests a target: one signed attempt now, beside the queue and any pause."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from actiond.actions import events
from actiond.actions.actors import Actor
from actiond.actions.deliveries import Attempt, AttemptKind
from actiond.actions.errors import TargetNotFoundError
from actiond.actions.events import Event
from actiond.actions.ports import AttemptResult, Store, TargetCaller, TargetRequest, Transaction
from actiond.executions.event_payloads import body_of

TEST_EVENT = "target.tested"
"""Type of the event that a test sends. No execution can be set for it, and none is appended."""


@dataclass(frozen=True, slots=True)
class TesterLimits:
    """How a test is sent, and what is logged of it."""

    instance: str
    """Id that identifies this server to targets."""
    worker: int
    """Number of this process."""
    timeout_ns: int
    """Caps the target's own timeout."""


class TargetTester:
    """Sends a target an event that only says that it is a test, and logs the attempt."""

    def __init__(self, store: Store, caller: TargetCaller, new_id: Callable[[], str], limits: TesterLimits) -> None:
        self._store = store
        self._caller = caller
        self._new_id = new_id
        self._limits = limits

    async def test(self, actor: Actor, target_id: str) -> AttemptResult:
        """Return how the attempt ended. Raises TargetNotFoundError and StoreError."""
        request, at_ms = await self._store.write(
            partial(self._request, actor=actor, target_id=target_id, message_id=self._new_id())
        )
        result = await self._caller.attempt(request)
        attempt = Attempt(
            delivery_id=int(request.message_id),
            number=1,
            owner=actor.owner,
            target_id=target_id,
            event_position=0,
            execution="",
            kind=AttemptKind.TEST,
            at_ms=at_ms,
            duration_ms=round(result.seconds * 1000),
            outcome=result.outcome,
            status=result.status,
            worker=self._limits.worker,
        )
        await self._store.write(lambda transaction: transaction.deliveries.log([attempt]))
        return result

    def _request(
        self, transaction: Transaction, actor: Actor, target_id: str, message_id: str
    ) -> tuple[TargetRequest, int]:
        target = transaction.targets.get(actor.owner, target_id)
        if target is None:
            raise TargetNotFoundError(target_id)
        now_ms = transaction.deliveries.now_ms()
        event = Event(
            owner=actor.owner,
            aggregate_type=events.TARGET,
            aggregate_id=target.id,
            sequence=target.sequence,
            type=TEST_EVENT,
            payload={},
            editor=actor.id,
            created_at_ns=now_ms * 1_000_000,
        )
        request = TargetRequest(
            replace(target, timeout_ns=min(target.timeout_ns, self._limits.timeout_ns)),
            transaction.targets.signing_keys(target.id),
            body_of(event, self._limits.instance),
            execution="test",
            request_id=message_id,
            message_id=message_id,
            attempt=1,
        )
        return request, now_ms
