"""The payload of a function's execution: a JSON object, whose fields the targets' responses replace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import orjson

NAME_KEY = "function"
"""The key of the function's name in what targets get, as ZITADEL has it."""
MAX_BYTES = 256 * 1024
"""Limit on a payload and on a response as JSON, however many targets add to the payload."""
MAX_LEVELS = 32
"""Objects and lists in each other, the payload included."""
_EXACT = 2**53
"""Up to here, a double holds every whole number."""


@dataclass(frozen=True, slots=True)
class FunctionPayload:
    """A Payload that is a JSON object of at most MAX_BYTES and MAX_LEVELS, whose numbers are exact as doubles."""

    execution: str
    """Key of the function's condition, `function/NAME`."""
    fields: Mapping[str, object]
    """JSON values, without NAME_KEY."""

    async def body(self) -> bytes:
        return orjson.dumps({NAME_KEY: self.execution, **self.fields})

    async def merged(self, response_body: bytes) -> Self:
        if len(response_body) > MAX_BYTES:
            raise ValueError(f"is longer than {MAX_BYTES} bytes")
        if not response_body.strip():
            return self
        document = orjson.loads(response_body)
        if not isinstance(document, dict):
            raise ValueError("is not a JSON object")  # noqa: TRY004  # what a Payload raises
        document.pop(NAME_KEY, None)
        _check(document, 1)
        changed = type(self)(self.execution, {**self.fields, **document})
        if len(await changed.body()) > MAX_BYTES:
            raise ValueError(f"makes a payload of more than {MAX_BYTES} bytes")
        return changed


def _check(value: object, level: int) -> None:
    """Raise ValueError for what a google.protobuf.Struct cannot hold exactly."""
    if isinstance(value, dict | list):
        if level > MAX_LEVELS:
            raise ValueError(f"is nested in more than {MAX_LEVELS} levels")
        for inner in value.values() if isinstance(value, dict) else value:
            if not isinstance(inner, str):
                _check(inner, level + 1)
    elif isinstance(value, int) and abs(value) > _EXACT:
        raise ValueError(f"has the number {value}, which a double cannot hold exactly")
