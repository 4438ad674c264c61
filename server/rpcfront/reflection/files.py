"""Files as server reflection describes them: as protoc does in a descriptor set."""

from collections.abc import Iterable

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto


def serialized(file: FileDescriptor) -> bytes:
    """Return a file's FileDescriptorProto, with JSON names.

    protoc leaves JSON names out of the code that it generates for Python. A client that prints JSON by such
    descriptors, as grpcurl does, would print `target_id` instead of `targetId`.
    """
    proto = FileDescriptorProto.FromString(file.serialized_pb)
    _name_fields(proto.extension)
    for message in proto.message_type:
        _name_fields_of(message)
    return proto.SerializeToString()


def _name_fields_of(message: DescriptorProto) -> None:
    _name_fields(message.field)
    _name_fields(message.extension)
    for nested in message.nested_type:
        _name_fields_of(nested)


def _name_fields(fields: Iterable[FieldDescriptorProto]) -> None:
    for field in fields:
        field.json_name = field.json_name or _json_name(field.name)


def _json_name(name: str) -> str:
    """Return the JSON name as protoc derives it: without underscores, the letter after each in upper case."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)
