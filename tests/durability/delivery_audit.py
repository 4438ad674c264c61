"""Compares what clients know of, what the database holds and what a receiver has logged. Knows no server."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.durability.delivery_load import EVENT_TYPE, Known
from tests.support.delivery_database import DeliveryContent, EventKey, StoredAttempt, StoredEvent
from tests.support.targets.receiver import ReceiverLog

Pair = tuple[int, str]
"""Position of an event, and the id of a target that it is delivered to."""

NO_RESULT = ("lost", "superseded", "cancelled")
"""Outcomes of attempts whose response, if there was one, does not count."""
UNHEARD = (*NO_RESULT, "timeout")
"""Outcomes of attempts that the receiver may have accepted. A worker that was stopped looks at its timers first."""


@dataclass(slots=True)
class Audit:
    """What was found in one look. A list that is not empty is a violation."""

    events: int = 0
    expected: int = 0
    """Deliveries that the events must have."""
    delivered: int = 0
    unfinished: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    """By reason."""
    requests: int = 0
    duplicates: int = 0
    """Requests that followed a 2xx response to the attempt before."""
    claims_lost: int = 0
    """Attempts that a stop cut off, and timeouts, included."""

    lost_events: list[EventKey] = field(default_factory=list)
    """Acknowledged, and not in the database."""
    published_twice: list[str] = field(default_factory=list)
    """Ids of published events, of which there are two in the database, or one with another sequence than was told."""
    torn_batches: list[str] = field(default_factory=list)
    """First ids of batches that were published in part."""
    missing: list[Pair] = field(default_factory=list)
    """Neither delivered nor unfinished nor dead."""
    unexpected: list[Pair] = field(default_factory=list)
    """Deliveries to targets that the execution did not name at the time of the event."""
    doubled: list[Pair] = field(default_factory=list)
    """Of which there are two deliveries, or which are delivered and unfinished."""
    never_received: list[int] = field(default_factory=list)
    """Delivered as the database has it, but not as the receiver has it."""
    strangers: list[int] = field(default_factory=list)
    """Received, but not in the database, or as another event's."""
    changed_bodies: list[int] = field(default_factory=list)
    """Received with more than one body."""
    sent_twice: list[tuple[int, int]] = field(default_factory=list)
    """Ids and attempts that were received twice."""
    needless_duplicates: list[int] = field(default_factory=list)
    """Received again after a success whose claim was not lost."""
    out_of_order: list[tuple[int, int]] = field(default_factory=list)
    """Pairs of ids of one target and aggregate, of which the second arrived before the first."""
    miscounted: list[str] = field(default_factory=list)
    """States of which the store counts more or fewer deliveries than there are."""

    def violations(self) -> Mapping[str, Sequence[object]]:
        """Return the lists that are not empty, by name."""
        found = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: value for name, value in found if isinstance(value, list) and value}


def audit(known: Known, before: int, content: DeliveryContent, log: ReceiverLog) -> Audit:
    """Look at everything.

    known: read before `content`.
    before: how many requests the receiver had logged before `content` was read.
    log: read after `content`.
    """
    audit = Audit(events=len(content.events), requests=len(log.requests))
    audit.lost_events = sorted(known.events - {event.key for event in content.events.values()})
    _compare_publications(audit, known, content)
    _compare_deliveries(audit, content)
    _compare_requests(audit, content, log, before)
    _count_duplicates(audit, content, log, before)
    audit.out_of_order = list(_out_of_order(content, log))
    states = Counter(delivery.state for delivery in content.deliveries)
    audit.miscounted = [state for state in {*states, *content.counts} if states[state] != content.counts.get(state, 0)]
    return audit


def expected_pairs(events: Mapping[int, StoredEvent]) -> Iterator[Pair]:
    """Yield what the events must be delivered to, by the executions that the events themselves tell of."""
    plans: dict[str, list[str]] = {}
    for position, event in sorted(events.items()):
        if event.type == "execution.set":
            plans[event.aggregate_id] = [step["target"] for step in event.payload["targets"]]
        elif event.type == "execution.removed":
            del plans[event.aggregate_id]
        for target_id in dict.fromkeys(_most_specific(plans, event.type)):
            yield position, target_id


def _most_specific(plans: Mapping[str, list[str]], event_type: str) -> list[str]:
    group = event_type.partition(".")[0]
    for key in (f"event/{event_type}", f"event/{group}.*", "event"):
        if key in plans:
            return plans[key]
    return []


def _compare_publications(audit: Audit, known: Known, content: DeliveryContent) -> None:
    keys: dict[str, list[EventKey]] = {}
    for event in content.events.values():
        if event.type == EVENT_TYPE:
            keys.setdefault(event.payload["id"], []).append(event.key)
    twice = {event_id for event_id, of_id in keys.items() if len(of_id) > 1}
    differing = {event_id for event_id, key in known.published.items() if keys.get(event_id, [key]) != [key]}
    audit.published_twice = sorted(twice | differing)
    audit.torn_batches = [batch[0] for batch in known.batches if 0 < sum(one in keys for one in batch) < len(batch)]


def _compare_deliveries(audit: Audit, content: DeliveryContent) -> None:
    expected = set(expected_pairs(content.events))
    pairs: dict[Pair, set[int]] = {}
    delivered = {attempt.delivery_id for attempt in content.attempts if attempt.outcome == "ok"}
    for attempt in content.attempts:
        if attempt.outcome == "ok":
            pairs.setdefault((attempt.event_position, attempt.target_id), set()).add(attempt.delivery_id)
    audit.delivered = len(delivered)
    for delivery in content.deliveries:
        pair = (delivery.event_position, delivery.target_id)
        if delivery.id in delivered:
            audit.doubled.append(pair)
        pairs.setdefault(pair, set()).add(delivery.id)
        if delivery.is_unfinished:
            audit.unfinished += 1
        else:
            audit.dead[delivery.reason or ""] += 1
    audit.expected = len(expected)
    audit.missing = sorted(expected - pairs.keys())
    audit.unexpected = sorted(pairs.keys() - expected)
    audit.doubled += [pair for pair, ids in pairs.items() if len(ids) > 1]


def _compare_requests(audit: Audit, content: DeliveryContent, log: ReceiverLog, before: int) -> None:
    known = {delivery.id: delivery.event_position for delivery in content.deliveries}
    known |= {attempt.delivery_id: attempt.event_position for attempt in content.attempts}
    digests: dict[int, str] = {}
    seen: set[tuple[int, int]] = set()
    for number, request in enumerate(log.requests):
        if digests.setdefault(request.delivery_id, request.digest) != request.digest:
            audit.changed_bodies.append(request.delivery_id)
        if (request.delivery_id, request.attempt) in seen:
            audit.sent_twice.append((request.delivery_id, request.attempt))
        seen.add((request.delivery_id, request.attempt))
        if number < before:
            position = known.get(request.delivery_id)
            if position is None or content.events[position].key != request.event:
                audit.strangers.append(request.delivery_id)
    audit.never_received = [
        attempt.delivery_id
        for attempt in content.attempts
        if attempt.outcome == "ok" and (attempt.delivery_id, attempt.number) not in seen
    ]


def _count_duplicates(audit: Audit, content: DeliveryContent, log: ReceiverLog, before: int) -> None:
    """Count the requests that followed a success, which is right only where the success was lost with its claim."""
    lost = {(attempt.delivery_id, attempt.number) for attempt in content.attempts if attempt.outcome in UNHEARD}
    latest: dict[int, int] = {}
    for number, request in enumerate(log.requests[:before]):
        attempt = (request.delivery_id, latest.get(request.delivery_id, 0))
        if log.successes.get(attempt, number) < number:
            audit.duplicates += 1
            if attempt not in lost:
                audit.needless_duplicates.append(request.delivery_id)
        latest[request.delivery_id] = request.attempt
    audit.claims_lost = len(lost)


def _out_of_order(content: DeliveryContent, log: ReceiverLog) -> Iterator[tuple[int, int]]:
    """Yield pairs of deliveries whose first attempts did not follow the sequence of their aggregate."""
    arrivals: dict[tuple[int, int], int] = {}
    first_arrivals: dict[int, int] = {}
    for number, request in enumerate(log.requests):
        arrivals.setdefault((request.delivery_id, request.attempt), number)
        first_arrivals.setdefault(request.delivery_id, number)
    for line in _lines(content):
        for earlier, later in pairwise(line):
            result = next((attempt for attempt in earlier if attempt.outcome not in NO_RESULT), None)
            if result is None:
                continue
            arrived = arrivals.get((result.delivery_id, result.number))
            later_id = later[0].delivery_id
            if arrived is not None and first_arrivals.get(later_id, arrived) < arrived:
                yield result.delivery_id, later_id


def _lines(content: DeliveryContent) -> Iterator[list[list[StoredAttempt]]]:
    """Yield the attempts of all deliveries of one target and aggregate, sorted by the sequence."""
    by_delivery: dict[int, list[StoredAttempt]] = {}
    for attempt in content.attempts:
        by_delivery.setdefault(attempt.delivery_id, []).append(attempt)
    lines: dict[tuple[str, str, str], dict[int, list[StoredAttempt]]] = {}
    for attempts in by_delivery.values():
        event = content.events[attempts[0].event_position]
        line = (attempts[0].target_id, event.aggregate_type, event.aggregate_id)
        lines.setdefault(line, {})[event.sequence] = attempts
    for of_line in lines.values():
        yield [attempts for _, attempts in sorted(of_line.items())]


def undelivered(content: DeliveryContent, log: ReceiverLog) -> list[Pair]:
    """Return what has neither arrived nor is dead. Call it when nothing is unfinished any more."""
    settled = {(delivery.event_position, delivery.target_id) for delivery in content.deliveries}
    received = {(request.delivery_id, request.attempt) for request in log.requests}
    for attempt in content.attempts:
        # A receiver that is killed may not have logged a response that it sent.
        key = (attempt.delivery_id, attempt.number)
        if key in log.successes or (attempt.outcome == "ok" and key in received):
            settled.add((attempt.event_position, attempt.target_id))
    return sorted(set(expected_pairs(content.events)) - settled)


def show(audit: Audit) -> str:
    """Return the figures as JSON."""
    return json.dumps(
        {
            "events": audit.events,
            "expected": audit.expected,
            "delivered": audit.delivered,
            "unfinished": audit.unfinished,
            "dead": dict(audit.dead),
            "requests": audit.requests,
            "duplicates": audit.duplicates,
            "claims_lost": audit.claims_lost,
        }
    )
