"""`actiond delivery`: list and show deliveries of events, and retry and cancel them, in the database itself."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from actiond.actions.actors import SYSTEM, Actor
from actiond.actions.deliveries import Attempt, DeliveryState
from actiond.actions.errors import (
    DeliveryNotFoundError,
    DeliveryNotRetryableError,
    DeliveryNotUnfinishedError,
    DomainError,
    ListTooSlowError,
    TooManyDeliveriesError,
)
from actiond.actions.ids import created_ms
from actiond.actions.ports import Store
from actiond.actions.queries import MAX_PAGE_SIZE, DeliveryFilter, DeliveryQuery, DeliveryRecord
from actiond.actions.use_cases.deliveries import Bulk, Deliveries
from actiond.cli.store_command import Command, owner_of, print_table, printable, span_ns, utc
from actiond.config.groups import QueueSettings
from actiond.config.setting import SettingsError, read_group
from actiond.process.console import Failure, info, print_line

MAX_LISTED = 100_000
"""Limit on `--limit`: a table is held in memory until its columns are known to be wide enough."""
FILTERS = ("target", "event_type", "aggregate", "states", "since")
"""The arguments that choose deliveries, beside an id."""

_MAX_ID = 2**63 - 1
_NONE = "-"
_COLUMNS = ("ID", "STATE", "REASON", "EVENT", "AGGREGATE", "TARGET", "ATTEMPTS", "LAST", "DUE", "CREATED")
_ATTEMPT_COLUMNS = ("ATTEMPT", "KIND", "BEGAN", "DURATION", "OUTCOME", "STATUS", "WORKER")
_FAILURES: Mapping[type[DomainError], str] = {
    DeliveryNotFoundError: "there is no delivery {id!r}; `actiond delivery list` shows ids",
    DeliveryNotRetryableError: "delivery {id} is neither dead nor waiting for a retry, or its target has been deleted",
    DeliveryNotUnfinishedError: "delivery {id} is delivered or dead already",
    TooManyDeliveriesError: "there would be more than {maximum} unfinished deliveries",
    ListTooSlowError: "this takes too long; give more filters, or a shorter time",
}


def use_cases(store: Store) -> Deliveries:
    """Return the use cases of deliveries. No command claims any, so the policy does not matter."""
    return Deliveries(store, read_group(QueueSettings, {}, {}).policy)


async def _list(store: Store, arguments: Mapping[str, object]) -> None:
    wanted, limit = _filter(arguments), _limit(str(arguments["limit"]))
    deliveries, actor = use_cases(store), await _actor(store, arguments)
    rows: list[Sequence[str]] = [_COLUMNS]
    before_id = None
    while len(rows) <= limit:
        size = min(limit + 1 - len(rows), MAX_PAGE_SIZE)
        page = await deliveries.find(actor, DeliveryQuery(wanted, size, before_id))
        rows += map(_row, page)
        if len(page) < size:
            break
        before_id = page[-1].delivery.id
    print_table(rows)


async def _show(store: Store, arguments: Mapping[str, object]) -> None:
    actor = await _actor(store, arguments)
    details = await use_cases(store).get(actor, _id(arguments))
    print_table([("FIELD", "VALUE"), *_fields(details.record).items()])
    print_line("")
    print_table([_ATTEMPT_COLUMNS, *map(_attempt_row, details.attempts)])
    if arguments["payload"]:
        event = details.record.event
        print_line("")
        print_line(json.dumps(None if event is None else dict(event.payload)))


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of one delivery, or of many."""

    one: Callable[[Actor, int], Awaitable[DeliveryRecord]]
    matching: Callable[[Actor, DeliveryFilter, Callable[[], bool]], Awaitable[Bulk]]
    count: Callable[[Actor, DeliveryFilter], Awaitable[int]]
    done: str


async def _retry(store: Store, arguments: Mapping[str, object]) -> None:
    deliveries = use_cases(store)
    await _change(
        store, arguments, _Change(deliveries.retry, deliveries.retry_matching, deliveries.count_retryable, "retried")
    )


async def _cancel(store: Store, arguments: Mapping[str, object]) -> None:
    deliveries = use_cases(store)
    await _change(
        store,
        arguments,
        _Change(deliveries.cancel, deliveries.cancel_matching, deliveries.count_cancellable, "cancelled"),
    )


async def _change(store: Store, arguments: Mapping[str, object], change: _Change) -> None:
    if (arguments["id"] is None) is not bool(arguments["all"]):
        raise SettingsError("give either the ID of a delivery, or --all")
    if arguments["id"] is not None:
        await _change_one(store, arguments, change)
        return
    wanted = _filter(arguments)
    actor = await _actor(store, arguments)
    if arguments["count"]:
        print_line(str(await change.count(actor, wanted)))
        return
    bulk = await change.matching(actor, wanted, lambda: False)
    info(f"{bulk.changed} {'delivery is' if bulk.changed == 1 else 'deliveries are'} {change.done}")


async def _change_one(store: Store, arguments: Mapping[str, object], change: _Change) -> None:
    if arguments["count"] or any(arguments[name] is not None for name in FILTERS):
        raise SettingsError("--count and the filters choose among all deliveries; they go with --all")
    record = await change.one(await _actor(store, arguments), _id(arguments))
    info(f"delivery {record.delivery.id} is {change.done}")


def _explained(command: Command) -> Command:
    """Return the command with errors of the domain as failures."""

    async def run(store: Store, arguments: Mapping[str, object]) -> None:
        try:
            await command(store, arguments)
        except DomainError as error:
            data = {"id": arguments.get("id"), **vars(error)}
            raise Failure(_FAILURES[type(error)].format_map(data)) from error

    return run


COMMANDS: Mapping[str, Command] = {
    "list": _explained(_list),
    "show": _explained(_show),
    "retry": _explained(_retry),
    "cancel": _explained(_cancel),
}


async def _actor(store: Store, arguments: Mapping[str, object]) -> Actor:
    return Actor(SYSTEM, await owner_of(store, arguments))


def _id(arguments: Mapping[str, object]) -> int:
    """Return the id on the command line. Raise DeliveryNotFoundError for what no id looks like."""
    text = str(arguments["id"])
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if str(number) != text or number > _MAX_ID:
        raise DeliveryNotFoundError
    return number


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= MAX_LISTED:
        raise SettingsError(f"--limit: {text!r} is not a number between 1 and {MAX_LISTED}")
    return int(text)


def _filter(arguments: Mapping[str, object]) -> DeliveryFilter:
    target, event_type = arguments["target"], arguments["event_type"]
    aggregate_type, aggregate_id = _aggregate(arguments["aggregate"])
    return DeliveryFilter(
        target_id=None if target is None else printable("--target", target),
        event_type=None if event_type is None else printable("--event-type", event_type),
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        states=frozenset(map(_state, cast("Sequence[str]", arguments["states"] or ()))),
        from_ms=None if arguments["since"] is None else _since_ms(str(arguments["since"])),
    )


def _aggregate(given: object) -> tuple[str | None, str | None]:
    if given is None:
        return None, None
    aggregate_type, _, aggregate_id = str(given).partition("/")
    if not aggregate_type or not aggregate_id:
        raise SettingsError(f"--aggregate: {given!r} is not a type and an id, as order/4711")
    return aggregate_type, aggregate_id


def _state(text: str) -> DeliveryState:
    try:
        return DeliveryState(text)
    except ValueError:
        known = ", ".join(state.value for state in DeliveryState)
        raise SettingsError(f"--state: {text!r} is none of {known}") from None


def _since_ms(text: str) -> int:
    span = span_ns(text)
    if span is None:
        raise SettingsError(f"--since: {text!r} is not a span like 7d, 24h or 30m")
    return (time.time_ns() - span) // 1_000_000


def _row(record: DeliveryRecord) -> tuple[str, ...]:
    fields = _fields(record)
    return tuple(fields[column.lower()] for column in _COLUMNS)


def _fields(record: DeliveryRecord) -> Mapping[str, str]:
    """Return what is known of a delivery, by the name of each field."""
    delivery, event = record.delivery, record.event
    return {
        "id": str(delivery.id),
        "state": "running" if record.is_claimed else delivery.state.value,
        "reason": _NONE if delivery.reason is None else delivery.reason.value,
        "target": delivery.target_id,
        "event": _NONE if event is None else event.type,
        "aggregate": _NONE if event is None else f"{event.aggregate_type}/{event.public_aggregate_id}",
        "sequence": _NONE if event is None else str(event.sequence),
        "editor": _NONE if event is None else event.editor,
        "execution": delivery.execution,
        "attempts": str(delivery.attempts),
        "tries": _NONE if delivery.state is DeliveryState.DELIVERED else str(delivery.tries),
        "last": _outcome(delivery.last_outcome, delivery.last_status),
        "updated": _time(delivery.changed_ms),
        "due": _NONE if record.is_claimed else _time(delivery.due_ms),
        "created": _time(created_ms(delivery.id)),
    }


def _attempt_row(attempt: Attempt) -> tuple[str, ...]:
    return (
        str(attempt.number),
        attempt.kind.value,
        _time(attempt.at_ms),
        f"{attempt.duration_ms}ms",
        attempt.outcome,
        _NONE if attempt.status is None else str(attempt.status),
        str(attempt.worker),
    )


def _outcome(outcome: str, status: int | None) -> str:
    return (outcome if status is None else f"{outcome} {status}") or _NONE


def _time(ms: int | None) -> str:
    return utc(ms * 1_000_000) if ms else _NONE
