"""Converts published events from protobuf."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from actiond.actions.use_cases.publishing import NewEvent
from actiond.api.v1.errors import PayloadInvalidError

MAX_PAYLOAD_BYTES = 256 * 1024
"""Limit on the payload of an event, as compact JSON."""
MAX_LEVELS = 32
"""Objects and lists in each other. More of them make a message that protobuf's parsers refuse."""
_EXACT = 2**53
"""Up to here, a double holds every whole number."""
_MAX_INTEGER = 2**64
"""From here on, no whole number of 64 bits can have been meant."""


def new_events(requests: Iterable[pb.PublishEventRequest]) -> list[NewEvent]:
    """Return the events that valid requests describe. Raises PayloadInvalidError."""
    return [
        NewEvent(
            type=request.type,
            aggregate_type=request.aggregate_type,
            aggregate_id=request.aggregate_id,
            payload=_payload(request.payload, position),
            id=request.event_id,
        )
        for position, request in enumerate(requests)
    ]


def _payload(struct: Struct, position: int) -> Mapping[str, object]:
    """Return a payload as JSON values. Raises PayloadInvalidError."""
    try:
        payload = _object(struct)
    except ValueError as error:
        raise PayloadInvalidError(str(error), position) from error
    if len(orjson.dumps(payload)) > MAX_PAYLOAD_BYTES:
        raise PayloadInvalidError(f"must be at most {MAX_PAYLOAD_BYTES} bytes of JSON", position)
    return payload


def _object(struct: Any, level: int = 1) -> dict[str, object]:
    if level > MAX_LEVELS:
        raise ValueError(f"must not be nested in more than {MAX_LEVELS} levels")
    # Sorted, so that the same object is the same text, whichever protocol brought it.
    fields = struct.fields
    return {name: _value(fields[name], level) for name in sorted(fields)}


def _list(values: Any, level: int) -> list[object]:
    if level > MAX_LEVELS:
        raise ValueError(f"must not be nested in more than {MAX_LEVELS} levels")
    return [_value(value, level) for value in values.values]


def _value(value: Any, level: int) -> object:
    """Return a google.protobuf.Value on a level. Raises ValueError for one that has no exact JSON form."""
    kind = value.WhichOneof("kind")
    if kind is None:
        raise ValueError("must not hold a google.protobuf.Value without a kind")
    return _KINDS[kind](getattr(value, kind), level + 1)


def _number(value: float, _level: int) -> float:
    """Return a number, as an integer if it is a whole one that a double holds exactly."""
    if not math.isfinite(value):
        raise ValueError(f"must not hold {value}, which has no JSON form")
    if not value.is_integer() or abs(value) >= _MAX_INTEGER:
        return value
    if abs(value) >= _EXACT:
        raise ValueError(f"must not hold {value:.0f}, which may have been rounded; send such a number as a string")
    return int(value)


def _same(value: object, _level: int) -> object:
    return value


_KINDS: Mapping[str, Callable[[Any, int], object]] = {
    "null_value": lambda _value, _level: None,
    "number_value": _number,
    "string_value": _same,
    "bool_value": _same,
    "struct_value": _object,
    "list_value": _list,
}
