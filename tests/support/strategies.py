"""Messages of any type that have a JSON form, drawn by Hypothesis from their descriptor."""

import math
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PATHS = st.lists(st.from_regex(r"[a-z]{1,3}(_[a-z]{1,3}){0,2}(\.[a-z]{1,3}){0,2}", fullmatch=True), max_size=3)
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
}


@cache
def scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.cpp_type in INTEGERS:
        return INTEGERS[field.cpp_type]
    if field.enum_type is not None:
        # An open enum keeps unknown numbers; NullValue has only one.
        unknown = st.nothing() if field.enum_type.full_name == "google.protobuf.NullValue" else st.just(77)
        return st.sampled_from([value.number for value in field.enum_type.values]) | unknown
    return {
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_STRING: TEXT,
        FieldDescriptor.TYPE_BYTES: st.binary(max_size=6),
        # Only one NaN: other bit patterns do not survive JSON.
        FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False) | st.just(math.nan),
        FieldDescriptor.TYPE_FLOAT: st.floats(width=32, allow_nan=False) | st.just(math.nan),
    }[field.type]


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor, depth: int = 3) -> Any:
    """Return a strategy for messages of the type, nested at most `depth` deep."""
    message: Any = GetMessageClass(descriptor)()
    special = SPECIAL.get(descriptor.full_name)
    if special is not None:
        special(draw, message)
        return message
    fields = [field for field in descriptor.fields if depth or field.message_type is None]
    chosen = draw(st.sets(st.sampled_from(fields), max_size=6)) if fields else ()
    for field in sorted(chosen, key=lambda field: field.number):
        _fill(draw, message, field, depth)
    return message


def _fill(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        value = inner.fields_by_name["value"]
        for key in draw(st.lists(scalars(inner.fields_by_name["key"]), max_size=3)):
            if value.message_type is None:
                getattr(message, field.name)[key] = draw(scalars(value))
            else:
                getattr(message, field.name)[key].CopyFrom(draw(messages(value.message_type, depth - 1)))
    elif inner is None and field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(scalars(field), max_size=3)))
    elif inner is None:
        setattr(message, field.name, draw(scalars(field)))
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(messages(inner, depth - 1), max_size=2)))
    else:
        getattr(message, field.name).CopyFrom(draw(messages(inner, depth - 1)))
        getattr(message, field.name).SetInParent()


def _duration(draw: st.DrawFn, message: Any) -> None:
    sign = draw(st.sampled_from([1, -1]))
    message.seconds = sign * draw(st.integers(0, 315_576_000_000))
    message.nanos = sign * draw(st.sampled_from([0, 1, 1_000, 500_000_000, 999_999_999]))


def _timestamp(draw: st.DrawFn, message: Any) -> None:
    message.seconds = draw(st.integers(-62_135_596_800, 253_402_300_799))
    message.nanos = draw(st.sampled_from([0, 1, 1_000, 500_000_000, 999_999_999]))


def _mask(draw: st.DrawFn, message: Any) -> None:
    message.paths.extend(draw(PATHS))


def _value(draw: st.DrawFn, message: Any) -> None:
    fill_value(message, draw(JSON))


def _struct(draw: st.DrawFn, message: Any) -> None:
    for key, item in draw(st.dictionaries(TEXT, JSON, max_size=3)).items():
        fill_value(message.fields[key], item)


def _list(draw: st.DrawFn, message: Any) -> None:
    for item in draw(st.lists(JSON, max_size=3)):
        fill_value(message.values.add(), item)


def _any(draw: st.DrawFn, message: Any) -> None:
    # Types without maps, because the bytes of a map have no defined order.
    names = ["google.protobuf.Duration", "google.protobuf.FieldMask", "google.protobuf.StringValue"]
    own = [name for name in ("t.v1.Sub", "t.codec.Scalars") if _knows(message, name)]
    name = draw(st.sampled_from(names + own))
    message.Pack(draw(messages(message.DESCRIPTOR.file.pool.FindMessageTypeByName(name), 1)))


def _knows(message: Any, name: str) -> bool:
    try:
        message.DESCRIPTOR.file.pool.FindMessageTypeByName(name)
    except KeyError:
        return False
    return True


def fill_value(message: Any, value: Any) -> None:
    """Set a google.protobuf.Value to any JSON value."""
    if value is None:
        message.null_value = 0
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif isinstance(value, list):
        message.list_value.SetInParent()
        for item in value:
            fill_value(message.list_value.values.add(), item)
    else:
        message.struct_value.SetInParent()
        for key, item in value.items():
            fill_value(message.struct_value.fields[key], item)


SPECIAL = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _mask,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Value": _value,
}
