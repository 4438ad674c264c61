"""Fan-out: which targets an event is delivered to, decided in the transaction that appends it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from actiond.actions import events
from actiond.actions.conditions import Condition, matching_event_conditions
from actiond.actions.deliveries import MAX_WAITING, MAX_WAITING_OF_OWNER, Delivery, DeliveryState
from actiond.actions.errors import TooManyDeliveriesError
from actiond.actions.events import Event
from actiond.actions.ports import Transaction

MAX_OWNERS = 1_000
"""Owners whose plans are cached."""
MAX_QUEUED_OF_OWNER = 1_000
"""Waiting deliveries of an owner: while there are as many, new ones are parked, and workers ask for them."""


@dataclass(frozen=True, slots=True)
class _EventPlan:
    """What an event of one type is delivered to."""

    execution: str
    target_ids: tuple[str, ...]


_NOTHING = _EventPlan("", ())


@dataclass(frozen=True, slots=True)
class _OwnerPlans:
    """What is known of one owner's event executions, at one revision."""

    revision: int
    by_event_type: dict[str, _EventPlan] = field(default_factory=dict)


class EventFanOut:
    """See FanOut. What it read is cached by the revision of the owner's executions, so most events read nothing."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        """`new_id` makes ids of deliveries. It is called on the thread on which the store runs changes."""
        self._new_id = new_id
        self._plans: dict[str, _OwnerPlans] = {}

    def enqueue(self, transaction: Transaction, event: Event, position: int) -> None:
        """See FanOut. Raise TooManyDeliveriesError."""
        if event.aggregate_type in events.NOT_DELIVERED:
            return
        plan = self._plan(transaction, event.owner, event.type)
        if not plan.target_ids:
            return
        check_limits(transaction, event.owner, len(plan.target_ids))
        rows = transaction.deliveries
        now = rows.now_ms()
        # Others wait behind what is in the queue.
        is_queued = rows.waiting(event.owner) < MAX_QUEUED_OF_OWNER
        rows.enqueue(
            [
                Delivery(
                    id=int(self._new_id()),
                    owner=event.owner,
                    target_id=target_id,
                    event_position=position,
                    execution=plan.execution,
                    aggregate=event.aggregate,
                    sequence=event.sequence,
                    since_ms=now,
                    state=DeliveryState.WAITING if is_queued else DeliveryState.PARKED,
                    due_ms=now if is_queued else None,
                )
                for target_id in plan.target_ids
            ]
        )

    def forget(self, owners: Iterable[str]) -> None:
        for owner in owners:
            self._plans.pop(owner, None)

    def _plan(self, transaction: Transaction, owner: str, event_type: str) -> _EventPlan:
        revision = transaction.executions.revision(owner)
        plans = self._plans.get(owner)
        if plans is None or plans.revision != revision:
            if len(self._plans) >= MAX_OWNERS:
                self._plans.clear()
            plans = self._plans[owner] = _OwnerPlans(revision)
        plan = plans.by_event_type.get(event_type)
        if plan is None:
            plan = plans.by_event_type[event_type] = _read_plan(transaction, owner, event_type)
        return plan


def _read_plan(transaction: Transaction, owner: str, event_type: str) -> _EventPlan:
    """Return the targets of the most specific execution, includes resolved, each target once."""
    for condition in matching_event_conditions(event_type):
        if transaction.executions.get(owner, condition) is not None:
            target_ids = dict.fromkeys(_target_ids(transaction, owner, condition))
            return _EventPlan(condition.key, tuple(target_ids))
    return _NOTHING


def _target_ids(transaction: Transaction, owner: str, condition: Condition) -> Iterator[str]:
    execution = transaction.executions.get(owner, condition)
    for step in () if execution is None else execution.steps:
        if isinstance(step, str):
            yield step
        else:
            yield from _target_ids(transaction, owner, step)


def check_limits(transaction: Transaction, owner: str, more: int) -> None:
    """Raise TooManyDeliveriesError if the owner, or all owners, would have too many unfinished deliveries."""
    of_owner, of_all = transaction.deliveries.unfinished(owner)
    for unfinished, maximum in ((of_owner, MAX_WAITING_OF_OWNER), (of_all, MAX_WAITING)):
        if unfinished + more > maximum:
            raise TooManyDeliveriesError(maximum)
