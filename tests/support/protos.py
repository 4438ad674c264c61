"""Compiles protos that stand in the tests."""

import tempfile
from pathlib import Path

import grpc_tools
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc


def compile_proto(source: str, name: str = "test.proto") -> descriptor_pool.DescriptorPool:
    """A pool of its own that holds the file and all that it imports."""
    includes = [Path(annotations_pb2.__file__).parents[2], Path(grpc_tools.__file__).parent / "_proto"]
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, name).write_text(source)
        out = Path(directory, "out.binpb")
        arguments = [f"-I{include}" for include in (directory, *includes)]
        assert protoc.main(["protoc", *arguments, "--include_imports", f"--descriptor_set_out={out}", name]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool
