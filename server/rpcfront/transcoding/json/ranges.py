"""Finds Durations and Timestamps out of their range in a message that came as protobuf bytes.

Nothing has looked at them yet there. Paths and words are those of the decoder. Compiled per message type, and most
types hold none.
"""

from collections.abc import Callable, Iterable
from operator import methodcaller
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.parse_errors import MOST, Fault, Faults, below, key_step, violations
from rpcfront.transcoding.json.times import (
    DURATION_OUT_OF_RANGE,
    TIMESTAMP_OUT_OF_RANGE,
    duration_in_range,
    timestamp_in_range,
)
from rpcfront.transcoding.json.wellknown import descriptor_of

Check: TypeAlias = Callable[[Any], Faults]


def range_violations(message: Message) -> list[FieldViolation]:
    """A violation for each Duration or Timestamp out of its range, at any depth; not inside an Any."""
    try:
        check = _BY_CLASS[type(message)]
    except KeyError:
        check = _BY_CLASS[type(message)] = _type_check(descriptor_of(message), {})
    if check is None:
        return []
    faults = check(message)
    return [] if faults is None else violations(faults)


_BY_CLASS: dict[type[Message], Check | None] = {}


def _check_duration(message: Any) -> Faults:
    return None if duration_in_range(message.seconds, message.nanos) else (("", DURATION_OUT_OF_RANGE),)


def _check_timestamp(message: Any) -> Faults:
    return None if timestamp_in_range(message.seconds, message.nanos) else (("", TIMESTAMP_OUT_OF_RANGE),)


_TIMES: dict[str, Check] = {
    "google.protobuf.Duration": _check_duration,
    "google.protobuf.Timestamp": _check_timestamp,
}


def _type_check(descriptor: Descriptor, known: dict[Descriptor, Check]) -> Check | None:
    """The check of a type; None if it can hold no time at all. `known` lets a type that holds itself find itself."""
    if descriptor.full_name in _TIMES:
        return _TIMES[descriptor.full_name]
    if descriptor in known:
        return known[descriptor]
    if not _reaches_times(descriptor, set()):
        return None
    steps: list[tuple[str, Check]] = []

    def check(message: Any) -> Faults:
        faults: list[Fault] = []
        for step, check_field in steps:
            wrong = check_field(message)
            if wrong is not None:
                faults.extend(below(step, wrong))
        return tuple(faults) if faults else None

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
    return lambda message: check(getattr(message, name)) if message.HasField(name) else None


def _check_elements(name: str, entries: Callable[[Any], Iterable[tuple[object, Any]]], check: Check) -> Check:
    def check_elements(message: Any) -> Faults:
        faults: list[Fault] = []
        for key, element in entries(getattr(message, name)):
            wrong = check(element)
            if wrong is not None:
                faults.extend(below(key_step(key), wrong))
                if len(faults) >= MOST:
                    break
        return tuple(faults) if faults else None

    return check_elements


def _reaches_times(descriptor: Descriptor, seen: set[Descriptor]) -> bool:
    if descriptor in seen:
        return False
    seen.add(descriptor)
    types = [field.message_type for field in descriptor.fields if field.message_type is not None]
    return any(inner.full_name in _TIMES or _reaches_times(inner, seen) for inner in types)
