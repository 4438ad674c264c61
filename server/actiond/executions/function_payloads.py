"""The payload of a function's execution: a JSON object, whose fields the targets' responses replace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import orjson

from actiond.executions.json_fields import merged_fields

NAME_KEY = "function"
"""The key of the function's name in what targets get, as ZITADEL has it."""


@dataclass(frozen=True, slots=True)
class FunctionPayload:
    """A Payload that is a JSON object, within the bounds of json_fields.py."""

    execution: str
    """Key of the function's condition, `function/NAME`."""
    fields: Mapping[str, object]
    """JSON values, without NAME_KEY."""

    async def body(self) -> bytes:
        return orjson.dumps({NAME_KEY: self.execution, **self.fields})

    async def merged(self, response_body: bytes) -> Self:
        fields = merged_fields(self.fields, response_body, fixed={NAME_KEY: self.execution})
        return self if fields is self.fields else type(self)(self.execution, fields)
