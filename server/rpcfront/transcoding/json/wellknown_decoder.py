"""Decodes the well-known types that have a special JSON form.

Duration, Timestamp, FieldMask, Struct, Value, ListValue, the wrappers and Any.
"""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from rpcfront.transcoding.json.fieldmask import read_mask
from rpcfront.transcoding.json.parse_errors import NOT_AN_OBJECT, Merge, ParseErrors, WrongFormError, below
from rpcfront.transcoding.json.scalars import json_reader
from rpcfront.transcoding.json.times import read_duration, read_timestamp
from rpcfront.transcoding.json.wellknown import descriptor_of, find_type, has_special_json, is_wrapper


def special_merge(descriptor: Descriptor) -> Merge | None:
    """Return the decoder of a type with a special JSON form; None for any other, and for Any."""
    if is_wrapper(descriptor):
        return _wrapper_merge(descriptor.fields_by_name["value"])
    return _MERGES.get(descriptor.full_name)


def any_merge(pool: DescriptorPool, type_merge: Callable[[Descriptor], Merge], *, ignore_unknown_fields: bool) -> Merge:
    """Return the decoder of an Any, whose types are found in `pool` and compiled by `type_merge`."""

    def merge_packed(packed: Any, members: dict[str, object]) -> ParseErrors:
        descriptor = descriptor_of(packed)
        merge = type_merge(descriptor)
        if not has_special_json(descriptor):
            return merge(packed, members)
        unknown = () if ignore_unknown_fields else members.keys() - {"value"}
        errors = [(f".{key}", "is not a field of this message") for key in unknown]
        if "value" not in members:
            errors.append((".value", "must be given"))
        else:
            errors.extend(below(".value", merge(packed, members["value"]) or ()))
        return tuple(errors) or None

    def merge(message: Any, value: object) -> ParseErrors:
        if type(value) is not dict:
            return NOT_AN_OBJECT
        if not value:
            message.SetInParent()
            return None
        url = value.get("@type")
        descriptor = find_type(pool, url) if type(url) is str and "/" in url else None
        if descriptor is None:
            return (("", 'must have as "@type" the URL of a message type that is known here'),)
        packed = GetMessageClass(descriptor)()
        errors = merge_packed(packed, {key: item for key, item in value.items() if key != "@type"})
        if errors is None:
            message.type_url = url
            message.value = type(packed).SerializeToString(packed)
        return errors

    return merge


def _wrapper_merge(field: FieldDescriptor) -> Merge:
    read = json_reader(field)

    def merge(message: Any, value: object) -> ParseErrors:
        try:
            message.value = read(value)
        except WrongFormError as wrong:
            return (("", str(wrong)),)
        message.SetInParent()
        return None

    return merge


def _seconds_merge(read: Callable[[object], tuple[int, int]]) -> Merge:
    def merge(message: Any, value: object) -> ParseErrors:
        try:
            message.seconds, message.nanos = read(value)
        except WrongFormError as wrong:
            return (("", str(wrong)),)
        return None

    return merge


def _merge_mask(message: Any, value: object) -> ParseErrors:
    try:
        paths = read_mask(value)
    except WrongFormError as wrong:
        return (("", str(wrong)),)
    message.SetInParent()
    message.paths[:] = paths
    return None


def _merge_struct(message: Any, value: object) -> ParseErrors:
    if type(value) is not dict:
        return NOT_AN_OBJECT
    # Also marks it as present if it is empty.
    message.Clear()
    fields = message.fields
    for key, item in value.items():
        _merge_value(fields[key], item)
    return None


def _merge_list(message: Any, value: object) -> ParseErrors:
    if type(value) is not list:
        return (("", "must be an array"),)
    message.Clear()
    add = message.values.add
    for item in value:
        _merge_value(add(), item)
    return None


def _merge_value(message: Any, value: object) -> ParseErrors:
    if value is None:
        message.null_value = 0
    elif value is True or value is False:
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif isinstance(value, int | float):
        message.number_value = float(value)
    elif isinstance(value, dict):
        _merge_struct(message.struct_value, value)
    else:
        _merge_list(message.list_value, value)
    return None


_MERGES: Mapping[str, Merge] = {
    "google.protobuf.Duration": _seconds_merge(read_duration),
    "google.protobuf.Timestamp": _seconds_merge(read_timestamp),
    "google.protobuf.FieldMask": _merge_mask,
    "google.protobuf.Struct": _merge_struct,
    "google.protobuf.ListValue": _merge_list,
    "google.protobuf.Value": _merge_value,
}
