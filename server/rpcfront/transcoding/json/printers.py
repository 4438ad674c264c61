"""Converts scalars and map keys to JSON-ready values."""

import base64
import math
import struct
from collections.abc import Callable, Mapping
from typing import TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

Printer: TypeAlias = Callable[[object], object]

_FLOAT32 = struct.Struct("<f")


def scalar_printer(field: FieldDescriptor) -> Printer | None:
    """Return the function from a field's values to JSON-ready ones; None if they already are."""
    if field.enum_type is not None:
        return _enum_printer(field.enum_type)
    return _PRINTERS.get(field.type)


def key_printer(field: FieldDescriptor) -> Callable[[object], str]:
    """Return the function from a map's keys to strings."""
    return _print_boolean_key if field.type == FieldDescriptor.TYPE_BOOL else str


def _enum_printer(enum: EnumDescriptor) -> Printer:
    if enum.full_name == "google.protobuf.NullValue":
        return _print_null
    # A number with several names has the first one.
    names = {value.number: value.name for value in reversed(enum.values)}

    def print_name(value: object) -> object:
        # A number without a name stays a number.
        return names.get(value, value)  # type: ignore[call-overload]  # the keys are ints, as is every value

    return print_name


def _print_null(_: object) -> None:
    return None


def _print_boolean_key(value: object) -> str:
    return "true" if value else "false"


def _print_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _print_double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _print_float(value: float) -> float | str:
    """Return the shortest number that is the same 32-bit float: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return _print_double(value)
    for digits in range(6, 9):
        shorter = float(f"{value:.{digits}g}")
        if _FLOAT32.unpack(_FLOAT32.pack(shorter))[0] == value:
            return shorter
    return float(f"{value:.9g}")


_PRINTERS: Mapping[int, Callable[..., object]] = {
    FieldDescriptor.TYPE_INT64: str,
    FieldDescriptor.TYPE_SINT64: str,
    FieldDescriptor.TYPE_SFIXED64: str,
    FieldDescriptor.TYPE_UINT64: str,
    FieldDescriptor.TYPE_FIXED64: str,
    FieldDescriptor.TYPE_BYTES: _print_bytes,
    FieldDescriptor.TYPE_DOUBLE: _print_double,
    FieldDescriptor.TYPE_FLOAT: _print_float,
}
