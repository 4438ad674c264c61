"""What the parts of the codec say of a JSON value of the wrong form, and how a fault gets its path on the way out.

A fault's path is relative to where it was found: "" for the value itself, ".tags[1]" for something inside. Whoever
looked inside puts its own step before it, so that a message without faults never builds a path.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from rpcfront.status import FieldViolation

Fault: TypeAlias = tuple[str, str]
"""Relative path and description."""
Faults: TypeAlias = tuple[Fault, ...] | None
"""None is the usual case, and cheaper to test than an empty tuple is to make."""
Merge: TypeAlias = Callable[[Any, object], Faults]
"""Merges a JSON value into a protobuf message. Typed Any: the fields of a message are known at run time only."""

MOST = 100
"""No more faults are looked for in one value: a caller who makes more has made his point."""

NOT_AN_OBJECT: Faults = (("", "must be an object"),)


class WrongFormError(ValueError):
    """A JSON value that its field cannot take; the text is the violation's description."""


def below(step: str, faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """The same faults as seen from one level up."""
    return tuple((step + path, description) for path, description in faults)


def key_step(key: object) -> str:
    """The step into a map: `["key"]`, `[5]`, `[true]`, as protovalidate writes them."""
    return f"[{json.dumps(key, ensure_ascii=False)}]"


def violations(faults: Iterable[Fault], path: str = "") -> list[FieldViolation]:
    """The faults of a whole message, or of the field at `path`, for the caller."""
    return [FieldViolation((path + step).removeprefix("."), description) for step, description in faults]
