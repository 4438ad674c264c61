"""What a file defines. Python's `FindFileContainingSymbol` finds neither methods nor the values of enums."""

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor


def symbols(file: FileDescriptor) -> Iterator[str]:
    """Yield the full name of everything that a file defines."""
    for service in file.services_by_name.values():
        yield service.full_name
        yield from (method.full_name for method in service.methods)
    yield from _of_enums(file.enum_types_by_name.values())
    for message in messages(file):
        yield message.full_name
        yield from (field.full_name for field in message.fields)
        yield from (oneof.full_name for oneof in message.oneofs)
        yield from _of_enums(message.enum_types)
    yield from (extension.full_name for extension in extensions(file))


def messages(file: FileDescriptor) -> Iterator[Descriptor]:
    """Yield the messages that a file defines, nested ones included."""
    for message in file.message_types_by_name.values():
        yield from _with_nested(message)


def extensions(file: FileDescriptor) -> Iterator[FieldDescriptor]:
    """Yield the extensions that a file defines, at its top level and in messages."""
    yield from file.extensions_by_name.values()
    for message in messages(file):
        yield from message.extensions


def _with_nested(message: Descriptor) -> Iterator[Descriptor]:
    yield message
    for nested in message.nested_types:
        yield from _with_nested(nested)


def _of_enums(enums: Iterable[EnumDescriptor]) -> Iterator[str]:
    for enum in enums:
        yield enum.full_name
        # As in C++, values are siblings of their enum, not its members. But grpcurl shows them as members, and
        # version 1.8.6 finds them only as such. Nothing else can have that name.
        for scope in (enum.full_name.removesuffix(enum.name), f"{enum.full_name}."):
            yield from (f"{scope}{value.name}" for value in enum.values)
