"""Binds text from a path or a query to the fields of a request message.

It decides which field a name means and whether two sources may both give it; what a text is worth in a field's type is
the codec's to say. It knows neither templates nor bodies: a body is whatever the message holds already.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.parse_errors import MOST
from rpcfront.transcoding.templates import EscapeError, percent_decode

FieldPath = tuple[FieldDescriptor, ...]
"""The way from a message to one of its fields: singular messages, then the field."""

Binding = tuple[tuple[str, ...], str]
"""A field path by its names, and the text for it."""

MAX_DEPTH = 100
"""As deep as a message may nest: protobuf's own readers stop there, so a deeper one could be sent to nobody."""

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
# Messages with a JSON form of their own, to which the names of their fields do not belong.
_OPAQUE_MESSAGES = _TEXT_MESSAGES | {
    "google.protobuf.Any",
    "google.protobuf.ListValue",
    "google.protobuf.Struct",
    "google.protobuf.Value",
}


class TextCodec(Protocol):
    """The part of the JSON codec that is needed here."""

    def parse_text(self, text: str, message: Message, field: FieldDescriptor, path: str) -> FieldViolation | None:
        """Sets a singular field of `message`, or appends to a repeated one. `path` names it in a violation."""


def resolve(descriptor: Descriptor, dotted: str) -> FieldPath | None:
    """The field that `a.b.c` means in a message, by proto or JSON names; None if there is none."""
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


def proto_path(path: FieldPath) -> str:
    """The path as violations name it."""
    return ".".join([field.name for field in path])


def is_textual(field: FieldDescriptor) -> bool:
    """Whether one text can be one value of the field: scalars, enums and the well-known types like them."""
    return field.message_type is None or field.message_type.full_name in _TEXT_MESSAGES


def bind_path(message: Message, bindings: Iterable[Binding], codec: TextCodec) -> list[FieldViolation]:
    """Sets what the path gives, in a message that holds what the body gave.

    A field that the body gave with another value is a violation. Whether a body gave a field without presence its
    default value cannot be seen: that is proto3's own reading of such a field, and the path's value stands.
    """
    violations: list[FieldViolation] = []
    for names, text in bindings:
        path = resolve(_descriptor(message), ".".join(names))
        if path is None:
            raise LookupError(f"{message.DESCRIPTOR.full_name} has no field {'.'.join(names)}")
        violation = _bind(message, path, text, codec, proto_path(path))
        if violation is not None:
            violations.append(violation)
    return violations


def bind_query(
    message: Message, query: str, codec: TextCodec, *, bound: AbstractSet[str] = frozenset(), body: str = ""
) -> list[FieldViolation]:
    """Sets what the query gives, in a message that holds what body and path gave.

    `bound` are the proto paths that the path has set: given again, they must have the same value. `body` is the rule's:
    the name of the field that is the body's, or `*` if every field is, and no parameter is taken at all.
    """
    if not query:
        return []
    given, violations = _parameters(_descriptor(message), query, body)
    for name, (path, texts) in given.items():
        field = path[-1]
        if len(texts) > 1 and not field.is_repeated:
            violations.append(FieldViolation(name, "must not be given more than once"))
            continue
        for index, text in enumerate(texts):
            if len(violations) >= MOST:
                break
            label = f"{name}[{index}]" if field.is_repeated and is_textual(field) else name
            violation = _bind(message, path, text, codec, label, is_given=name in bound)
            if violation is not None:
                violations.append(violation)
    return violations


def _parameters(
    descriptor: Descriptor, query: str, body: str
) -> tuple[dict[str, tuple[FieldPath, list[str]]], list[FieldViolation]]:
    """The texts of each field that the query names, under its proto path, and what is wrong with the rest."""
    given: dict[str, tuple[FieldPath, list[str]]] = {}
    violations: list[FieldViolation] = []
    for parameter in filter(None, query.split("&")):
        if len(violations) >= MOST:
            break
        raw_name, _, raw_text = parameter.partition("=")
        # Until it is known which field is meant, the parameter is named as it came. What it came in may be no Unicode.
        label = raw_name.encode(errors="replace").decode()
        try:
            label = name = _form_decode(raw_name)
            path = resolve(descriptor, name)
            if path is not None:
                label = proto_path(path)
            fault = _fault(path, body)
            if path is not None and fault is None:
                given.setdefault(label, (path, []))[1].append(_form_decode(raw_text))
        except EscapeError as error:
            fault = str(error)
        if fault is not None:
            violations.append(FieldViolation(label, fault))
    return given, violations


def _fault(path: FieldPath | None, body: str) -> str | None:
    """Why a query may not give the field."""
    if body == "*":
        return "must not be a query parameter: the whole request is in the body"
    if path is None:
        return "is not a field of the request"
    if path[0].name == body:
        return "must not be a query parameter: it is in the body"
    return None


def _form_decode(text: str) -> str:
    return percent_decode(text.replace("+", " "))


def _bind(
    message: Message, path: FieldPath, text: str, codec: TextCodec, label: str, *, is_given: bool = False
) -> FieldViolation | None:
    """Gives one text to one field. A singular field that has been given keeps its value, and must be given the same."""
    for field in path[:-1]:
        if rival := _rival(message, field):
            return FieldViolation(label, f"must not be given together with {rival}")
        message = getattr(message, field.name)
    field = path[-1]
    if rival := _rival(message, field):
        return FieldViolation(label, f"must not be given together with {rival}")
    if field.is_repeated or not (is_given or _is_set(message, field)):
        return codec.parse_text(text, message, field, label)
    other = type(message)()
    violation = codec.parse_text(text, other, field, label)
    if violation is None and getattr(other, field.name) != getattr(message, field.name):
        violation = FieldViolation(label, "must not be given twice with different values")
    return violation


def _rival(message: Message, field: FieldDescriptor) -> str | None:
    """The other member of the field's oneof that is set."""
    oneof = field.containing_oneof
    name = None if oneof is None else message.WhichOneof(oneof.name)
    return None if name == field.name else name


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    if field.has_presence:
        return message.HasField(field.name)
    return bool(getattr(message, field.name) != field.default_value)


def _descriptor(message: Message) -> Descriptor:
    # The stubs have upb's descriptors as a type apart; at run time there is one.
    return cast("Descriptor", message.DESCRIPTOR)


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """A message's fields by both of their names; where one's JSON name is another's proto name, that other wins."""
    return {field.json_name: field for field in descriptor.fields} | {field.name: field for field in descriptor.fields}
