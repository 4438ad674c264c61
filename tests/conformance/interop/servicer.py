"""The services that grpc-go's interop client calls, as gRPC's descriptions of the interop cases have them, and the page
that h2spec asks for. They are written for grpc.aio and know nothing of the gateway.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.protos import compile_folder

INITIAL_KEY = "x-grpc-test-echo-initial"
TRAILING_KEY = "x-grpc-test-echo-trailing-bin"
LOAD_KEY = "endpoint-load-metrics-bin"


@cache
def _pool() -> DescriptorPool:
    return compile_folder(Path(__file__).parent / "protos")


def _new(full_name: str, **fields: Any) -> Any:
    return GetMessageClass(_pool().FindMessageTypeByName(full_name))(**fields)


def services() -> list[tuple[ServiceDescriptor, object]]:
    """Return the services with their servicers, for a gateway."""
    load = ReportedLoad()
    return [
        (_pool().FindServiceByName("grpc.testing.TestService"), TestService(load)),
        (_pool().FindServiceByName("xds.service.orca.v3.OpenRcaService"), load),
        (_pool().FindServiceByName("conformance.PageService"), PageService()),
    ]


class ReportedLoad:
    """The load that the server reports, which one client at a time may set; also the servicer that reports it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.report = _report(_new("grpc.testing.TestOrcaReport"))

    async def StreamCoreMetrics(self, request: Any, context: Any) -> AsyncIterator[Message]:
        interval = request.report_interval
        while True:
            yield self.report
            await asyncio.sleep(interval.seconds + interval.nanos / 1e9)


class TestService:
    __test__ = False  # its name is the proto's

    def __init__(self, load: ReportedLoad) -> None:
        self._load = load

    async def EmptyCall(self, request: Any, context: Any) -> Message:
        empty: Message = _new("grpc.testing.Empty")
        return empty

    async def UnaryCall(self, request: Any, context: Any) -> Message:
        await _echo_metadata(context)
        await _end(request, context)
        if request.HasField("orca_per_query_report"):
            report = _report(request.orca_per_query_report)
            context.set_trailing_metadata((*context.trailing_metadata(), (LOAD_KEY, report.SerializeToString())))
        response: Message = _new(
            "grpc.testing.SimpleResponse",
            payload=_payload(request.response_size),
            server_id="the only one" if request.fill_server_id else "",
        )
        return response

    async def StreamingOutputCall(self, request: Any, context: Any) -> AsyncIterator[Message]:
        async for response in _responses(request):
            yield response

    async def StreamingInputCall(self, requests: AsyncIterator[Any], context: Any) -> Message:
        size = 0
        async for request in requests:
            size += len(request.payload.body)
        response: Message = _new("grpc.testing.StreamingInputCallResponse", aggregated_payload_size=size)
        return response

    async def FullDuplexCall(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Message]:
        await _echo_metadata(context)
        holds_load = False
        try:
            async for request in requests:
                await _end(request, context)
                if request.HasField("orca_oob_report"):
                    if not holds_load:
                        await self._load.lock.acquire()
                        holds_load = True
                    self._load.report = _report(request.orca_oob_report)
                async for response in _responses(request):
                    yield response
        finally:
            if holds_load:
                self._load.lock.release()

    async def HalfDuplexCall(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Message]:
        received = [request async for request in requests]
        for request in received:
            async for response in _responses(request):
                yield response


class PageService:
    async def GetPage(self, request: Any, context: Any) -> Message:
        # What h2spec sends behind a request is to be read while the request's stream is open.
        await asyncio.sleep(0.03)
        page: Message = _new("conformance.Page", text="more than the few bytes for which it opens a window")
        return page


def _payload(size: int) -> Any:
    return _new("grpc.testing.Payload", body=bytes(size))


async def _responses(request: Any) -> AsyncIterator[Message]:
    for parameters in request.response_parameters:
        await asyncio.sleep(parameters.interval_us / 1e6)
        yield _new("grpc.testing.StreamingOutputCallResponse", payload=_payload(parameters.size))


async def _echo_metadata(context: Any) -> None:
    metadata = dict(context.invocation_metadata())
    if INITIAL_KEY in metadata:
        await context.send_initial_metadata(((INITIAL_KEY, metadata[INITIAL_KEY]),))
    if TRAILING_KEY in metadata:
        context.set_trailing_metadata(((TRAILING_KEY, metadata[TRAILING_KEY]),))


async def _end(request: Any, context: Any) -> None:
    """End the call if the request says so."""
    status = request.response_status
    if status.code:
        (code,) = (code for code in grpc.StatusCode if code.value[0] == status.code)
        await context.abort(code, status.message)


def _report(wanted: Any) -> Any:
    return _new(
        "xds.service.orca.v3.OrcaLoadReport",
        cpu_utilization=wanted.cpu_utilization,
        mem_utilization=wanted.memory_utilization,
        request_cost=dict(wanted.request_cost),
        utilization=dict(wanted.utilization),
    )
