"""A message of a method that is known by its name alone: a JSON object, passed on as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import orjson
from google.protobuf.struct_pb2 import Struct

from actiond.executions.json_fields import merged_fields


@dataclass(frozen=True, slots=True)
class JsonMessage:
    """A JSON object in place of a protobuf message."""

    fields: Mapping[str, object]
    """JSON values, within the bounds of json_fields.py."""
    sent: Struct | None = None
    """The same as the caller sent it, which match conditions look at; None once a target has changed it."""

    def encoded(self) -> bytes:
        return orjson.dumps(self.fields)

    def merged(self, response_body: bytes) -> Self:
        """Return the message as a response body changes it, or itself. Raises ValueError."""
        fields = merged_fields(self.fields, response_body)
        # As JSON, in which 1 is not true.
        if orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) == orjson.dumps(self.fields, option=orjson.OPT_SORT_KEYS):
            return self
        return type(self)(fields)
