"""Reads buf.validate's annotations from the descriptors of any pool. What the rules mean is decided elsewhere."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from rpcfront.validation.buf_validate import Rules, extension_of

_EXTENSION = b"\xba\x48"
"""The tag of buf.validate's extensions of fields, oneofs and messages, all of the number 1159."""


class UnknownRuleError(Exception):
    """A rule that the fast path cannot check."""


def reachable(descriptor: Descriptor) -> Iterator[Descriptor]:
    """Yield a message type and those of its fields, at any depth, each once."""
    found = [descriptor]
    seen = {descriptor}
    for one in found:
        yield one
        parts = {field.message_type for field in one.fields if field.message_type is not None} - seen
        seen |= parts
        found += parts


def has_rules(descriptor: Descriptor) -> bool:
    """Return whether the type itself may have a rule. A false alarm is harmless: protovalidate reads it properly."""
    # By the bytes, since the options of a descriptor from another pool do not know the extension.
    annotated = (descriptor, *descriptor.fields, *descriptor.oneofs)
    return any(_EXTENSION in element.GetOptions().SerializeToString() for element in annotated)


def reaches_rules(descriptor: Descriptor) -> bool:
    """Return whether a message type, or that of a field at any depth, may have a rule."""
    return any(map(has_rules, reachable(descriptor)))


def message_rules(descriptor: Descriptor) -> Rules:
    """Return the rules of a message as a whole."""
    return _read(descriptor, "message")


def oneof_rules(oneof: OneofDescriptor) -> Rules:
    """Return the rules of a oneof."""
    return _read(oneof, "oneof")


def field_rules(field: FieldDescriptor) -> Rules:
    """Return the rules of a field."""
    return _read(field, "field")


def entries(rules: Message) -> Iterator[tuple[str, Any]]:
    """Yield the rules of a set by name. Raises UnknownRuleError for a custom one, which is an extension."""
    for field, value in rules.ListFields():
        if field.is_extension:
            raise UnknownRuleError(field.full_name)
        yield field.name, value


def _read(element: Any, kind: str) -> Rules:
    rules = extension_of(element, kind)
    size = rules.ByteSize()
    rules.DiscardUnknownFields()
    if rules.ByteSize() != size:
        raise UnknownRuleError(element.full_name)
    return rules
