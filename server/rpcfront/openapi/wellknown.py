"""JSON Schema of the well-known types that have a special JSON form."""

from collections.abc import Callable, Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rpcfront.openapi.integer_pattern import between
from rpcfront.openapi.scalars import INT32, Form, Schema, scalar_schema
from rpcfront.transcoding.json.wellknown import ANY, VALUE, is_wrapper

_DATE = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_OUTPUT_FRACTION = r"(?:\.[0-9]{3}|\.[0-9]{6}|\.[0-9]{9})?"
_ANY_FRACTION = r"(?:\.[0-9]{1,9})?"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_SECONDS = f"0*{between(0, 315_576_000_000)}"


def special_schema(descriptor: Descriptor, form: Form) -> Schema | None:
    """Return the schema of a type with a special JSON form; None for any other."""
    if is_wrapper(descriptor):
        return scalar_schema(descriptor.fields_by_name["value"], form)
    make = _SCHEMAS.get(descriptor.full_name)
    return None if make is None else make(form)


def null_schema(form: Form) -> Schema:
    """Return the schema of google.protobuf.NullValue, the enum whose only JSON value is null."""
    if form is Form.OUTPUT:
        return {"description": "Null."}  # generators of clients know null as an alternative to other types only
    # An open enum keeps unknown numbers, and even this one is open.
    return {"anyOf": [{"type": "string", "enum": ["NULL_VALUE"]}, INT32, {"type": "null"}]}


def takes_null(field: FieldDescriptor) -> bool:
    """Return whether null is a value of the field, and not its absence."""
    enum, message = field.enum_type, field.message_type
    if enum is not None:
        return bool(enum.full_name == "google.protobuf.NullValue")
    return message is not None and message.full_name == VALUE


def _timestamp(form: Form) -> Schema:
    tail = f"{_OUTPUT_FRACTION}Z" if form is Form.OUTPUT else f"{_ANY_FRACTION}{_OFFSET}"
    return {
        "type": "string",
        "format": "date-time",
        "pattern": f"^{_DATE}T{_TIME}{tail}$",
        "description": "A time as in RFC 3339, with at most nine digits after the point.",
        "examples": ["2024-06-01T12:00:00Z"],
    }


def _duration(form: Form) -> Schema:
    is_output = form is Form.OUTPUT
    seconds, fraction = ("[0-9]{1,12}", _OUTPUT_FRACTION) if is_output else (_SECONDS, _ANY_FRACTION)
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
    if form is not Form.OUTPUT:
        url["pattern"] = "^[^/]*/"
    return {
        "type": "object",
        "properties": {"@type": url},
        "additionalProperties": True,  # said, since some clients drop what is not
        "description": "A message of any type: its fields, and the type's URL, without which it must be empty. The "
        "value of a type whose JSON is no object, or which the server does not know, is under `value`.",
    }


_SCHEMAS: Mapping[str, Callable[[Form], Schema]] = {
    ANY: _any,
    VALUE: lambda _form: {"description": "Any JSON value."},
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.ListValue": lambda _form: {"type": "array", "items": {}, "description": "A list of any values."},
    "google.protobuf.Struct": lambda _form: {"type": "object", "description": "Any JSON object."},
    "google.protobuf.Timestamp": _timestamp,
}
