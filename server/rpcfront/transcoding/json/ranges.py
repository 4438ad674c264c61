"""Finds Durations and Timestamps out of range in a message that was parsed from protobuf bytes.

The JSON decoder has checked them already; here paths and texts are the same. Compiled once per message type, of which
most have neither.
"""

from collections.abc import Callable, Iterable
from operator import methodcaller
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.parse_errors import MAX_ERRORS, ParseError, ParseErrors, below, key_step, violations
from rpcfront.transcoding.json.times import (
    DURATION_OUT_OF_RANGE,
    DURATION_SECONDS,
    NANOS,
    TIMESTAMP_LAST,
    TIMESTAMP_OUT_OF_RANGE,
    duration_in_range,
    timestamp_in_range,
)
from rpcfront.transcoding.json.wellknown import descriptor_of

Check: TypeAlias = Callable[[Any], ParseErrors]


def range_violations(message: Message) -> list[FieldViolation]:
    """Return a violation for each Duration or Timestamp out of range, at any depth, but not inside an Any."""
    try:
        check = _BY_CLASS[type(message)]
    except KeyError:
        check = _BY_CLASS[type(message)] = _type_check(descriptor_of(message), {})
    if check is None:
        return []
    errors = check(message)
    return [] if errors is None else violations(errors)


_BY_CLASS: dict[type[Message], Check | None] = {}


def _check_duration(message: Any) -> ParseErrors:
    return None if duration_in_range(message.seconds, message.nanos) else (("", DURATION_OUT_OF_RANGE),)


def _check_timestamp(message: Any) -> ParseErrors:
    return None if timestamp_in_range(message.seconds, message.nanos) else (("", TIMESTAMP_OUT_OF_RANGE),)


_TIMES: dict[str, Check] = {
    "google.protobuf.Duration": _check_duration,
    "google.protobuf.Timestamp": _check_timestamp,
}


_LAST = {"google.protobuf.Duration": DURATION_SECONDS, "google.protobuf.Timestamp": TIMESTAMP_LAST}
"""The largest number of seconds that is in range."""


def _type_check(descriptor: Descriptor, known: dict[Descriptor, Check]) -> Check | None:
    """Return the check of a type; None if it can hold no time. `known` is for types that refer to themselves."""
    if descriptor.full_name in _TIMES:
        return _TIMES[descriptor.full_name]
    if descriptor in known:
        return known[descriptor]
    if not _reaches_times(descriptor, set()):
        return None
    steps: list[tuple[str, Check]] = []

    def check(message: Any) -> ParseErrors:
        errors: list[ParseError] | None = None
        for step, check_field in steps:
            wrong = check_field(message)
            if wrong is not None:
                errors = [] if errors is None else errors
                errors.extend(below(step, wrong))
        return None if errors is None else tuple(errors)

    known[descriptor] = check
    for field in descriptor.fields:
        check_field = _field_check(field, known)
        if check_field is not None:
            steps.append((f".{field.name}", check_field))
    return check


def _field_check(field: FieldDescriptor, known: dict[Descriptor, Check]) -> Check | None:
    inner = field.message_type
    if inner is None:
        return None
    is_map = inner.GetOptions().map_entry
    element = inner.fields_by_name["value"].message_type if is_map else inner
    check = _type_check(element, known) if element is not None else None
    if check is None:
        return None
    if field.is_repeated:
        return _check_elements(field.name, methodcaller("items") if is_map else enumerate, check)
    name = field.name
    last = _LAST.get(element.full_name, -1) if element is not None else -1

    def check_field(message: Any) -> ParseErrors:
        if not type(message).HasField(message, name):
            return None
        value = getattr(message, name)
        if last >= 0 and 0 <= value.seconds <= last and 0 <= value.nanos < NANOS:
            return None  # as most times are
        return check(value)

    return check_field


def _check_elements(name: str, entries: Callable[[Any], Iterable[tuple[object, Any]]], check: Check) -> Check:
    def check_elements(message: Any) -> ParseErrors:
        errors: list[ParseError] = []
        for key, element in entries(getattr(message, name)):
            wrong = check(element)
            if wrong is not None:
                errors.extend(below(key_step(key), wrong))
                if len(errors) >= MAX_ERRORS:
                    break
        return tuple(errors) if errors else None

    return check_elements


def _reaches_times(descriptor: Descriptor, seen: set[Descriptor]) -> bool:
    if descriptor in seen:
        return False
    seen.add(descriptor)
    types = [field.message_type for field in descriptor.fields if field.message_type is not None]
    return any(inner.full_name in _TIMES or _reaches_times(inner, seen) for inner in types)
