"""What a delivery of an event sends: the body, as ZITADEL's event executions have it, and the headers beside it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import orjson

from actiond.actions.events import Event, StoredPayload

VERSION = "v1"
"""Of the form of event payloads."""


def body_of(event: Event, instance: str) -> bytes:
    """Return the JSON that targets are sent: the same bytes for each attempt.

    instance: id that identifies this server to targets. Empty ids are left out.
    """
    fields = {
        "aggregateID": event.public_aggregate_id,
        "aggregateType": event.aggregate_type,
        "resourceOwner": event.owner,
        "instanceID": instance,
        "version": VERSION,
        "sequence": event.sequence,
        "event_type": event.type,
        "created_at": _rfc3339(event.created_at_ns),
        "userID": event.editor,
        "event_payload": _fragment(event.payload),
    }
    if not (instance and event.editor):
        fields = {name: value for name, value in fields.items() if value != ""}
    return orjson.dumps(fields)


def _fragment(payload: Mapping[str, object]) -> object:
    """Return the payload as orjson takes it: the text that is stored goes out as it is."""
    return orjson.Fragment(payload.text) if isinstance(payload, StoredPayload) else payload


def headers_of(delivery_id: int, attempt: int) -> Mapping[str, str]:
    """Return the headers that describe an attempt, without signatures and their time."""
    return {
        "Content-Type": "application/json",
        "webhook-id": str(delivery_id),
        "actiond-attempt": str(attempt),
    }


def _rfc3339(ns: int) -> str:
    """Return nanoseconds since the epoch as Go's RFC3339Nano does: without zeros at the end of the fraction."""
    seconds, nanos = divmod(ns, 1_000_000_000)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{_second(seconds)}{fraction}Z"


@lru_cache(16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
