"""Servicers for the fixture's services, t.v1.T and t.more.More. Most methods echo, others do as the request says."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from rpcfront import Gateway
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_protos import fixture_pool


class Gate:
    """Holds calls on any event loop until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._entered = threading.Semaphore(0)

    def open(self) -> None:
        self._open.set()

    async def entered(self, calls: int = 1) -> None:
        """Wait until `calls` calls are held."""
        for _ in range(calls):
            assert await asyncio.to_thread(self._entered.acquire, timeout=10)

    async def hold(self) -> None:
        self._entered.release()
        while not self._open.is_set():  # noqa: ASYNC110  # an asyncio.Event would belong to one loop
            await asyncio.sleep(0.002)


Echo = Callable[["Servicer", Message, Any], Awaitable[Message]]


def _echo(name: str) -> Echo:
    async def echo(_self: "Servicer", request: Message, context: Any) -> Message:
        # The response names its method, so that tests can distinguish competing routes.
        await context.send_initial_metadata((("x-method", name),))
        return request

    return echo


class Servicer:
    """The common base of both services' servicers."""

    def __init__(self, messages: DescriptorPool, gate: Gate) -> None:
        self.gate = gate
        self._messages = messages

    def _new(self, full_name: str, **fields: Any) -> Any:
        return GetMessageClass(self._messages.FindMessageTypeByName(full_name))(**fields)


DETAILS: dict[str, Message] = {
    "retry": error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=7)),
    "soon": error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=1)),
    "info": error_details_pb2.ErrorInfo(reason="EARLY", domain="t", metadata={"k": "v"}),
}
UNKNOWN_DETAIL = any_pb2.Any(type_url="type.googleapis.com/no.such.Type", value=b"\x08\x01")


class T(Servicer):
    """The servicer of t.v1.T."""

    Get = _echo("Get")
    Cancel = _echo("Cancel")
    GetMulti = _echo("GetMulti")
    GetDeep = _echo("GetDeep")
    GetQ = _echo("GetQ")
    PathTypes = _echo("PathTypes")
    PostAll = _echo("PostAll")
    PostId = _echo("PostId")
    PostSub = _echo("PostSub")
    PutNoBody = _echo("PutNoBody")
    PatchSub = _echo("PatchSub")
    RespBody = _echo("RespBody")
    HeadIt = _echo("HeadIt")
    Opt = _echo("Opt")
    NoHttp = _echo("NoHttp")
    Upload = _echo("Upload")

    async def Del(self, request: Any, context: Any) -> Any:
        return self._new("google.protobuf.Empty")

    async def RespList(self, request: Any, context: Any) -> Any:
        return self._new("t.v1.Many", subs=request.subs, names=request.rs)

    async def Err(self, request: Any, context: Any) -> Any:
        """Abort with the code `i32`, the text `sub.s` and the details that `name` lists."""
        text = request.sub.s or f"message {request.i32}"
        if not request.name:
            await context.abort(CODES.get(request.i32, request.i32), text)
        status = status_pb2.Status(code=request.i32, message=text)
        for name in request.name.split(","):
            if name == "unknown":
                status.details.add().CopyFrom(UNKNOWN_DETAIL)
            else:
                status.details.add().Pack(DETAILS[name])
        await context.abort_with_status(rpc_status.to_status(status))
        return request

    async def Stream(self, request: Any, context: Any) -> AsyncIterator[Message]:
        """Yield `i32` numbered messages, then end as `name` says."""
        if request.name == "metadata":
            await context.send_initial_metadata((("x-initial", "one"),))
            context.set_trailing_metadata((("x-trailing", "two"),))
        for number in range(1, request.i32 + 1):
            yield self._new("t.v1.Req", i32=number, id=request.id)
            if request.name == "gate" and number == 1:
                await self.gate.hold()
        if request.name == "abort":
            await context.abort(grpc.StatusCode.NOT_FOUND, "mid")
        if request.name == "raise":
            raise RuntimeError("a secret of the servicer")

    async def Http(self, request: Any, context: Any) -> Any:
        """Return a body of the type `name` and the bytes `by`; with `i32`, abort with that code."""
        if request.i32:
            await context.abort(CODES[request.i32], f"message {request.i32}")
        return self._new("google.api.HttpBody", content_type=request.name, data=request.by)

    async def Md(self, request: Any, context: Any) -> Any:
        """Return the call's metadata and deadline, with bytes in hex."""
        pairs = [
            [key, value.hex() if isinstance(value, bytes) else value] for key, value in context.invocation_metadata()
        ]
        answer = self._new("google.protobuf.Struct")
        answer.update({"metadata": pairs, "remaining": context.time_remaining()})
        return answer


class More(Servicer):
    """The servicer of t.more.More."""

    Body = _echo("Body")
    Answer = _echo("Answer")
    AnySegments = _echo("AnySegments")
    Second = _echo("Second")
    First = _echo("First")
    Both = _echo("Both")
    AnyMethod = _echo("AnyMethod")
    Store = _echo("Store")

    async def Chunks(self, request: Any, context: Any) -> AsyncIterator[Message]:
        """Yield a body of the type `name` in the chunks `rs`; then, with `i32`, abort with that code."""
        for piece in request.rs:
            yield self._new("google.api.HttpBody", content_type=request.name, data=piece.encode())
        if request.i32:
            await context.abort(CODES[request.i32], f"message {request.i32}")

    async def Lines(self, request: Any, context: Any) -> AsyncIterator[Message]:
        """Yield a message for each of `rs`, with it as the name and the only tag."""
        for text in request.rs:
            yield self._new("t.v1.Req", name=text, rs=[text])

    async def Wait(self, request: Message, context: Any) -> Message:
        """Respond when the gate opens."""
        await self.gate.hold()
        return request

    async def Tell(self, request: Any, context: Any) -> Any:
        """Send the metadata that `rs` lists as `initial:key:value` and `trailing:key:value`, with bytes in hex."""
        metadata: dict[str, list[tuple[str, str | bytes]]] = {"initial": [], "trailing": []}
        for text in request.rs:
            when, key, value = text.split(":", 2)
            metadata[when].append((key, bytes.fromhex(value) if key.endswith("-bin") else value))
        if metadata["initial"]:
            await context.send_initial_metadata(metadata["initial"])
        context.set_trailing_metadata(metadata["trailing"])
        if request.i32:
            await context.abort(CODES[request.i32], f"message {request.i32}")
        return self._new("google.protobuf.Struct")


CODES = {code.value[0]: code for code in grpc.StatusCode}


def services(gate: Gate | None = None) -> list[tuple[ServiceDescriptor, object]]:
    """Return both services, for a Gateway."""
    messages = fixture_pool()
    gate = gate or Gate()
    return [
        (messages.FindServiceByName("t.v1.T"), T(messages, gate)),
        (messages.FindServiceByName("t.more.More"), More(messages, gate)),
    ]


@asynccontextmanager
async def serving(face: str, gate: Gate | None = None, **options: Any) -> AsyncIterator[int]:
    """Serve both services by one server adapter; `options` are the Gateway's."""
    async with HTTP_FACES[face](Gateway(services=services(gate), **options)) as port:
        yield port
