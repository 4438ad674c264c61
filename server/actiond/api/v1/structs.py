"""Converts google.protobuf.Struct, which holds JSON, without a loss that nobody would notice."""

import math
from collections.abc import Callable, Mapping
from typing import Any

MAX_LEVELS = 32
"""Objects and lists in each other. More of them make a message that protobuf's parsers refuse."""
_EXACT = 2**53
"""Up to here, a double holds every whole number."""
_MAX_INTEGER = 2**64
"""From here on, no whole number of 64 bits can have been meant."""


def object_of(struct: Any, level: int = 1) -> dict[str, object]:
    """Return a google.protobuf.Struct as JSON values. Raises ValueError, whose text is a rule for the field."""
    if level > MAX_LEVELS:
        raise ValueError(f"must not be nested in more than {MAX_LEVELS} levels")
    # Sorted, so that the same object is the same text, whichever protocol brought it.
    fields = struct.fields
    return {name: _value(fields[name], level) for name in sorted(fields)}


def is_too_deep(value: object, levels: int = MAX_LEVELS) -> bool:
    """Return whether a JSON value has more objects and lists in each other than so many."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_too_deep(one, levels - 1) for one in inner)


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
    "struct_value": object_of,
    "list_value": _list,
}
