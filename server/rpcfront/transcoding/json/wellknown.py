"""Which types have a special JSON form, and the type of an Any.

Types are compared by full name, since every pool has its own classes for them.
"""

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

ANY = "google.protobuf.Any"
VALUE = "google.protobuf.Value"
_WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
_OTHERS = frozenset(
    f"google.protobuf.{name}" for name in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
)


def descriptor_of(message: Message) -> Descriptor:
    """Return the message's type. The stubs have another class for it, with the same interface.

    Here, and wherever messages of any type are handled, attributes and methods are those of the class: a message has
    them too, but a field of the same name would hide them.
    """
    descriptor: Descriptor = type(message).DESCRIPTOR  # type: ignore[assignment]  # see above
    return descriptor


def is_wrapper(descriptor: Descriptor) -> bool:
    """Return whether it is a message of wrappers.proto."""
    return descriptor.full_name in _WRAPPERS


def has_special_json(descriptor: Descriptor) -> bool:
    """Return whether a type has a special JSON form. An Any has that under "value", not fields beside "@type"."""
    return descriptor.full_name in _OTHERS or descriptor.full_name in _WRAPPERS


def find_type(pool: DescriptorPool, url: str) -> Descriptor | None:
    """Return the message type that a type URL names: what follows its last slash."""
    try:
        return pool.FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        return None
