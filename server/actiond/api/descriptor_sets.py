"""Descriptor sets: other services' methods and message types, from files that `protoc --descriptor_set_out` wrote.

What else describes services, see reflection_client.py, gives its files to `describe`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

_GOOGLE = "google.protobuf."
"""Package of the types that every set has, in the version of the compiler that made it."""

M = TypeVar("M", bound=Message)


class DescriptorSetError(Exception):
    """Descriptions of services cannot be used. The message is one line and begins with their source."""


@dataclass(frozen=True, slots=True)
class DescriptorSet:
    """What one source describes. Its types are its own: another set may have another version of what both import."""

    source: str
    """A file's path, or what else describes the services."""
    services: Mapping[str, ServiceDescriptor]
    """By full name."""
    definitions: Mapping[str, Message]
    """Definitions of messages, enums and services, by full name: what decides how their bytes are read."""

    def method(self, path: str) -> MethodDescriptor | None:
        """Return the method `/package.Service/Method`; None if there is none."""
        service, _, name = path.removeprefix("/").partition("/")
        described = self.services.get(service)
        return None if described is None else described.methods_by_name.get(name)


class Definitions:
    """The definitions of several sets, which agree with each other."""

    def __init__(self, sets: Iterable[DescriptorSet] = ()) -> None:
        self._defined_by: dict[str, DescriptorSet] = {}
        for described in sets:
            self.add(described)

    def add(self, described: DescriptorSet) -> None:
        """Add a set's. Raise DescriptorSetError, and add nothing, if it defines something differently."""
        for name, definition in described.definitions.items():
            first = self._defined_by.get(name)
            if first is not None and first.definitions[name] != definition:
                raise DescriptorSetError(f"{described.source}: defines {name} differently than {first.source} does")
        for name in described.definitions:
            self._defined_by.setdefault(name, described)


def read_descriptor_sets(paths: Iterable[Path]) -> list[DescriptorSet]:
    """Read files that agree with each other. Raises DescriptorSetError."""
    sets = [read_descriptor_set(path) for path in paths]
    Definitions(sets)
    return sets


def read_descriptor_set(path: Path) -> DescriptorSet:
    """Read one file. Raises DescriptorSetError."""
    try:
        files = list(FileDescriptorSet.FromString(path.read_bytes()).file)
    except OSError as error:
        raise DescriptorSetError(f"{path}: {error.strerror}") from error
    except DecodeError:
        files = []
    if not any(file.service for file in files):
        raise DescriptorSetError(
            f"{path}: not a descriptor set with services, as protoc --descriptor_set_out writes it"
        )
    for missing, importer in missing_imports(files).items():
        raise DescriptorSetError(
            f"{path}: {importer} imports {missing}, which is not there; see protoc --include_imports"
        )
    return describe(str(path), files)


def missing_imports(files: Collection[FileDescriptorProto]) -> dict[str, str]:
    """Return the files that are imported and not there, each with one that imports it."""
    names = {file.name for file in files}
    return {imported: file.name for file in files for imported in file.dependency if imported not in names}


def describe(
    source: str, files: Collection[FileDescriptorProto], services: Collection[str] | None = None
) -> DescriptorSet:
    """Return what files describe that have all their imports.

    services: full names of those that count; all of them by default. One that no file defines is left out.

    Raises DescriptorSetError.
    """
    pool = DescriptorPool()
    found = {}
    for file in _imports_first(source, files):
        found.update({service.full_name: service for service in _built(source, pool, file)})
    if services is not None:
        found = {name: service for name, service in found.items() if name in services}
    return DescriptorSet(source, found, dict(_definitions(files)))


def _imports_first(source: str, files: Iterable[FileDescriptorProto]) -> Iterable[FileDescriptorProto]:
    """Return each file once, after those that it imports.

    A pool that finds imports by itself does so by recursion, and a long chain of them overflows its stack.
    """
    by_name: dict[str, FileDescriptorProto] = {}
    for file in files:
        if by_name.setdefault(file.name, file) != file:
            raise DescriptorSetError(f"{source}: contains {file.name} twice, with different content")
    order = TopologicalSorter({file.name: list(file.dependency) for file in by_name.values()})
    try:
        return [by_name[name] for name in order.static_order()]
    except CycleError as error:
        raise DescriptorSetError(f"{source}: {error.args[1][0]} imports itself, through others") from error


def _built(source: str, pool: DescriptorPool, file: FileDescriptorProto) -> Iterable[ServiceDescriptor]:
    """Return the services of a file, with all their types."""
    try:
        pool.AddSerializedFile(file.SerializeToString())
        return list(pool.FindFileByName(file.name).services_by_name.values())
    except (KeyError, TypeError) as error:
        reason = str(error.args[0] if error.args else error).strip().splitlines()[-1]
        raise DescriptorSetError(f"{source}: {file.name} is invalid: {reason}") from error


def _definitions(files: Iterable[FileDescriptorProto]) -> Iterator[tuple[str, Message]]:
    """Yield what is defined, by full name, but for Google's own types."""
    for file in files:
        package = f"{file.package}." if file.package else ""
        if package == _GOOGLE:
            continue
        # What is nested is a part of its message.
        parts: tuple[Iterable[DescriptorProto], Iterable[Message], Iterable[Message]]
        parts = file.message_type, file.enum_type, file.service
        for definition in (each for part in parts for each in part):
            yield f"{package}{definition.name}", essence(definition)


def essence(definition: M) -> M:
    """Return a definition without what differs between compilers, and between what servers tell of the same proto.

    Those are custom options, which some do not report, and JSON names that nobody has chosen.
    """
    copy = type(definition).FromString(definition.SerializeToString())
    copy.DiscardUnknownFields()  # custom options are unknown, if no code of theirs is loaded
    _reduce(copy)
    return copy


def _reduce(part: Message) -> None:
    for field, value in part.ListFields():
        if field.is_extension:
            part.ClearExtension(cast("Any", field))  # the stubs know generated extensions only
        elif isinstance(value, Message):
            _reduce(value)
            if field.name == "options" and not value.ByteSize():
                part.ClearField("options")
        elif field.message_type is not None:
            for each in value:
                _reduce(each)
    if isinstance(part, FieldDescriptorProto) and part.json_name == _json_name(part.name):
        part.ClearField("json_name")


def _json_name(name: str) -> str:
    """Return the JSON name as protoc derives it: without underscores, the letter after each in upper case."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)
