"""Compiles the protos of the tests."""

import tempfile
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

import grpc_tools
from actiond_protos.buf.validate import validate_pb2
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc


def compile_proto(source: str, name: str = "test.proto") -> descriptor_pool.DescriptorPool:
    """Compile a file and return a new pool with it and everything it imports."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, name).write_text(source)
        return compile_folder(Path(directory))


@cache
def _validate() -> descriptor_pb2.FileDescriptorSet:
    """buf/validate/validate.proto, of which no source is installed, and what it needs."""
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def collect(file: FileDescriptor) -> None:
        for dependency in file.dependencies:
            collect(dependency)
        file.CopyToProto(found.setdefault(file.name, descriptor_pb2.FileDescriptorProto()))

    collect(validate_pb2.DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=found.values())


def compile_folder(root: Path) -> descriptor_pool.DescriptorPool:
    """Compile every proto below `root` and return a new pool with them and everything they import."""
    return pool_of(descriptor_set(root).file)


def pool_of(files: Iterable[descriptor_pb2.FileDescriptorProto]) -> descriptor_pool.DescriptorPool:
    """Return a new pool with these files, of which imports come first."""
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool


def descriptor_set(root: Path) -> descriptor_pb2.FileDescriptorSet:
    """Compile every proto below `root` and return them with everything they import, imports first."""
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.proto"))
    googleapis, well_known = Path(annotations_pb2.__file__).parents[2], Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as scratch:
        out, rules = Path(scratch, "out.binpb"), Path(scratch, "rules.binpb")
        rules.write_bytes(_validate().SerializeToString())
        arguments = [f"-I{include}" for include in (root, googleapis, well_known)]
        arguments.append(f"--descriptor_set_in={rules}")
        assert protoc.main(["protoc", *arguments, "--include_imports", f"--descriptor_set_out={out}", *names]) == 0
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


class ServiceProtos:
    """The protos of a service that knows nothing of actiond, and its descriptor set as its team has it."""

    def __init__(self, root: Path, package: str) -> None:
        self._root = root
        self._package = package

    @cached_property
    def files(self) -> descriptor_pb2.FileDescriptorSet:
        """The descriptor set, with all imports."""
        return descriptor_set(self._root)

    @cached_property
    def pool(self) -> descriptor_pool.DescriptorPool:
        return pool_of(self.files.file)

    def write_descriptor_set(self, path: Path) -> Path:
        """Write the descriptor set, and return its path."""
        path.write_bytes(self.files.SerializeToString())
        return path

    def message_class(self, name: str) -> type[Message]:
        """Return the class of a message of the package."""
        return GetMessageClass(self.pool.FindMessageTypeByName(f"{self._package}.{name}"))
