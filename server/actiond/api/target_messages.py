"""Converts the parts of targets' messages that are the same in every version of the API."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration

from actiond.actions.queries import TextMethod
from actiond.actions.targets import Target, TargetType

_NANOS = 1_000_000_000

# By the member of the oneof `target_type`.
_TYPES = {
    "rest_webhook": TargetType.WEBHOOK,
    "rest_call": TargetType.CALL,
    "rest_async": TargetType.ASYNC,
}
_MEMBERS = {target_type: member for member, target_type in _TYPES.items()}

TEXT_METHODS: Mapping[int, TextMethod] = {
    0: TextMethod.EQUALS,
    1: TextMethod.EQUALS_IGNORE_CASE,
    2: TextMethod.STARTS_WITH,
    3: TextMethod.STARTS_WITH_IGNORE_CASE,
    4: TextMethod.CONTAINS,
    5: TextMethod.CONTAINS_IGNORE_CASE,
    6: TextMethod.ENDS_WITH,
    7: TextMethod.ENDS_WITH_IGNORE_CASE,
}
"""By their numbers in the enums TextQueryMethod and TextFilterMethod."""


def target_type_of(message: Any) -> TargetType | None:
    """Return the type that a message has in its oneof `target_type`; None without one."""
    member = message.WhichOneof("target_type")
    return None if member is None else _TYPES[member]


def interrupts(message: Any) -> bool | None:
    """Return whether a target of the message's type interrupts on errors; None without a type."""
    member = message.WhichOneof("target_type")
    return None if member is None else getattr(getattr(message, member), "interrupt_on_error", False)


def put_target_type(message: Any, target: Target) -> None:
    """Fill in a message's oneof `target_type`."""
    member = getattr(message, _MEMBERS[target.type])
    member.SetInParent()
    if target.type.waits:
        member.interrupt_on_error = target.interrupt_on_error


def nanoseconds(duration: Duration) -> int:
    """Return a valid duration in nanoseconds."""
    return duration.seconds * _NANOS + duration.nanos


def put_nanoseconds(message: Duration, duration_ns: int) -> None:
    """Fill in a duration."""
    message.seconds, message.nanos = divmod(duration_ns, _NANOS)
