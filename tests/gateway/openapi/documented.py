"""Gateways that show their document and page, and the documents of the services that the tests have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeAlias

from google.protobuf.descriptor import ServiceDescriptor

from server.gateway import Gateway
from server.gateway.http import HttpResponse
from server.gateway.openapi import Info, Operation, Site, build, operations, site
from tests.gateway import echo, fixture_service

INFO = Info("The title", "1.2.3")

Services: TypeAlias = list[tuple[ServiceDescriptor, object]]


def operations_of(services: Iterable[ServiceDescriptor]) -> list[Operation]:
    """Every route that a gateway serves of them."""
    methods = (method for service in services for method in service.methods if not method.client_streaming)
    return operations(methods, lambda _: 200)


def document_of(*services: ServiceDescriptor, **info: Any) -> dict[str, Any]:
    return build(operations_of(services), replace(INFO, **info))


@cache
def fixture_document() -> dict[str, Any]:
    """Of t.v1.T and t.more.More."""
    return document_of(*(service for service, _ in fixture_service.services()))


@cache
def echo_document() -> dict[str, Any]:
    return document_of(echo.service())


@dataclass(frozen=True)
class Documented:
    """A gateway that has its document and page beside it, and whatever other files a test wants there."""

    services: Services
    info: Info = INFO
    others: Mapping[str, HttpResponse] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """The Gateway's."""

    @property
    def asgi(self) -> Any:
        """An ASGI application."""
        calls = Gateway(services=self.services, **self.options).asgi
        pages: Site = site(operations_of(service for service, _ in self.services), self.info)

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            response = pages[path]() if path in pages else self.others.get(path)
            if response is None:
                await calls(scope, receive, send)
                return
            headers = [(key.encode(), value.encode()) for key, value in response.headers]
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})

        return answer
