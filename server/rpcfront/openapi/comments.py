"""The comments of proto files, by full name. protoc's Python output has none, so they come from a FileDescriptorSet.

`protoc --include_source_info --descriptor_set_out=…` writes one that has them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

Comments: TypeAlias = Mapping[str, str]
"""Comments of services, methods, messages, fields, enums and enum values, by full name, as `p.Enum.VALUE`."""

# A place in a file, as SourceCodeInfo.Location spells it: field numbers and indices in descriptor.proto's messages.
_Place: TypeAlias = tuple[int, ...]

_MESSAGE_OF_FILE, _ENUM_OF_FILE, _SERVICE_OF_FILE = 4, 5, 6
_FIELD, _MESSAGE, _ENUM = 2, 3, 4
_VALUE = _METHOD = 2

_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def read_comments(descriptor_set: bytes) -> Comments:
    """Return the comments in a FileDescriptorSet; none if it has no source information."""
    return {
        name: text for file in FileDescriptorSet.FromString(descriptor_set).file for name, text in _comments_of(file)
    }


def summary(comment: str) -> str:
    """Return the first sentence, on one line and without its full stop."""
    paragraph = " ".join(comment.partition("\n\n")[0].split())
    return _SENTENCE_END.split(paragraph, maxsplit=1)[0].removesuffix(".")


def _comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    texts = {
        tuple(location.path): _clean(location.leading_comments or location.trailing_comments)
        for location in file.source_code_info.location
    }
    for name, place in _names(file):
        if text := texts.get(place):
            yield name, text


def _names(file: FileDescriptorProto) -> Iterator[tuple[str, _Place]]:
    """Yield the name and the place of everything that can have a comment."""
    prefix = f"{file.package}." if file.package else ""
    yield from _messages(file.message_type, prefix, (_MESSAGE_OF_FILE,))
    yield from _enums(file.enum_type, prefix, (_ENUM_OF_FILE,))
    for index, service in enumerate(file.service):
        yield from _service(service, prefix, (_SERVICE_OF_FILE, index))


def _service(service: ServiceDescriptorProto, prefix: str, place: _Place) -> Iterator[tuple[str, _Place]]:
    name = prefix + service.name
    yield name, place
    for index, method in enumerate(service.method):
        yield f"{name}.{method.name}", (*place, _METHOD, index)


def _messages(messages: Iterable[DescriptorProto], prefix: str, place: _Place) -> Iterator[tuple[str, _Place]]:
    for index, message in enumerate(messages):
        name, here = prefix + message.name, (*place, index)
        yield name, here
        for number, field in enumerate(message.field):
            yield f"{name}.{field.name}", (*here, _FIELD, number)
        yield from _messages(message.nested_type, f"{name}.", (*here, _MESSAGE))
        yield from _enums(message.enum_type, f"{name}.", (*here, _ENUM))


def _enums(enums: Iterable[EnumDescriptorProto], prefix: str, place: _Place) -> Iterator[tuple[str, _Place]]:
    for index, enum in enumerate(enums):
        name, here = prefix + enum.name, (*place, index)
        yield name, here
        for number, value in enumerate(enum.value):
            yield f"{name}.{value.name}", (*here, _VALUE, number)


def _clean(comment: str) -> str:
    """Return the text without the space that follows the slashes of each line."""
    return "\n".join(line.removeprefix(" ").rstrip() for line in comment.split("\n")).strip()
