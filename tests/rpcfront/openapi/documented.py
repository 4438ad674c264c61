"""The documents of the services that the tests have."""

from dataclasses import replace
from functools import cache
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from rpcfront import Info
from rpcfront.openapi import build, operations
from tests.support.services import echo, fixture_service

INFO = Info("The title", "1.2.3")


def document_of(*services: ServiceDescriptor, **info: Any) -> dict[str, Any]:
    """Of every route that a gateway serves of some services."""
    methods = (method for service in services for method in service.methods if not method.client_streaming)
    return build(operations(methods, lambda _: 200), replace(INFO, **info))


@cache
def fixture_document() -> dict[str, Any]:
    """Of t.v1.T and t.more.More."""
    return document_of(*(service for service, _ in fixture_service.services()))


@cache
def echo_document() -> dict[str, Any]:
    return document_of(echo.service())
