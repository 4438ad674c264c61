"""Makes the OpenAPI document of a gateway's JSON routes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import orjson
from google.protobuf.descriptor import Descriptor

from rpcfront.openapi.bodies import request_body, success
from rpcfront.openapi.comments import Comments, summary
from rpcfront.openapi.errors import STATUS, error_components, error_responses, status_component
from rpcfront.openapi.operations import Operation
from rpcfront.openapi.parameters import MAX_QUERY_PARAMETERS, path_parameters, query_parameters
from rpcfront.openapi.paths import Path, paths_of
from rpcfront.openapi.scalars import Schema
from rpcfront.openapi.schemas import Schemas, never
from rpcfront.protocols.rest_bodies import is_http_body

OPENAPI_VERSION = "3.1.0"
SECURITY_SCHEME = "bearer"
OTHER_METHODS = "x-additional-operations"
"""Has the operations whose HTTP method OpenAPI 3.1 does not know, in the form of version 3.2."""

_INCOMPLETE = (
    f"Besides the {MAX_QUERY_PARAMETERS} query parameters that are listed, there is one for every other nested field, "
    "with a name such as `a.b.c`."
)

_PREFIX = re.compile(r"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)*")

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
    prefix: str = ""
    """The path, such as `/api`, that a proxy takes off before it forwards a request. Where the gateway is mounted is
    known without it."""

    def __post_init__(self) -> None:
        """Raise ValueError for a prefix that is no path."""
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"the prefix is like /path or /path/path, percent-encoded, not {self.prefix!r}")


def document(operations: Iterable[Operation], info: Info, is_strict: Callable[[Descriptor], bool] = never) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(build(operations, info, is_strict))


def with_server(document: bytes, url: str) -> bytes:
    """Return the document of what is served below a URL; paths alone are at the document's own host."""
    return b'{"servers":' + orjson.dumps([{"url": url}]) + b"," + document.removeprefix(b"{") if url else document


def build(operations: Iterable[Operation], info: Info, is_strict: Callable[[Descriptor], bool] = never) -> Schema:
    """Return the document. `is_strict` tells whether a message in a request must have no unknown fields."""
    return _Document(info, list(operations), is_strict).build()


class _Document:
    def __init__(self, info: Info, operations: list[Operation], is_strict: Callable[[Descriptor], bool]) -> None:
        self._info = info
        self._operations = operations
        # The messages in responses, except those whose bytes are not touched.
        routes = [operation.route for operation in operations]
        wholes = [route.method.output_type for route in routes if route.response_body is None]
        fields = [route.response_body for route in routes if route.response_body is not None]
        parts = [part.message_type for part in fields if part.message_type is not None and not is_http_body(part)]
        outputs = [*(whole for whole in wholes if not is_http_body(whole)), *parts]
        self._schemas = Schemas(info.comments, outputs, is_strict)
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
        routes = [operation.route for operation in self._operations]
        found = paths_of([(route.rule.http_method, route.template) for route in routes])
        for operation, path in zip(self._operations, found, strict=True):
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
        query = query_parameters(route, self._schemas)
        described = comment if query.is_complete else "\n\n".join(filter(None, [comment, _INCOMPLETE]))
        about: Schema = {
            "operationId": name if binding == 1 else f"{name}.{binding}",
            "tags": [method.containing_service.full_name],
            "summary": summary(comment) or method.name,
            "description": described,
            "deprecated": method.GetOptions().deprecated,
            "parameters": [*path_parameters(route, path, self._schemas), *query.listed],
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
