"""A service whose method streams messages of a given size, and its servicer."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

SMALL, LARGE = 100, 20_000
"""Bytes of a message."""
MESSAGES = {SMALL: 1_000, LARGE: 500}
"""Messages of a stream: enough for the beginning and the end to weigh little."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="bench/feed.proto", package="bench", syntax="proto3")
    request = file.message_type.add(name="FollowRequest")
    for number, name in enumerate(("size", "count"), 1):
        _add_field(request, name, number, FieldDescriptorProto.TYPE_INT32)
    _add_field(file.message_type.add(name="FollowResponse"), "data", 1, FieldDescriptorProto.TYPE_BYTES)
    file.service.add(name="Feed").method.add(
        name="Follow", input_type=".bench.FollowRequest", output_type=".bench.FollowResponse", server_streaming=True
    )
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: Any) -> None:
    message.field.add(name=name, number=number, type=kind, label=FieldDescriptorProto.LABEL_OPTIONAL)


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())
SERVICE = _POOL.FindServiceByName("bench.Feed")
METHOD = f"/{SERVICE.full_name}/Follow"
Request: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("bench.FollowRequest"))
Response: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("bench.FollowResponse"))


def request(size: int, count: int) -> bytes:
    """Return the request of a stream of `count` messages of `size` bytes."""
    message: bytes = Request(size=size, count=count).SerializeToString()
    return message


def data(size: int) -> bytes:
    """Return what a message contains so that it has `size` bytes in all."""
    longer = Response(data=bytes(size)).ByteSize()
    return bytes(2 * size - longer)


class Servicer:
    """Streams messages, each of which is made anew."""

    async def Follow(self, request: Any, _context: object) -> AsyncIterator[Any]:  # noqa: N802  # the proto's name
        content = data(request.size)
        for _ in range(request.count):
            yield Response(data=content)
