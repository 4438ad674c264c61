"""A service of the tests' own, to show that the gateway serves any: its proto, and servicers of both kinds for it."""

import asyncio
import time
from functools import cache
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.protos import compile_proto

PROTO = """
syntax = "proto3";
package echo.v1;
import "google/api/annotations.proto";
message Note {
  string id = 1;
  string text = 2;
  int32 code = 3;
  Note inner = 4;
}
service Echo {
  rpc Say(Note) returns (Note) {
    option (google.api.http) = { post: "/v1/notes" body: "*" additional_bindings { get: "/v1/notes/{id}" } };
  }
  rpc Replace(Note) returns (Note) { option (google.api.http) = { put: "/v1/notes/{id}" body: "*" }; }
  rpc Inner(Note) returns (Note) {
    option (google.api.http) = { patch: "/v1/notes/{id}" body: "inner" response_body: "inner" };
  }
  rpc Fail(Note) returns (Note) { option (google.api.http) = { post: "/v1/failures" body: "*" }; }
  rpc Metadata(Note) returns (Note) { option (google.api.http) = { get: "/v1/metadata" }; }
  rpc Hidden(Note) returns (Note);
}
"""


@cache
def pool() -> descriptor_pool.DescriptorPool:
    return compile_proto(PROTO)


def service() -> ServiceDescriptor:
    return pool().FindServiceByName("echo.v1.Echo")


def note(**fields: Any) -> Message:
    return note_class()(**fields)


@cache
def note_class() -> type[Message]:
    return message_factory.GetMessageClass(pool().FindMessageTypeByName("echo.v1.Note"))


def rich_status() -> status_pb2.Status:
    status = status_pb2.Status(code=9, message="not yet: 100% ü")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="EARLY", domain="echo"))
    return status


def seen(context: Any) -> Message:
    """What a servicer's context says of the call."""
    pairs = [f"{key}={value!r}" for key, value in context.invocation_metadata() if key.startswith("x-")]
    remaining = context.time_remaining()
    return note(
        text="\n".join(pairs), code=-1 if remaining is None else round(remaining), id=context.peer().split(":")[0]
    )


class AsyncEcho:
    """Runs on the event loop, written for grpc.aio."""

    async def Say(self, request: Message, context: Any) -> Message:
        return request

    Hidden = Say
    Replace = Say
    Inner = Say

    async def Fail(self, request: Any, context: Any) -> Message | None:
        match request.text:
            case "abort":
                await context.abort(grpc.StatusCode(CODES[request.code]), "aborted: 100% ü", (("x-why", "because"),))
            case "rich":
                await context.abort_with_status(rpc_status.to_status(rich_status()))
            case "set":
                context.set_code(grpc.StatusCode.DATA_LOSS)
                context.set_details("half of it")
            case "raise":
                raise RuntimeError("a secret of the servicer")
            case "none":
                return None
            case "wrong":
                wrong: Message = error_details_pb2.ErrorInfo()
                return wrong
            case "crlf":
                context.set_trailing_metadata((("x-bad", "a\r\ngrpc-status: 0"),))
        return note()

    async def Metadata(self, request: Message, context: Any) -> Message:
        await context.send_initial_metadata((("x-initial", "one"), ("x-initial-bin", b"\xff\x00")))
        context.set_trailing_metadata((("x-trailing", "two"), ("x-trailing-bin", b"\x01")))
        return seen(context)


class GatedEcho(AsyncEcho):
    """Answers nobody before its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self._entered = asyncio.Semaphore(0)

    async def Say(self, request: Message, context: Any) -> Message:
        self._entered.release()
        await self.gate.wait()
        return request

    async def entered(self, calls: int) -> None:
        """Waits until so many calls are inside."""
        for _ in range(calls):
            await self._entered.acquire()


class ThreadedEcho:
    """The same on threads, written for grpc's synchronous server."""

    def Say(self, request: Message, context: Any) -> Message:
        return request

    Hidden = Say
    Replace = Say
    Inner = Say

    def Fail(self, request: Any, context: Any) -> Message | None:
        match request.text:
            case "abort":
                context.abort(grpc.StatusCode(CODES[request.code]), "aborted: 100% ü", (("x-why", "because"),))
            case "rich":
                context.abort_with_status(rpc_status.to_status(rich_status()))
            case "set":
                context.set_code(grpc.StatusCode.DATA_LOSS)
                context.set_details("half of it")
            case "raise":
                raise RuntimeError("a secret of the servicer")
            case "none":
                return None
            case "wrong":
                wrong: Message = error_details_pb2.ErrorInfo()
                return wrong
            case "crlf":
                context.set_trailing_metadata((("x-bad", "a\r\ngrpc-status: 0"),))
            case "slow":
                time.sleep(0.3)
        return note()

    def Metadata(self, request: Message, context: Any) -> Message:
        context.send_initial_metadata((("x-initial", "one"), ("x-initial-bin", b"\xff\x00")))
        context.set_trailing_metadata((("x-trailing", "two"), ("x-trailing-bin", b"\x01")))
        return seen(context)


CODES = {code.value[0]: code.value for code in grpc.StatusCode}
