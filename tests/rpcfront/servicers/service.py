"""Gives every small servicer a service of its own, described from the methods that it has.

A servicer has a method of one or more of these names, each another way to write one for grpcio:

    Async           async def, one answer                        grpc.aio
    Plain           def, one answer                              grpc, on a thread
    AsyncStream     async def with yield                         grpc.aio
    WrittenStream   async def that awaits context.write          grpc.aio
    PlainStream     def with yield                               grpc, on a thread
"""

from functools import cache

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from tests.support.services import echo

UNARY = ("Async", "Plain")
STREAMING = ("AsyncStream", "WrittenStream", "PlainStream")


@cache
def service_of(servicer: type) -> ServiceDescriptor:
    """The service that a servicer answers; every method of it has a route of its own too."""
    pool = echo.pool()
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{servicer.__name__}.proto", package="servicers.v1", syntax="proto3"
    )
    file.dependency.extend([echo.service().file.name, annotations_pb2.DESCRIPTOR.name])
    service = file.service.add(name=servicer.__name__)
    for name in (*UNARY, *STREAMING):
        if hasattr(servicer, name):
            method = service.method.add(name=name, server_streaming=name in STREAMING)
            method.input_type = method.output_type = f".{echo.note_class().DESCRIPTOR.full_name}"
            rule = method.options.Extensions[annotations_pb2.http]
            rule.post, rule.body = f"/v1/{servicer.__name__}/{name}", "*"
    pool.Add(file)
    return pool.FindServiceByName(f"servicers.v1.{servicer.__name__}")


def methods_of(servicer: type) -> list[MethodDescriptor]:
    """The methods of a servicer's service."""
    return list(service_of(servicer).methods)
