"""Makes the OpenAPI document of a gateway's JSON routes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from rpcfront.openapi.bodies import request_body, success
from rpcfront.openapi.comments import Comments, summary
from rpcfront.openapi.errors import STATUS, error_components, error_responses, status_component
from rpcfront.openapi.operations import Operation
from rpcfront.openapi.parameters import path_parameters, query_parameters
from rpcfront.openapi.paths import Path, path_of
from rpcfront.openapi.scalars import Schema
from rpcfront.openapi.schemas import Schemas
from rpcfront.protocols.rest_bodies import is_http_body

OPENAPI_VERSION = "3.1.0"
SECURITY_SCHEME = "bearer"
OTHER_METHODS = "x-additional-operations"
"""Has the operations whose HTTP method OpenAPI 3.1 does not know, in the form of version 3.2."""

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})


@dataclass(frozen=True, slots=True)
class Info:
    """What the document contains beside the operations."""

    title: str
    version: str
    description: str = ""
    comments: Comments = field(default_factory=dict)
    """See `read_comments`."""
    is_secure: bool = False
    """Whether every operation requires a bearer token."""


def document(operations: Iterable[Operation], info: Info) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(build(operations, info))


def build(operations: Iterable[Operation], info: Info) -> Schema:
    """Return the document."""
    return _Document(info, list(operations)).build()


class _Document:
    def __init__(self, info: Info, operations: list[Operation]) -> None:
        self._info = info
        self._operations = operations
        # The messages in responses, except those whose bytes are not touched.
        routes = [operation.route for operation in operations]
        wholes = [route.method.output_type for route in routes if route.response_body is None]
        fields = [route.response_body for route in routes if route.response_body is not None]
        parts = [part.message_type for part in fields if part.message_type is not None and not is_http_body(part)]
        self._schemas = Schemas(info.comments, [*(whole for whole in wholes if not is_http_body(whole)), *parts])
        self._bindings: dict[str, int] = {}

    def build(self) -> Schema:
        paths = self._paths()
        services = {operation.route.method.containing_service.full_name: None for operation in self._operations}
        components: Schema = {
            "schemas": {**self._schemas.components, STATUS: status_component()},
            "responses": error_components(is_secure=self._info.is_secure),
        }
        about = {"title": self._info.title, "version": self._info.version, "description": self._info.description}
        found: Schema = {
            "openapi": OPENAPI_VERSION,
            "info": {key: value for key, value in about.items() if value or key != "description"},
            "tags": [self._tag(service) for service in services],
            "paths": paths,
            "components": components,
        }
        if self._info.is_secure:
            components["securitySchemes"] = {SECURITY_SCHEME: {"type": "http", "scheme": "bearer"}}
            found["security"] = [{SECURITY_SCHEME: []}]
        return found

    def _paths(self) -> Schema:
        paths: dict[str, Schema] = {}
        first_of_shape: dict[str, Path] = {}
        for operation in self._operations:
            path = path_of(operation.route.template)
            path = path.named_as(first_of_shape.setdefault(path.shape, path))
            item = paths.setdefault(path.text, {})
            method = operation.route.rule.http_method
            if method in _METHODS:
                item[method.lower()] = self._operation(operation, path)
            else:
                item.setdefault(OTHER_METHODS, {})[method] = self._operation(operation, path)
        return paths

    def _operation(self, operation: Operation, path: Path) -> Schema:
        route = operation.route
        method, name = route.method, str(route.method.full_name)
        comment = self._schemas.comment(name)
        binding = self._bindings[name] = self._bindings.get(name, 0) + 1
        body = request_body(route, self._schemas)
        about: Schema = {
            "operationId": name if binding == 1 else f"{name}.{binding}",
            "tags": [method.containing_service.full_name],
            "summary": summary(comment) or method.name,
            "description": comment,
            "deprecated": method.GetOptions().deprecated,
            "parameters": [*path_parameters(route, path, self._schemas), *query_parameters(route, self._schemas)],
            "requestBody": body,
        }
        response = success(route, self._schemas)
        if route.rule.http_method == "HEAD":
            del response["content"]
        errors = error_responses(is_secure=self._info.is_secure, has_body=body is not None)
        responses = {str(operation.success_status): response, **errors}
        return {key: value for key, value in about.items() if value} | {"responses": responses}

    def _tag(self, service: str) -> Schema:
        comment = self._schemas.comment(service)
        return {"name": service, "description": comment} if comment else {"name": service}
