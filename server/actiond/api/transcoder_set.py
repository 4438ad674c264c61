"""The descriptor set that Envoy's transcoder needs: other services' methods, and actiond's error details."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import status_pb2

from actiond.api.descriptor_sets import read_descriptor_sets
from actiond.api.errors import DETAIL_TYPES


def transcoder_set(paths: Iterable[Path]) -> FileDescriptorSet:
    """Return the files of descriptor sets, and those of google.rpc.Status and the details, each file once.

    Files of the sets go first, since services may have other versions of what both import. Raises DescriptorSetError.
    """
    files: dict[str, FileDescriptorProto] = {}
    paths = list(paths)
    read_descriptor_sets(paths)
    for path in paths:
        for file in FileDescriptorSet.FromString(path.read_bytes()).file:
            files.setdefault(file.name, file)
    for described in _error_files():
        if described.name not in files:
            described.CopyToProto(files.setdefault(described.name, FileDescriptorProto()))
    return FileDescriptorSet(file=files.values())


def _error_files() -> Iterator[FileDescriptor]:
    """Yield files, each behind those that it imports, some of them more than once."""
    find = descriptor_pool.Default().FindMessageTypeByName
    for file in (status_pb2.DESCRIPTOR, *(find(name).file for name in DETAIL_TYPES)):
        yield from _with_imports(file)


def _with_imports(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for imported in file.dependencies:
        yield from _with_imports(imported)
    yield file
