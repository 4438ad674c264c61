"""Reads buf.validate's annotations from descriptors of any pool. What the rules mean is not known here."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from rpcfront.validation.buf_validate import Rules, extension_of

_EXTENSION = b"\xba\x48"
"""The tag of buf.validate's extensions of fields, oneofs and messages, all of the number 1159."""


class UnknownRuleError(Exception):
    """A rule about which an acceptor can say nothing."""


def reachable(descriptor: Descriptor) -> Iterator[Descriptor]:
    """A type and what it is made of, each once."""
    found = [descriptor]
    seen = {descriptor}
    for one in found:
        yield one
        parts = {field.message_type for field in one.fields if field.message_type is not None} - seen
        seen |= parts
        found += parts


def has_rules(descriptor: Descriptor) -> bool:
    """Whether a rule stands in the type itself. What merely looks like one is protovalidate's to look at."""
    # As bytes: in the options of a descriptor from another pool the extension is not known.
    annotated = (descriptor, *descriptor.fields, *descriptor.oneofs)
    return any(_EXTENSION in element.GetOptions().SerializeToString() for element in annotated)


def reaches_rules(descriptor: Descriptor) -> bool:
    """Whether a rule stands in a type or in what it is made of."""
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
    """The rules of a set by their names; one that somebody else defined is not known."""
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
