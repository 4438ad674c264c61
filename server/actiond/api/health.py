"""Serves grpc.health.v1: SERVING from the start of this process until a drain begins.

It replaces grpcio-health-checking's servicer, whose watchers keep a stopping server for the whole grace period.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc

# The stubs have a type of their own for it, and lack the messages of List.
HEALTH = cast("ServiceDescriptor", health_pb2.DESCRIPTOR.services_by_name["Health"])
_ListResponse: Any = GetMessageClass(HEALTH.methods_by_name["List"].output_type)

MAX_WATCHES = 256
"""Watches that a worker serves at once. They last as long as their clients like, and need no token."""


class HealthServicer(health_pb2_grpc.HealthServicer):
    """Reports the health of the server as a whole, under the empty name, and of each of `services`."""

    def __init__(self, services: Iterable[str], draining: asyncio.Event, max_watches: int = MAX_WATCHES) -> None:
        """Once `draining` is set, report NOT_SERVING for everything, to the watchers too, whose streams then end."""
        self._services = frozenset(("", *services))
        self._draining = draining
        self._free_watches = max_watches

    async def Check(  # noqa: N802  # the proto's name
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return self._response(request.service)

    async def List(self, _request: Message, _context: Any) -> Message:  # noqa: N802  # the proto's name
        listed: Message = _ListResponse(statuses={name: self._response(name) for name in self._services})
        return listed

    async def Watch(  # noqa: N802  # the proto's name
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        if not self._free_watches:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watches")
        self._free_watches -= 1
        try:
            first = self._response(request.service)
            yield first
            await self._draining.wait()
            last = self._response(request.service)
            if last != first:
                yield last
        finally:
            self._free_watches += 1

    def _response(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
        if self._draining.is_set():
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
