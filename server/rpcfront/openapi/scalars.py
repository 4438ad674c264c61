"""JSON Schema of scalars in proto3 JSON: in responses, in requests, and as text in a URL.

Schemas of responses are narrow, so that clients can rely on them. Those of requests allow all that the codec accepts,
except unusual spellings of numbers in strings, such as "1e3" for an integer.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from rpcfront.openapi.integer_pattern import between

Schema: TypeAlias = dict[str, Any]

INT32: Schema = {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}
"""The number of an enum value."""


class Form(Enum):
    """Where a value is."""

    OUTPUT = "output"
    """In a response."""
    INPUT = "input"
    """In a request's body."""
    TEXT = "text"
    """In a path or a query, where a number and its digits look the same."""


# Output has the standard alphabet and full padding; input may have either alphabet, padded or not.
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_ANY_BASE64 = r"^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$"
_ANY_FLOAT = r"^(?:NaN|-?Infinity|-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,16})?(?:[eE][+-]?[0-9])?)$"
# Generators of clients have no unsigned integers, and take an unknown format for 32 bits.
_SIGNED = {"uint32": "int64", "uint64": "int64"}
# What is read as the largest 32-bit float: from half a step above it, numbers are rounded to infinity.
_MAX_FLOAT = 3.4028235677973362e38
_INT32 = ("int32", -(2**31), 2**31 - 1)
_UINT32 = ("uint32", 0, 2**32 - 1)
_INT64 = ("int64", -(2**63), 2**63 - 1)
_UINT64 = ("uint64", 0, 2**64 - 1)

_FLOATS = {FieldDescriptor.TYPE_DOUBLE: "double", FieldDescriptor.TYPE_FLOAT: "float"}
_INTEGERS: Mapping[int, tuple[str, int, int]] = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}


def scalar_name(field: FieldDescriptor) -> str | None:
    """Return the name of an integer's or a float's type; None for other scalars."""
    name = _INTEGERS[field.type][0] if field.type in _INTEGERS else None
    return _FLOATS.get(field.type, name)


def scalar_schema(field: FieldDescriptor, form: Form) -> Schema:
    """Return the schema of a scalar that is not an enum."""
    if field.type in _INTEGERS:
        return _integer(*_INTEGERS[field.type], form)
    return _SCHEMAS[field.type](form)


def key_pattern(field: FieldDescriptor) -> Schema | None:
    """Return the schema of a map's keys, which are always strings in JSON; None if any string is valid."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return None
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"enum": ["true", "false"]}
    name, low, high = _INTEGERS[field.type]
    return {"pattern": f"^{between(low, high)}$", "description": name}


def _integer(name: str, low: int, high: int, form: Form) -> Schema:
    if form is Form.OUTPUT and high >= 2**32:
        digits = len(str(high))
        return {"type": "string", "format": name, "pattern": f"^{'-?' if low else ''}[0-9]{{1,{digits}}}$"}
    number: Schema = {"type": "integer", "format": _SIGNED.get(name, name), "minimum": low, "maximum": high}
    if form is Form.INPUT:
        return {"anyOf": [number, {"type": "string", "pattern": f"^{between(low, high)}$"}]}
    return number


def _float(name: str, bounds: Schema, form: Form) -> Schema:
    number = {"type": "number", "format": name, **bounds}
    if form is Form.TEXT:
        return number
    if form is Form.INPUT:
        return {"anyOf": [number, {"type": "string", "pattern": _ANY_FLOAT}]}
    return {"anyOf": [number, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]}


def _bytes(form: Form) -> Schema:
    pattern = _BASE64 if form is Form.OUTPUT else _ANY_BASE64
    return {"type": "string", "contentEncoding": "base64", "pattern": pattern}


_SCHEMAS = {
    FieldDescriptor.TYPE_DOUBLE: lambda form: _float("double", {}, form),
    FieldDescriptor.TYPE_FLOAT: lambda form: _float("float", {"minimum": -_MAX_FLOAT, "maximum": _MAX_FLOAT}, form),
    FieldDescriptor.TYPE_BOOL: lambda _form: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: lambda _form: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: _bytes,
}
