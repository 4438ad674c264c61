"""Binds text from a path or a query to the fields of a request message.

This module decides which field a name means, and whether two sources may both give it. The codec converts the text to
the field's type. Nothing is known here of templates and bodies: a body is whatever the message already holds.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from typing import NamedTuple, Protocol

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.parse_errors import MAX_ERRORS
from rpcfront.transcoding.json.wellknown import descriptor_of
from rpcfront.transcoding.templates import EscapeError, percent_decode

FieldPath = tuple[FieldDescriptor, ...]
"""The path from a message to a field: singular message fields, then the field itself."""

Binding = tuple[tuple[str, ...], str]
"""A field path by its names, and the text for it."""

MAX_DEPTH = 100
"""Levels of a message. protobuf's own parsers refuse more."""

# Messages whose JSON form is one string, number or bool.
_TEXT_MESSAGES = frozenset(
    {
        "google.protobuf.BoolValue",
        "google.protobuf.BytesValue",
        "google.protobuf.DoubleValue",
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
        "google.protobuf.FloatValue",
        "google.protobuf.Int32Value",
        "google.protobuf.Int64Value",
        "google.protobuf.StringValue",
        "google.protobuf.Timestamp",
        "google.protobuf.UInt32Value",
        "google.protobuf.UInt64Value",
    }
)
# Messages with a special JSON form, in which the names of their fields do not appear.
_OPAQUE_MESSAGES = _TEXT_MESSAGES | {
    "google.protobuf.Any",
    "google.protobuf.ListValue",
    "google.protobuf.Struct",
    "google.protobuf.Value",
}


class TextCodec(Protocol):
    """The part of the JSON codec that this module needs."""

    def parse_text(self, text: str, message: Message, field: FieldDescriptor, path: str) -> FieldViolation | None:
        """Set a singular field of `message`, or append to a repeated one. `path` names it in a violation."""


def resolve(descriptor: Descriptor, dotted: str) -> FieldPath | None:
    """Return the path of the field that `a.b.c` means, by proto or JSON names; None if there is none."""
    if dotted.count(".") >= MAX_DEPTH:
        return None
    path: list[FieldDescriptor] = []
    message: Descriptor | None = descriptor
    for name in dotted.split("."):
        field = None if message is None else _fields(message).get(name)
        if field is None:
            return None
        path.append(field)
        message = None if field.is_repeated else field.message_type
        if message is not None and message.full_name in _OPAQUE_MESSAGES:
            message = None
    return tuple(path)


def query_name(path: FieldPath) -> str:
    """Return the name that a query has for a field, for which `resolve` returns the path: by JSON names if possible."""
    return ".".join([_name_in_query(field) for field in path])


def _name_in_query(field: FieldDescriptor) -> str:
    """Return the JSON name, unless `resolve` could not read it or takes it for that of another field."""
    name = field.json_name
    found = None if not name or "." in name else _fields(field.containing_type).get(name)
    return str(name if found is not None and found.number == field.number else field.name)


def proto_path(path: FieldPath) -> str:
    """Return the path as violations name it."""
    return ".".join([field.name for field in path])


def is_textual(field: FieldDescriptor) -> bool:
    """Return whether a text can be a value of the field: for scalars, enums and the well-known types like them."""
    return field.message_type is None or field.message_type.full_name in _TEXT_MESSAGES


def bind_path(message: Message, bindings: Iterable[Binding], codec: TextCodec) -> list[FieldViolation]:
    """Set the fields that the path gives, in a message that holds what the body gave.

    A field that the body gave with another value is a violation. A body that gave a field without presence its default
    value cannot be told from one that did not, so the path's value is kept then.
    """
    violations: list[FieldViolation] = []
    for names, text in bindings:
        path = resolve(descriptor_of(message), ".".join(names))
        if path is None:
            raise LookupError(f"{descriptor_of(message).full_name} has no field {'.'.join(names)}")
        violation = _bind(message, _Text(path, text, proto_path(path)), codec)
        if violation is not None:
            violations.append(violation)
    return violations


def bind_query(
    message: Message, query: str, codec: TextCodec, *, bound: AbstractSet[str] = frozenset(), body: str = ""
) -> list[FieldViolation]:
    """Set the fields that the query gives, in a message that holds what body and path gave.

    `bound` are the proto paths of fields that the path has set: given again, they must have the same value. `body` is
    the rule's: the name of the field that is the body, or `*` if the whole message is, which allows no parameters.
    """
    if not query:
        return []
    given, violations = _parameters(descriptor_of(message), query, body)
    for name, (path, texts) in given.items():
        field = path[-1]
        if len(texts) > 1 and not field.is_repeated:
            violations.append(FieldViolation(name, "must not be given more than once"))
            continue
        for index, text in enumerate(texts):
            if len(violations) >= MAX_ERRORS:
                break
            label = f"{name}[{index}]" if field.is_repeated and is_textual(field) else name
            violation = _bind(message, _Text(path, text, label, is_given=name in bound), codec)
            if violation is not None:
                violations.append(violation)
    return violations


def _parameters(
    descriptor: Descriptor, query: str, body: str
) -> tuple[dict[str, tuple[FieldPath, list[str]]], list[FieldViolation]]:
    """Return the texts for each field that the query names, by proto path, and the violations of the rest."""
    given: dict[str, tuple[FieldPath, list[str]]] = {}
    violations: list[FieldViolation] = []
    for parameter in filter(None, query.split("&")):
        if len(violations) >= MAX_ERRORS:
            break
        raw_name, _, raw_text = parameter.partition("=")
        # Until the field is known, the parameter has the name that was sent, which may be no valid Unicode.
        label = raw_name.encode(errors="replace").decode()
        try:
            label = name = _form_decode(raw_name)
            path = resolve(descriptor, name)
            if path is not None:
                label = proto_path(path)
            reason = _not_allowed(path, body)
            if path is not None and reason is None:
                given.setdefault(label, (path, []))[1].append(_form_decode(raw_text))
        except EscapeError as error:
            reason = str(error)
        if reason is not None:
            violations.append(FieldViolation(label, reason))
    return given, violations


def _not_allowed(path: FieldPath | None, body: str) -> str | None:
    """Return why a query may not give the field; None if it may."""
    if body == "*":
        return "must not be a query parameter: the whole request is in the body"
    if path is None:
        return "is not a field of the request"
    if path[0].name == body:
        return "must not be a query parameter: it is in the body"
    return None


def _form_decode(text: str) -> str:
    return percent_decode(text.replace("+", " "))


class _Text(NamedTuple):
    """A text for a field."""

    path: FieldPath
    text: str
    label: str
    """The field's name in a violation."""
    is_given: bool = False
    """Whether the field has been given, even if its value does not show it."""


def _bind(message: Message, given: _Text, codec: TextCodec) -> FieldViolation | None:
    """Bind a text to a field. A singular field that has been given must be given the same value again."""
    *parents, field = given.path
    for parent in parents:
        if rival := _rival(message, parent):
            return FieldViolation(given.label, f"must not be given together with {rival}")
        message = getattr(message, parent.name)
    if rival := _rival(message, field):
        return FieldViolation(given.label, f"must not be given together with {rival}")
    if field.is_repeated or not (given.is_given or _is_set(message, field)):
        return codec.parse_text(given.text, message, field, given.label)
    other = type(message)()
    violation = codec.parse_text(given.text, other, field, given.label)
    if violation is None and getattr(other, field.name) != getattr(message, field.name):
        violation = FieldViolation(given.label, "must not be given twice with different values")
    return violation


def _rival(message: Message, field: FieldDescriptor) -> str | None:
    """Return the name of another member of the field's oneof that is set."""
    oneof = field.containing_oneof
    name = None if oneof is None else type(message).WhichOneof(message, oneof.name)
    return None if name == field.name else name


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    if field.has_presence:
        return type(message).HasField(message, field.name)
    return bool(getattr(message, field.name) != field.default_value)


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """Return a message's fields by both of their names. A proto name wins over another field's JSON name."""
    return {field.json_name: field for field in descriptor.fields} | {field.name: field for field in descriptor.fields}
