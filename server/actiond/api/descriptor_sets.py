"""Descriptor sets: other services' methods and message types, from files that `protoc --descriptor_set_out` wrote."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_database import DescriptorDatabase, DescriptorDatabaseConflictingDefinitionError
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

_GOOGLE = "google.protobuf."
"""Package of the types that every set has, in the version of the compiler that made it."""


class DescriptorSetError(Exception):
    """Descriptor sets cannot be used. The message is one line and names the file."""


@dataclass(frozen=True, slots=True)
class DescriptorSet:
    """What one file describes. Its types are its own: another set may have another version of what both import."""

    path: Path
    services: Mapping[str, ServiceDescriptor]
    """By full name."""
    definitions: Mapping[str, Message]
    """Definitions of messages, enums and services, by full name."""

    def method(self, path: str) -> MethodDescriptor | None:
        """Return the method `/package.Service/Method`; None if there is none."""
        service, _, name = path.removeprefix("/").partition("/")
        described = self.services.get(service)
        return None if described is None else described.methods_by_name.get(name)


def read_descriptor_sets(paths: Iterable[Path]) -> list[DescriptorSet]:
    """Read files that agree with each other. Raises DescriptorSetError."""
    sets = [read_descriptor_set(path) for path in paths]
    defined_by: dict[str, DescriptorSet] = {}
    for described in sets:
        for name, definition in described.definitions.items():
            first = defined_by.setdefault(name, described)
            if first.definitions[name] != definition:
                raise DescriptorSetError(f"{described.path}: defines {name} differently than {first.path} does")
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
    pool = DescriptorPool(_database(path, files))
    services = {}
    for file in files:
        built = _built(path, pool, file)
        services.update({service.full_name: service for service in built})
    return DescriptorSet(path, services, dict(_definitions(files)))


def _database(path: Path, files: Iterable[FileDescriptorProto]) -> DescriptorDatabase:
    """Return the files by name, each of which has all that it imports."""
    database = DescriptorDatabase()
    names = {file.name for file in files}
    for file in files:
        for imported in file.dependency:
            if imported not in names:
                raise DescriptorSetError(
                    f"{path}: {file.name} imports {imported}, which is not there; see protoc --include_imports"
                )
        try:
            with warnings.catch_warnings():
                # What is defined in two files is refused when these are built.
                warnings.simplefilter("ignore", RuntimeWarning)
                database.Add(file)
        except DescriptorDatabaseConflictingDefinitionError as error:
            raise DescriptorSetError(f"{path}: contains {file.name} twice, with different content") from error
    return database


def _built(path: Path, pool: DescriptorPool, file: FileDescriptorProto) -> Iterable[ServiceDescriptor]:
    """Return the services of a file, with all their types."""
    try:
        return list(pool.FindFileByName(file.name).services_by_name.values())
    except (KeyError, TypeError) as error:
        reason = str(error.args[0] if error.args else error).strip().splitlines()[-1]
        raise DescriptorSetError(f"{path}: {file.name} is invalid: {reason}") from error


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
            yield f"{package}{definition.name}", definition
