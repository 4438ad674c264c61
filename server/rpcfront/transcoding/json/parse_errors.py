"""Errors in a JSON value, as the parts of the codec report them, and how they get their paths.

An error's path is relative to where it was found: "" for the value itself, ".tags[1]" for something inside. Each caller
prepends its own step, so that a message without errors never builds a path.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from rpcfront.status import FieldViolation

ParseError: TypeAlias = tuple[str, str]
"""Relative path and description."""
ParseErrors: TypeAlias = tuple[ParseError, ...] | None
"""None in the usual case: testing for it is cheaper than making an empty tuple."""
Merge: TypeAlias = Callable[[Any, object], ParseErrors]
"""Merges a JSON value into a protobuf message, typed Any since its fields are known at run time only."""

MAX_ERRORS = 100
"""Errors in one value after which no more are looked for."""

NOT_AN_OBJECT: ParseErrors = (("", "must be an object"),)


class WrongFormError(ValueError):
    """A JSON value that does not fit its field. The text is the violation's description."""


def below(step: str, errors: Iterable[ParseError]) -> tuple[ParseError, ...]:
    """Return the errors with `step` before their paths, for the level above."""
    return tuple((step + path, description) for path, description in errors)


def key_step(key: object) -> str:
    """Return the step into a map, as protovalidate writes it: `["key"]`, `[5]`, `[true]`."""
    return f"[{json.dumps(key, ensure_ascii=False)}]"


def violations(errors: Iterable[ParseError], path: str = "") -> list[FieldViolation]:
    """Return the errors in a message, or in its field at `path`, as violations."""
    return [FieldViolation((path + step).removeprefix("."), description) for step, description in errors]
