"""grpcio's two clients, the blocking one and grpc.aio's, behind one interface; a service with all kinds of methods."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.protos import compile_proto

PROTO = """
syntax = "proto3";
package kinds.v1;
message Chunk {
  int32 number = 1;
  bytes data = 2;
}
service Kinds {
  rpc Unary(Chunk) returns (Chunk);
  rpc Download(Chunk) returns (stream Chunk);
  rpc Upload(stream Chunk) returns (Chunk);
  rpc Chat(stream Chunk) returns (stream Chunk);
}
"""

CLIENTS = ("sync", "aio")
KINDS = ("Unary", "Download", "Upload", "Chat")
STREAMED_REQUESTS = ("Upload", "Chat")
STREAMED_RESPONSES = ("Download", "Chat")
# Channels of one process share their connections unless told otherwise.
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))


@cache
def _pool() -> DescriptorPool:
    return compile_proto(PROTO)


def service() -> ServiceDescriptor:
    return _pool().FindServiceByName("kinds.v1.Kinds")


@cache
def _chunk_class() -> type[Message]:
    return GetMessageClass(_pool().FindMessageTypeByName("kinds.v1.Chunk"))


def chunk(**fields: Any) -> Any:
    return _chunk_class()(**fields)


@dataclass(frozen=True)
class Outcome:
    """What a client knows of a call that has ended."""

    messages: list[Any]
    code: grpc.StatusCode
    details: str
    initial: list[tuple[str, Any]]
    trailing: list[tuple[str, Any]]


def channel(
    client: str, port: int, *options: tuple[str, Any], credentials: grpc.ChannelCredentials | None = None
) -> Any:
    """Return a channel of a client: `with` or `async with` closes it."""
    library: Any = grpc.aio if client == "aio" else grpc
    if credentials is None:
        return library.insecure_channel(f"127.0.0.1:{port}", options=(*OPTIONS, *options))
    return library.secure_channel(f"127.0.0.1:{port}", credentials, options=(*OPTIONS, *options))


def begin(client: str, of: Any, kind: str, requests: Any, **options: Any) -> Any:
    """Begin a call on a channel, and return grpcio's own object for it. Streams of requests are sent and then ended."""
    forms = {
        "Unary": of.unary_unary,
        "Download": of.unary_stream,
        "Upload": of.stream_unary,
        "Chat": of.stream_stream,
    }
    multicallable = forms[kind](
        f"/kinds.v1.Kinds/{kind}",
        request_serializer=_chunk_class().SerializeToString,
        response_deserializer=_chunk_class().FromString,
    )
    # The blocking client returns a call that can be left only from `future`.
    invoke = multicallable.future if client == "sync" and kind not in STREAMED_RESPONSES else multicallable
    if kind in STREAMED_REQUESTS:
        return invoke(iter(requests) if isinstance(requests, Sequence) else requests, **options)
    (request,) = requests
    return invoke(request, **options)


async def ended(client: str, call: Any, kind: str) -> Outcome:
    """Wait for the end of a call."""
    if client == "sync":
        return await asyncio.to_thread(_ended_sync, call, kind)
    messages = []
    try:
        if kind in STREAMED_RESPONSES:
            async for message in call:
                messages.append(message)  # noqa: PERF401  # what came before a failure is kept
        else:
            messages.append(await call)
    except grpc.aio.AioRpcError:
        pass  # the call knows how it ended
    initial, trailing = await call.initial_metadata(), await call.trailing_metadata()
    return Outcome(messages, await call.code(), await call.details(), list(initial or ()), list(trailing or ()))


def _ended_sync(call: Any, kind: str) -> Outcome:
    messages = []
    try:
        if kind in STREAMED_RESPONSES:
            for message in call:
                messages.append(message)  # noqa: PERF402  # as above
        else:
            messages.append(call.result())
    except grpc.RpcError:
        pass  # as above
    initial, trailing = call.initial_metadata(), call.trailing_metadata()
    pairs = [[(pair.key, pair.value) for pair in metadata or ()] for metadata in (initial, trailing)]
    return Outcome(messages, call.code(), call.details(), *pairs)


async def invoke(
    client: str, port: int, kind: str, requests: Sequence[Any], *options: tuple[str, Any], **call: Any
) -> Outcome:
    """Make a whole call, on a channel of its own."""
    of = channel(client, port, *options)
    try:
        return await ended(client, begin(client, of, kind, requests, **call), kind)
    finally:
        await close(of)


async def close(of: Any) -> None:
    """Close a channel of either client."""
    closing = of.close()
    if closing is not None:
        await closing


class Coroutines:
    """Coroutines and asynchronous generators."""

    async def Unary(self, request: Any, context: Any) -> Any:
        return request

    async def Download(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for number in range(request.number):
            yield chunk(number=number, data=request.data)

    async def Upload(self, requests: AsyncIterator[Any], context: Any) -> Any:
        parts = [request.data async for request in requests]
        return chunk(number=len(parts), data=b"".join(parts))

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield request


class Readers(Coroutines):
    """Coroutines that read and write by the context."""

    async def Download(self, request: Any, context: Any) -> None:  # type: ignore[override]  # a form of its own
        for number in range(request.number):
            await context.write(chunk(number=number, data=request.data))

    async def Upload(self, requests: AsyncIterator[Any], context: Any) -> Any:
        parts = []
        while (request := await context.read()) is not grpc.aio.EOF:
            parts.append(request.data)
        return chunk(number=len(parts), data=b"".join(parts))

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> None:  # type: ignore[override]  # likewise
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(request)


class Plain:
    """Functions and generators that block a thread."""

    def Unary(self, request: Any, context: Any) -> Any:
        return request

    def Download(self, request: Any, context: Any) -> Iterator[Any]:
        for number in range(request.number):
            yield chunk(number=number, data=request.data)

    def Upload(self, requests: Iterator[Any], context: Any) -> Any:
        parts = [request.data for request in requests]
        return chunk(number=len(parts), data=b"".join(parts))

    def Chat(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        yield from requests


SERVICERS = {"coroutines": Coroutines, "readers": Readers, "plain": Plain}
