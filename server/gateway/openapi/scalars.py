"""JSON Schema of the scalar kinds in proto3 JSON: as they are printed, as they are taken, and as text in a URL.

What is printed is narrow, and a client can rely on it; what is taken is all that the codec takes, but for spellings
that nobody writes: a pattern that admits a little less is one that can be read.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

Schema: TypeAlias = dict[str, Any]


class Form(Enum):
    """Which way a value goes."""

    PRINTED = "printed"
    """In a response."""
    TAKEN = "taken"
    """In a request's body."""
    TEXT = "text"
    """In a path or a query, where a number and its digits are the same."""


# A standard alphabet and full padding are printed; either alphabet, padded or not, is taken.
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_ANY_BASE64 = r"^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$"
_NAMED_FLOAT = r"^(?:NaN|-?Infinity)$"
_ANY_FLOAT = r"^(?:NaN|-?Infinity|-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,16})?(?:[eE][+-]?[0-9])?)$"
_LARGEST_FLOAT = (2 - 2**-23) * 2.0**127
_INT32 = ("int32", -(2**31), 2**31 - 1)
_UINT32 = ("uint32", 0, 2**32 - 1)
_INT64 = ("int64", -(2**63), 2**63 - 1)
_UINT64 = ("uint64", 0, 2**64 - 1)

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


def scalar_schema(field: FieldDescriptor, form: Form) -> Schema:
    """One value of a scalar field that is no enum."""
    if field.type in _INTEGERS:
        return _integer(*_INTEGERS[field.type], form)
    return _SCHEMAS[field.type](form)


def key_pattern(field: FieldDescriptor) -> Schema | None:
    """What the keys of a map look like, which JSON always writes as strings; None where any string is one."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return None
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"enum": ["true", "false"]}
    name, low, high = _INTEGERS[field.type]
    return {"pattern": _digits(low, len(str(high)) - 1), "description": name}


def _integer(name: str, low: int, high: int, form: Form) -> Schema:
    bounds: Schema = {"format": name, "minimum": low, "maximum": high}
    if form is Form.TAKEN:
        # One digit less than the largest number has: a pattern cannot compare.
        return {"type": ["integer", "string"], **bounds, "pattern": _digits(low, len(str(high)) - 1)}
    if form is Form.PRINTED and high > 2**32:
        return {"type": "string", "format": name, "pattern": _digits(low, len(str(high)))}
    return {"type": "integer", **bounds}


def _digits(low: int, most: int) -> str:
    sign = "-?" if low < 0 else ""
    return rf"^(?:0|{sign}[1-9][0-9]{{0,{most - 1}}})$"


def _float(name: str, bounds: Schema, form: Form) -> Schema:
    pattern = _NAMED_FLOAT if form is Form.PRINTED else _ANY_FLOAT
    return {"type": ["number", "string"], "format": name, **bounds, "pattern": pattern}


def _bytes(form: Form) -> Schema:
    pattern = _BASE64 if form is Form.PRINTED else _ANY_BASE64
    return {"type": "string", "contentEncoding": "base64", "pattern": pattern}


_SCHEMAS = {
    FieldDescriptor.TYPE_DOUBLE: lambda form: _float("double", {}, form),
    FieldDescriptor.TYPE_FLOAT: lambda form: _float(
        "float", {"minimum": -_LARGEST_FLOAT, "maximum": _LARGEST_FLOAT}, form
    ),
    FieldDescriptor.TYPE_BOOL: lambda _form: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: lambda _form: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: _bytes,
}
