"""Which types have a JSON form of their own, and where an Any finds its type.

By full name, since a pool may have classes of its own for them.
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
    """The message's type. The stubs name a second class for it, which has the same face."""
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]  # see above
    return descriptor


def is_wrapper(descriptor: Descriptor) -> bool:
    """Whether it is one of wrappers.proto."""
    return descriptor.full_name in _WRAPPERS


def has_special_json(descriptor: Descriptor) -> bool:
    """Whether an Any holds it under "value", and not its fields beside "@type"."""
    return descriptor.full_name in _OTHERS or descriptor.full_name in _WRAPPERS


def find_type(pool: DescriptorPool, url: str) -> Descriptor | None:
    """The message type that a type URL names, by what stands after its last slash."""
    try:
        return pool.FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        return None
