"""A service with a method of each kind, and servicers for it in each style in which grpcio lets one write them."""

from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.protos import compile_proto

_PROTO = """
syntax = "proto3";
package kinds.v1;
import "google/api/annotations.proto";
message Note {
  string text = 1;
  int32 count = 2;
  bytes data = 3;
}
service Kinds {
  rpc One(Note) returns (Note) { option (google.api.http) = { post: "/v1/one" body: "*" }; }
  rpc Many(Note) returns (stream Note) { option (google.api.http) = { get: "/v1/many" }; }
  rpc Sum(stream Note) returns (Note);
  rpc Talk(stream Note) returns (stream Note);
}
"""


@cache
def pool() -> DescriptorPool:
    return compile_proto(_PROTO, "kinds.proto")


def service() -> ServiceDescriptor:
    return pool().FindServiceByName("kinds.v1.Kinds")


@cache
def note_class() -> type[Message]:
    return GetMessageClass(pool().FindMessageTypeByName("kinds.v1.Note"))


def note(text: str = "", count: int = 0, data: bytes = b"") -> Any:
    return note_class()(text=text, count=count, data=data)


def path(method: str) -> str:
    return f"/kinds.v1.Kinds/{method}"


class Iterators:
    """Iterates over requests, and yields responses."""

    async def One(self, request: Any, context: Any) -> Any:
        return request

    async def Many(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for number in range(request.count):
            yield note(request.text, number, request.data)

    async def Sum(self, requests: AsyncIterator[Any], context: Any) -> Any:
        texts, count = [], 0
        async for request in requests:
            texts.append(request.text)
            count += request.count
        return note("".join(texts), count)

    async def Talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield note(request.text.upper(), request.count, request.data)


class Reads(Iterators):
    """Reads requests and writes responses by its context."""

    async def Many(self, request: Any, context: Any) -> None:  # type: ignore[override]  # a coroutine in place of a generator is the point
        for number in range(request.count):
            await context.write(note(request.text, number, request.data))

    async def Sum(self, requests: Any, context: Any) -> Any:
        texts, count = [], 0
        while (request := await context.read()) is not grpc.aio.EOF:
            texts.append(request.text)
            count += request.count
        assert await context.read() is grpc.aio.EOF
        return note("".join(texts), count)

    async def Talk(self, requests: Any, context: Any) -> None:  # type: ignore[override]  # a coroutine in place of a generator is the point
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(note(request.text.upper(), request.count, request.data))


class Plain:
    """Runs on threads, where iterators block."""

    def One(self, request: Any, context: Any) -> Any:
        return request

    def Many(self, request: Any, context: Any) -> Iterator[Any]:
        for number in range(request.count):
            yield note(request.text, number, request.data)

    def Sum(self, requests: Iterator[Any], context: Any) -> Any:
        notes = list(requests)
        return note("".join(each.text for each in notes), sum(each.count for each in notes))

    def Talk(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        for request in requests:
            yield note(request.text.upper(), request.count, request.data)


STYLES: dict[str, type] = {"iterators": Iterators, "reads and writes": Reads, "plain": Plain}
