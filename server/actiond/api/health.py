"""Serves grpc.health.v1: SERVING from the start of this process until a drain begins.

It replaces grpcio-health-checking's servicer, whose watchers keep a stopping server for the whole grace period.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


class HealthServicer(health_pb2_grpc.HealthServicer):
    """Reports the health of the server as a whole, under the empty name, and of each of `services`. For grpc.aio."""

    def __init__(self, services: Iterable[str], draining: asyncio.Event) -> None:
        """Once `draining` is set, report NOT_SERVING for everything, to the watchers too, whose streams then end."""
        self._services = frozenset(("", *services))
        self._draining = draining

    async def Check(  # noqa: N802  # the proto's name
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return self._response(request.service)

    async def Watch(  # noqa: N802  # the proto's name
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> None:
        first = self._response(request.service)
        await context.write(first)
        await self._draining.wait()
        last = self._response(request.service)
        if last != first:
            await context.write(last)

    def _response(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
        if self._draining.is_set():
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
