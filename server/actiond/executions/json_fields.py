"""What a target's response makes of a JSON object that has no type: its fields replace those of the same name.

A field is replaced as a whole, whatever it holds, and null is a value like any other.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

MAX_BYTES = 256 * 1024
"""Limit on an object and on a response as JSON, however many targets add to the object."""
MAX_LEVELS = 32
"""Objects and lists in each other, the object included."""
_EXACT = 2**53
"""Up to here, a double holds every whole number."""
_NOTHING: Mapping[str, object] = MappingProxyType({})


def merged_fields(
    fields: Mapping[str, object], response_body: bytes, fixed: Mapping[str, object] = _NOTHING
) -> Mapping[str, object]:
    """Return the fields with those of a response in place of the old ones; the same object if the response is empty.

    fixed: fields that targets are sent beside these, and that responses do not change.

    Raises ValueError for a response that is not a JSON object within the bounds, or whose numbers are not exact as
    doubles.
    """
    if len(response_body) > MAX_BYTES:
        raise ValueError(f"is longer than {MAX_BYTES} bytes")
    if not response_body.strip():
        return fields
    document = orjson.loads(response_body)
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  # what a Payload raises
    for key in fixed:
        document.pop(key, None)
    _check(document, 1)
    merged = {**fields, **document}
    if len(orjson.dumps({**fixed, **merged})) > MAX_BYTES:
        raise ValueError(f"makes a payload of more than {MAX_BYTES} bytes")
    return merged


def _check(container: Any, level: int) -> None:
    """Raise ValueError for what in a JSON object or list a google.protobuf.Struct cannot hold exactly."""
    if level > MAX_LEVELS:
        raise ValueError(f"is nested in more than {MAX_LEVELS} levels")
    for value in container.values() if isinstance(container, dict) else container:
        kind = type(
            value
        )  # as orjson makes them: a call, or `isinstance`, for each value would take three times as long
        if kind is int:
            if not -_EXACT <= value <= _EXACT:
                raise ValueError(f"has the number {value}, which a double cannot hold exactly")
        elif kind is dict or kind is list:
            _check(value, level + 1)
