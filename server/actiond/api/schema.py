"""Builds the catalogue from the services that are served and from the operator's descriptor sets."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_database import DescriptorDatabase, DescriptorDatabaseConflictingDefinitionError
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from actiond.actions.catalogue import Catalogue


class DescriptorSetError(Exception):
    """A file is not a descriptor set. The message is one line and names the file."""


@dataclass(frozen=True, slots=True)
class DescriptorSet:
    """The services that one file describes."""

    methods: dict[str, tuple[str, ...]]
    """Method names by the full name of their service."""
    pool: DescriptorPool
    """The set's own types. It builds each file lazily, on the first lookup."""


def make_catalogue(
    served: Iterable[ServiceDescriptor],
    described: Iterable[DescriptorSet],
    functions: Iterable[str],
    published_events: Iterable[str] = (),
) -> Catalogue:
    """Return the catalogue of the served and the described services, of the functions and of the events."""
    services = {service.full_name: tuple(method.name for method in service.methods) for service in served}
    for descriptor_set in described:
        for name, methods in descriptor_set.methods.items():
            services[name] = (*services.get(name, ()), *methods)
    paths = (f"/{service}/{method}" for service, methods in services.items() for method in methods)
    return Catalogue(frozenset(paths), frozenset(services), frozenset(functions), frozenset(published_events))


def read_descriptor_set(path: Path) -> DescriptorSet:
    """Read a file as `protoc --descriptor_set_out` writes it. Raises DescriptorSetError."""
    try:
        files = FileDescriptorSet.FromString(path.read_bytes()).file
    except OSError as error:
        raise DescriptorSetError(f"{path}: {error.strerror}") from error
    except DecodeError:
        files = None
    methods: dict[str, tuple[str, ...]] = {}
    for file in files or ():
        for service in file.service:
            name = f"{file.package}.{service.name}".removeprefix(".")
            # Concatenated sets may describe two versions of a service.
            methods[name] = (*methods.get(name, ()), *(method.name for method in service.method))
    if not methods:
        raise DescriptorSetError(
            f"{path}: not a descriptor set with services, as protoc --descriptor_set_out writes it"
        )
    database = DescriptorDatabase()
    for file in files or ():
        try:
            with warnings.catch_warnings():
                # Of two versions of a type in differently named files, the first is used.
                warnings.simplefilter("ignore", RuntimeWarning)
                database.Add(file)
        except DescriptorDatabaseConflictingDefinitionError as error:
            raise DescriptorSetError(f"{path}: contains {file.name} twice, with different content") from error
    return DescriptorSet(methods, DescriptorPool(database))
