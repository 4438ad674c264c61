"""The service of kinds.proto, which returns what it is sent, and a message of it with every field."""

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from tests.support.protos import compile_proto

EVERY: dict[str, Any] = {
    "double": "NaN",
    "float": 0.5,
    "int32": -(2**31),
    "uint32": 2**32 - 1,
    "int64": str(-(2**63)),
    "uint64": str(2**64 - 1),
    "bool": True,
    "string": "ü🎯",
    "bytes": "+/8=",
    "color": "RED",
    "duration": "-1.500s",
    "timestamp": "2024-06-01T12:00:00Z",
    "mask": "aB,c.d",
    "struct": {"a": [1.0, None, {"b": "c"}]},
    "value": {"a": None},
    "list": [1.0, "a", [None]],
    "any": {"@type": "type.googleapis.com/kinds.v1.Inner", "s": "in"},
    "empty": {},
    "doubleWrapper": 0.0,
    "floatWrapper": "-Infinity",
    "int64Wrapper": "0",
    "uint64Wrapper": "0",
    "int32Wrapper": 0,
    "uint32Wrapper": 3_000_000_000,
    "boolWrapper": False,
    "stringWrapper": "",
    "bytesWrapper": "",
    "doubles": [1.5, "Infinity", "NaN"],
    "uint64s": ["0", "1"],
    "colors": ["RED", 77, "COLOR_UNSPECIFIED"],
    "bytesList": ["", "AA=="],
    "timestamps": ["2024-06-01T12:00:00Z", "0001-01-01T00:00:00Z"],
    "inners": [{}, {"s": "a", "again": {"s": "b", "again": {}}}],
    "values": [None, 1.0, "a", {}, []],
    "nulls": [None, None],
    "int64Wrappers": ["1"],
    "anys": [{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}],
    "doubleMap": {"a": 1.0, "": "NaN"},
    "uint64Map": {"-1": "1"},
    "colorMap": {"true": "GREEN", "false": 5},
    "bytesMap": {"a": "AA=="},
    "timestampMap": {"a": "2024-06-01T12:00:00Z"},
    "innerMap": {"a": {"s": "a"}},
    "valueMap": {"a": None, "b": [1.0]},
    "inner": {},
    "optionalString": "",
    "optionalColor": "COLOR_UNSPECIFIED",
    "optionalInt64": "0",
    "chosenColor": "GREEN",
    "otherInt32": 0,
    "class": "1",
    "import": "2",
    "self": "3",
    "from": "4",
    "type": "5",
    "modelConfig": "7",
    "Under": "8",
    "json": "9",
    "body": "10",
    "client": "11",
}
"""As the server prints it."""

RULED: dict[str, Any] = {
    "pattern": "a/x/12",
    "contains": "a/b",
    "suffix": "a/b",
    "both": "abc",
    "listed": "b/c",
    "excluded": "b",
    "outside": 11,
    "listedInt64": "2",
    "yes": True,
    "defined": "GREEN",
    "listedColor": "RED",
    "excludedColor": "GREEN",
    "list": ["b/a", "/a"],
    "map": {"a/k": 1},
    "constant": 1.5,
    "required": "1s",
    "wrapper": "ab",
    "constantString": "k",
    "colors": ["RED", "COLOR_UNSPECIFIED"],
    "email": "a@example.com",
    "uuid": "9b4a7b4e-6f3c-4d0e-8b52-2f5c4f7f9c11",
    "ip": "127.0.0.1",
    "uri": "https://example.com/a",
    "host": "example.com",
    "b": {"s": "b"},
}
"""What obeys every rule."""


@cache
def service() -> ServiceDescriptor:
    return compile_proto((Path(__file__).parent / "kinds.proto").read_text()).FindServiceByName("kinds.v1.Kinds")


class Kinds:
    """Has a method of every name."""

    async def Stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request

    def __getattr__(self, name: str) -> Any:
        async def method(request: Any, context: Any) -> Any:
            return request

        return method
