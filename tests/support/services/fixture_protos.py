"""The protos of these tests, compiled when a test first asks for them, in a pool of their own."""

import tempfile
from functools import cache
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_tools import protoc

PROTOS = Path(__file__).parent / "protos"


@cache
def fixture_pool() -> DescriptorPool:
    """t.v1 (the service of the routes), t.codec (every kind of field), and all that they import."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    googleapis = Path(error_details_pb2.__file__).parents[2]
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "fixture.binpb")
        read = [f"-I{PROTOS}", f"-I{googleapis}", f"-I{well_known}"]
        assert protoc.main(["protoc", *read, "--include_imports", f"--descriptor_set_out={out}", *files]) == 0
        compiled = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = DescriptorPool()
    for file in compiled.file:
        pool.Add(file)
    return pool


def message_type(full_name: str) -> Descriptor:
    """The descriptor of a message of the pool."""
    return fixture_pool().FindMessageTypeByName(full_name)


@cache
def message_class(full_name: str) -> type[Message]:
    """The class of a message of the pool."""
    return GetMessageClass(message_type(full_name))
