"""Encodes the well-known types that have a special JSON form. Raises ValueError for a value without one."""

import base64
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from rpcfront.transcoding.json.fieldmask import print_mask
from rpcfront.transcoding.json.printers import scalar_printer
from rpcfront.transcoding.json.times import print_duration, print_timestamp
from rpcfront.transcoding.json.wellknown import find_type, has_special_json, is_wrapper

Print: TypeAlias = Callable[[Any], object]


def special_printer(descriptor: Descriptor) -> Print | None:
    """Return the encoder of a type with a special JSON form; None for any other, and for Any."""
    if is_wrapper(descriptor):
        printer = scalar_printer(descriptor.fields_by_name["value"])
        return _print_wrapped if printer is None else lambda message: printer(message.value)
    return _PRINTERS.get(descriptor.full_name)


def any_printer(pool: DescriptorPool, to_json: Callable[[Message], object]) -> Print:
    """Return the encoder of an Any, whose types are found in `pool`. Unknown types keep their bytes, in base64."""

    def print_any(message: Any) -> object:
        url: str = message.type_url
        if not url and not message.value:
            return {}
        descriptor = find_type(pool, url)
        if descriptor is None:
            return {"@type": url, "value": base64.b64encode(message.value).decode("ascii")}
        packed = GetMessageClass(descriptor)()
        try:
            type(packed).ParseFromString(packed, message.value)
        except DecodeError as error:
            raise ValueError(f"an Any does not hold the {descriptor.full_name} that it names") from error
        members = to_json(packed)
        if has_special_json(descriptor):
            return {"@type": url, "value": members}
        assert isinstance(members, dict)  # noqa: S101  every other type is an object
        return {"@type": url, **members}

    return print_any


def _print_wrapped(message: Any) -> object:
    return message.value


def _print_duration(message: Any) -> str:
    return print_duration(message.seconds, message.nanos)


def _print_timestamp(message: Any) -> str:
    return print_timestamp(message.seconds, message.nanos)


def _print_mask(message: Any) -> str:
    return print_mask(message.paths)


def _print_struct(message: Any) -> dict[str, object]:
    return {key: _print_value(value) for key, value in message.fields.items()}


def _print_list(message: Any) -> list[object]:
    return [_print_value(value) for value in message.values]


def _print_value(message: Any) -> object:
    kind = message.WhichOneof("kind")
    if kind is None:
        raise ValueError("a google.protobuf.Value without a kind has no JSON form")
    return _KINDS[kind](getattr(message, kind))


_EXACT = 2**53
"""Below this, a double that is a whole number is meant as one."""


def _print_number(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a google.protobuf.Value that is not a finite number has no JSON form")
    # As Go prints it: JSON has one kind of number, and some parsers refuse 7.0 where they want a whole one.
    return int(value) if value.is_integer() and abs(value) < _EXACT and (value or str(value) == "0.0") else value


def _same(value: object) -> object:
    return value


_KINDS: Mapping[str, Print] = {
    "null_value": lambda _: None,
    "number_value": _print_number,
    "string_value": _same,
    "bool_value": _same,
    "struct_value": _print_struct,
    "list_value": _print_list,
}
_PRINTERS: Mapping[str, Print] = {
    "google.protobuf.Duration": _print_duration,
    "google.protobuf.Timestamp": _print_timestamp,
    "google.protobuf.FieldMask": _print_mask,
    "google.protobuf.Struct": _print_struct,
    "google.protobuf.ListValue": _print_list,
    "google.protobuf.Value": _print_value,
}
