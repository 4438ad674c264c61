"""JSON Schema of the well-known types that have a JSON form of their own."""

from collections.abc import Callable, Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rpcfront.openapi.integer_pattern import between
from rpcfront.openapi.scalars import INT32, Form, Schema, scalar_schema
from rpcfront.transcoding.json.wellknown import ANY, VALUE, is_wrapper

_DATE = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_PRINTED_FRACTION = r"(?:\.[0-9]{3}|\.[0-9]{6}|\.[0-9]{9})?"
_ANY_FRACTION = r"(?:\.[0-9]{1,9})?"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_SECONDS = f"0*{between(0, 315_576_000_000)}"


def special_schema(descriptor: Descriptor, form: Form) -> Schema | None:
    """The schema of a type with a JSON form of its own; None for any other."""
    if is_wrapper(descriptor):
        return scalar_schema(descriptor.fields_by_name["value"], form)
    make = _SCHEMAS.get(descriptor.full_name)
    return None if make is None else make(form)


def null_schema(form: Form) -> Schema:
    """google.protobuf.NullValue, the enum whose only JSON value is null."""
    if form is Form.PRINTED:
        return {"type": "null"}
    # An open enum keeps numbers that it does not know, and even this one is open.
    return {"anyOf": [{"enum": [None, "NULL_VALUE"]}, INT32]}


def takes_null(field: FieldDescriptor) -> bool:
    """Whether null is a value of one such value, and not its absence."""
    enum, message = field.enum_type, field.message_type
    if enum is not None:
        return bool(enum.full_name == "google.protobuf.NullValue")
    return message is not None and message.full_name == VALUE


def _timestamp(form: Form) -> Schema:
    tail = f"{_PRINTED_FRACTION}Z" if form is Form.PRINTED else f"{_ANY_FRACTION}{_OFFSET}"
    return {
        "type": "string",
        "format": "date-time",
        "pattern": f"^{_DATE}T{_TIME}{tail}$",
        "description": "A time as in RFC 3339, with at most nine digits after the point.",
        "examples": ["2024-06-01T12:00:00Z"],
    }


def _duration(form: Form) -> Schema:
    printed = form is Form.PRINTED
    seconds, fraction = ("[0-9]{1,12}", _PRINTED_FRACTION) if printed else (_SECONDS, _ANY_FRACTION)
    return {
        "type": "string",
        "pattern": f"^-?{seconds}{fraction}s$",
        "description": "Seconds, with at most nine digits after the point, and an `s`: from -315576000000s to "
        "315576000000s.",
        "examples": ["1.5s"],
    }


def _field_mask(_form: Form) -> Schema:
    return {
        "type": "string",
        "pattern": "^[^_]*$",
        "description": "Field paths in camelCase, joined by commas.",
        "examples": ["displayName,owner.id"],
    }


def _any(form: Form) -> Schema:
    url: Schema = {"type": "string", "description": "The URL of the message's type, such as `type.googleapis.com/…`."}
    schema: Schema = {
        "type": "object",
        "properties": {"@type": url},
        "description": "A message of any type, with that type's name beside its fields. A type whose JSON is no "
        "object, and one that is not known here, stands under `value`.",
    }
    if form is Form.PRINTED:
        return schema
    url["pattern"] = "/"
    return schema | {"anyOf": [{"maxProperties": 0}, {"required": ["@type"]}]}


_SCHEMAS: Mapping[str, Callable[[Form], Schema]] = {
    ANY: _any,
    VALUE: lambda _form: {"description": "Any JSON value."},
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.ListValue": lambda _form: {"type": "array", "items": {}, "description": "A list of any values."},
    "google.protobuf.Struct": lambda _form: {"type": "object", "description": "Any JSON object."},
    "google.protobuf.Timestamp": _timestamp,
}
