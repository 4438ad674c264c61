"""buf.validate's own messages, built from the descriptor that protovalidate carries.

They are in a descriptor pool of their own: a program may have another copy of `buf/validate/validate.proto` in the
default pool, which can contain a file only once. The pool is built on first use, so importing this module loads no
validator.
"""

from functools import cache
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

Rules: TypeAlias = Any
"""A message of buf.validate. Its class exists at run time only, so its fields have no static types."""

# Numbers of the enum buf.validate.Ignore.
IGNORE_IF_ZERO_VALUE = 1
IGNORE_ALWAYS = 3

_IMPORTS = (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)


@cache
def pool() -> DescriptorPool:
    """Return the pool that holds validate.proto and what it imports."""
    # A private module, hence the upper bound on protovalidate's version.
    from protovalidate._gen.buf.validate import validate_pb

    files = DescriptorPool()
    for module in _IMPORTS:
        files.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    files.AddSerializedFile(validate_pb.desc().proto.to_binary())
    return files


def message_class(name: str) -> type[Message]:
    """Return the class of one of buf.validate's messages."""
    return GetMessageClass(pool().FindMessageTypeByName(f"buf.validate.{name}"))


def extension_of(element: Any, name: str) -> Rules:
    """Return the extension `buf.validate.<name>` of the options of a descriptor, empty if it has none.

    The options are parsed again from their bytes: the descriptor's own pool has other classes for them.
    """
    extension: Any = pool().FindExtensionByName(f"buf.validate.{name}")
    options: Any = GetMessageClass(extension.containing_type)
    return options.FromString(element.GetOptions().SerializeToString()).Extensions[extension]
