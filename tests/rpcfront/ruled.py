"""Messages with buf.validate rules, from protos that stand in the tests."""

import tempfile
from pathlib import Path

import grpc_tools
from actiond_protos.buf.validate import validate_pb2
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, type_pb2, wrappers_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_tools import protoc

PROTO3 = """
syntax = "proto3";
package p;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/type.proto";
import "google/protobuf/wrappers.proto";
"""


def ruled_pool(source: str) -> DescriptorPool:
    """A pool of its own with a proto that may import buf/validate/validate.proto, and with all that it imports."""
    known: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for file in (validate_pb2.DESCRIPTOR, type_pb2.DESCRIPTOR, wrappers_pb2.DESCRIPTOR, annotations_pb2.DESCRIPTOR):
        _collect(file, known)
    with tempfile.TemporaryDirectory() as directory:
        given, read, out = (Path(directory, name) for name in ("given.binpb", "ruled.proto", "out.binpb"))
        given.write_bytes(descriptor_pb2.FileDescriptorSet(file=known.values()).SerializeToString())
        read.write_text(source)
        arguments = [f"--descriptor_set_in={given}", f"-I{directory}", f"-I{Path(grpc_tools.__file__).parent}/_proto"]
        assert protoc.main(["protoc", *arguments, "--include_imports", f"--descriptor_set_out={out}", read.name]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = DescriptorPool()
    for compiled in files.file:
        pool.Add(compiled)
    return pool


def _collect(file: FileDescriptor, known: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """A file into `known`, what it needs before it."""
    for dependency in file.dependencies:
        _collect(dependency, known)
    known[file.name] = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(known[file.name])
