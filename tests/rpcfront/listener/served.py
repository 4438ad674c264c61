"""What the tests of the listener serve: a small service of each kind of method, and paths that are no calls."""

import asyncio
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2

from rpcfront import Gateway, Limits, ServicerContext, StatusError, make_status
from rpcfront.protocols.http import HttpRequest, HttpResponse
from tests.support.services import echo

REFUSED_TOKEN = "Bearer no"  # the one that is not let in


async def well() -> None:
    """Serve a probe."""


async def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(204)


async def same(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(304, [("etag", '"1"')])


async def slow(_request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0.2)
    return HttpResponse(200, [], b"slow")


async def authenticate(_method: MethodDescriptor, context: ServicerContext) -> None:
    if context.authorization() == [REFUSED_TOKEN]:
        raise StatusError(make_status(code_pb2.UNAUTHENTICATED, "who are you"))


class Echo(echo.AsyncEcho):
    """Returns requests. `Replace` returns the metadata."""

    async def Replace(self, request: Any, context: Any) -> Any:
        return echo.seen(context)


def gateway(**options: Any) -> Gateway:
    """Return a gateway of the echo service."""
    options.setdefault("limits", Limits(message_bytes=100_000, read_seconds=0.6))
    return Gateway(
        services=[(echo.service(), Echo())],
        authenticate=authenticate,
        probes={"/healthz": well},
        handlers={"/empty": empty, "/same": same, "/slow": slow},
        **options,
    )
