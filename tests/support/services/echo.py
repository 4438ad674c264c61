"""A service defined for tests, to show that the gateway serves any service: its proto, and servicers for it."""

import asyncio
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from tests.support.protos import compile_proto

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
    """Return what a servicer's context says about the call."""
    pairs = [f"{key}={value!r}" for key, value in context.invocation_metadata() if key.startswith("x-")]
    remaining = context.time_remaining()
    return note(
        text="\n".join(pairs), code=-1 if remaining is None else round(remaining), id=context.peer().split(":")[0]
    )


class AsyncEcho:
    """Returns the request, and what the context says about the call."""

    async def Say(self, request: Message, context: Any) -> Message:
        return request

    Hidden = Say
    Replace = Say
    Inner = Say

    async def Metadata(self, request: Message, context: Any) -> Message:
        await context.send_initial_metadata((("x-initial", "one"), ("x-initial-bin", b"\xff\x00")))
        context.set_trailing_metadata((("x-trailing", "two"), ("x-trailing-bin", b"\x01")))
        return seen(context)


class GatedEcho(AsyncEcho):
    """Responds to no call before its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self._entered = asyncio.Semaphore(0)

    async def Say(self, request: Message, context: Any) -> Message:
        self._entered.release()
        await self.gate.wait()
        return request

    async def entered(self, calls: int) -> None:
        """Wait until `calls` calls are running."""
        for _ in range(calls):
            await self._entered.acquire()
