"""The service of calls.proto: calls that do as their scripts say, and how each of them looked from inside."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.support.protos import compile_proto

SEND, HOLD, FAIL = 1, 2, 3
RETURNED, FAILED, CANCELLED = 1, 2, 3

SENT = "x-sent-bin"
INITIAL = "x-initial-bin"
TRAILING = "x-trailing-bin"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    return compile_proto((Path(__file__).parent / "calls.proto").read_text(), "calls.proto")


def service() -> ServiceDescriptor:
    return _pool().FindServiceByName("calls.v1.Calls")


def _make(message: str, **fields: Any) -> Message:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"calls.v1.{message}"))(**fields)


def failure() -> status_pb2.Status:
    """How a call ends that comes to FAIL."""
    status = status_pb2.Status(code=9, message="not yet: 100% ü")
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="steps", description="names FAIL 🎯")
    status.details.add().Pack(bad)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="TOLD_TO", domain="calls", metadata={"step": "FAIL"}))
    return status


class _Seen:
    """One call, from inside."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.released = asyncio.Event()
        self.ended = asyncio.Event()
        self.seconds_left: float | None = None
        self.how = 0


class Calls:
    """Runs on the event loop."""

    def __init__(self) -> None:
        self._calls: defaultdict[str, _Seen] = defaultdict(_Seen)

    async def Once(self, request: Any, context: Any) -> Message:
        sent = await _metadata(context)
        with self._watched(request, context) as seen:
            for step in request.steps:
                await _take(step, seen, context)
        return _make("Message", number=1, sent=sent)

    async def Many(self, request: Any, context: Any) -> AsyncIterator[Message]:
        sent = await _metadata(context)
        number = 0
        with self._watched(request, context) as seen:
            for step in request.steps:
                if step == SEND:
                    number += 1
                    yield _make("Message", number=number, sent=sent)
                else:
                    await _take(step, seen, context)

    async def GetStart(self, request: Any, context: Any) -> Message:
        seen = self._calls[request.id]
        await seen.started.wait()
        return _make("Start", seconds_left=seen.seconds_left)

    async def Release(self, request: Any, context: Any) -> Message:
        self._calls[request.id].released.set()
        return _make("CallId", id=request.id)

    async def GetEnd(self, request: Any, context: Any) -> Message:
        seen = self._calls[request.id]
        await seen.ended.wait()
        return _make("End", how=seen.how)

    @contextmanager
    def _watched(self, request: Any, context: Any) -> Iterator[_Seen]:
        seen = self._calls[request.id]
        seen.seconds_left = context.time_remaining()
        seen.started.set()
        seen.how = FAILED
        try:
            yield seen
            seen.how = RETURNED
        except (asyncio.CancelledError, GeneratorExit):
            seen.how = CANCELLED
            raise
        finally:
            seen.ended.set()


async def _metadata(context: Any) -> bytes:
    """Sends back what came: as it is in front of the answer, backwards behind it."""
    sent: bytes | None = dict(context.invocation_metadata()).get(SENT)
    if sent is None:
        return b""
    await context.send_initial_metadata(((INITIAL, sent),))
    context.set_trailing_metadata(((TRAILING, sent[::-1]),))
    return sent


async def _take(step: int, seen: _Seen, context: Any) -> None:
    if step == HOLD:
        await seen.released.wait()
    elif step == FAIL:
        await context.abort_with_status(rpc_status.to_status(failure()))
