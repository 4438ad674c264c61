"""Reads scalars from JSON, from text (path and query) and from the keys of maps.

A reader returns the value that protobuf stores, or raises WrongFormError. It is as strict as the proto3 JSON
specification: numbers may be strings, in JSON's own grammar; booleans may not; enums are names or numbers.
"""

import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from rpcfront.transcoding.json.parse_errors import WrongFormError
from rpcfront.transcoding.json.strict_json import EXACT, InexactNumberError, exact_number

Reader: TypeAlias = Callable[[object], object]

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# One spelling per number, so that no two keys of a map are equal.
_INTEGER_KEY = re.compile(r"0|-?[1-9][0-9]{0,19}")
_BASE64 = re.compile(r"([A-Za-z0-9+/_-]*)(={0,2})")
_URL_SAFE = str.maketrans("-_", "+/")
# From here on numbers are rounded to infinity: half a step above the largest 32-bit float.
_BEYOND_FLOAT32 = (2 - 2**-24) * 2.0**127
_INT32 = (-(2**31), 2**31 - 1)
_INTEGERS: Mapping[int, tuple[int, int]] = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}
_NAMED_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BOOLEANS = {"true": True, "false": False}
_MAX_NAMES = 10


def json_reader(field: FieldDescriptor) -> Reader:
    """Return the reader of a scalar or enum field, or of its elements. The caller deals with null."""
    if field.type in _INTEGERS:
        return _integer_reader(*_INTEGERS[field.type])
    if field.enum_type is not None:
        return _null_value_reader(field.enum_type) if is_null_value(field) else _enum_reader(field.enum_type)
    return _READERS[field.type]


def text_reader(field: FieldDescriptor) -> Callable[[str], object]:
    """Return the reader of a scalar or enum field from a path variable or a query parameter."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _read_boolean_text
    if field.enum_type is not None:
        return _enum_text_reader(field.enum_type)
    return json_reader(field)


def key_reader(field: FieldDescriptor) -> Callable[[str], object]:
    """Return the reader of a map's keys, which are always strings in JSON."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _read_boolean_text
    if field.type == FieldDescriptor.TYPE_STRING:
        return _read_string
    read = json_reader(field)

    def read_integer_key(key: str) -> object:
        # Any other spelling gets the same error as a number that no field can hold.
        return read(key if _INTEGER_KEY.fullmatch(key) else "")

    return read_integer_key


def is_null_value(field: FieldDescriptor) -> bool:
    """Return whether it is the enum whose only JSON value is null."""
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"


def _integer_reader(low: int, high: int) -> Reader:
    wrong = f"must be a whole number from {low} to {high}"

    def read(value: object) -> int:
        if type(value) is str and _NUMBER.fullmatch(value):
            value = exact_number(value)
        if type(value) is float and value.is_integer():
            if abs(value) < EXACT:
                value = int(value)
            elif abs(value) < 2.0**65:
                raise InexactNumberError
        if type(value) is int and low <= value <= high:
            return value
        raise WrongFormError(wrong)

    def read_fast(value: object) -> int:
        return value if type(value) is int and low <= value <= high else read(value)

    return read_fast


def _read_double(value: object) -> float:
    if type(value) is float:
        return value
    if type(value) is str:
        if value in _NAMED_FLOATS:
            return _NAMED_FLOATS[value]
        if _NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
            return number
    elif isinstance(value, int | float) and type(value) is not bool:
        return float(value)
    raise WrongFormError('must be a number, or "NaN", "Infinity" or "-Infinity"')


def _read_float(value: object) -> float:
    number = _read_double(value)
    if abs(number) >= _BEYOND_FLOAT32 and math.isfinite(number):
        raise WrongFormError("must be a number that fits into 32 bits")
    return number


def _read_boolean(value: object) -> bool:
    if value is True or value is False:
        return value
    raise WrongFormError("must be true or false")


def _read_boolean_text(value: str) -> bool:
    if value in _BOOLEANS:
        return _BOOLEANS[value]
    raise WrongFormError("must be true or false")


def _read_string(value: object) -> str:
    if type(value) is str:
        return value
    raise WrongFormError("must be a string")


def _read_bytes(value: object) -> bytes:
    if type(value) is str and (parts := _BASE64.fullmatch(value)):
        digits, padding = parts.groups()
        missing = -len(digits) % 4
        # Padded completely, or not at all. A single digit in a group of four has too few bits for a byte.
        if missing != 3 and len(padding) in (0, missing):
            return binascii.a2b_base64(digits.translate(_URL_SAFE) + "=" * missing)
    raise WrongFormError("must be a string in base64")


def _enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = {value.name: value.number for value in enum.values}
    known = frozenset(numbers.values())
    low, high = _INT32
    wrong = f"must be one of {', '.join(numbers)}"
    if len(numbers) > _MAX_NAMES:
        wrong = f"must be the name or the number of a {enum.full_name}"

    def read(value: object) -> int:
        if type(value) is str and value in numbers:
            return numbers[value]
        if type(value) is float and value.is_integer():
            value = int(value)
        # An open enum keeps unknown numbers.
        if type(value) is int and (value in known or (low <= value <= high and not enum.is_closed)):
            return value
        raise WrongFormError(wrong)

    return read


def _enum_text_reader(enum: EnumDescriptor) -> Callable[[str], object]:
    read = _enum_reader(enum)

    def read_text(value: str) -> object:
        return read(int(value) if _INTEGER_KEY.fullmatch(value) else value)

    return read_text


def _null_value_reader(enum: EnumDescriptor) -> Reader:
    read = _enum_reader(enum)

    def read_null(value: object) -> object:
        return 0 if value is None else read(value)

    return read_null


_READERS: Mapping[int, Reader] = {
    FieldDescriptor.TYPE_DOUBLE: _read_double,
    FieldDescriptor.TYPE_FLOAT: _read_float,
    FieldDescriptor.TYPE_BOOL: _read_boolean,
    FieldDescriptor.TYPE_STRING: _read_string,
    FieldDescriptor.TYPE_BYTES: _read_bytes,
}
