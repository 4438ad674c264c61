"""The bodies of an operation: its request body, and its successful response."""

from rpcfront.openapi.errors import status_schema
from rpcfront.openapi.scalars import Form, Schema
from rpcfront.openapi.schemas import Schemas, nullable
from rpcfront.openapi.wellknown import takes_null
from rpcfront.protocols.http import JSON_TYPE
from rpcfront.protocols.rest import NDJSON_TYPE
from rpcfront.protocols.rest_bodies import is_http_body
from rpcfront.transcoding.annotations import WHOLE_MESSAGE, Route
from rpcfront.transcoding.fields import is_textual

_RAW_TYPES = ("application/octet-stream", "*/*")
"""The content types of bytes of any kind. Generators of clients leave out what only `*/*` describes."""


def request_body(route: Route, schemas: Schemas) -> Schema | None:
    """Return the request body; None if the route has none."""
    field, message = route.body, route.method.input_type
    if field is None and route.rule.body != WHOLE_MESSAGE:
        return None
    if is_http_body(message if field is None else field):
        return _raw("The bytes of the request, of the content type that it names.")
    bound = frozenset(tuple(path.split(".")) for path in route.bound)
    if field is None:
        in_path = {path[0] for path in bound if len(path) == 1}
        return _body(schemas.one_form(schemas.rest(message, bound)), schemas.required(message) - in_path)
    schema = schemas.one_form(schemas.field(field, Form.INPUT))
    inner = frozenset(path[1:] for path in bound if path[0] == field.name)
    if inner and field.message_type is not None:
        schema = schemas.rest(field.message_type, inner)
    required = schemas.required(message) & {field.name}
    # Some clients cannot be compiled if a body may be null or a scalar; they have absence for it.
    is_scalar = is_textual(field) and not field.is_repeated
    return _body(schema if required or is_scalar or takes_null(field) else nullable(schema), required)


def success(route: Route, schemas: Schemas) -> Schema:
    """Return the response of a successful call."""
    field, message = route.response_body, route.method.output_type
    comment = schemas.comment(message.full_name) or "The call succeeded."
    if is_http_body(message if field is None else field):
        return _raw(comment)
    schema = schemas.message(message, Form.OUTPUT) if field is None else schemas.response_body(field)
    if not route.method.server_streaming:
        return {"description": comment, "content": {JSON_TYPE: {"schema": schema}}}
    failure = {"type": "object", "required": ["error"], "properties": {"error": status_schema()}}
    line: Schema = {
        "description": "One line of the body. If the stream fails, its last line has an `error`.",
        "anyOf": [schema, failure],
    }
    return {"description": comment, "content": {NDJSON_TYPE: {"schema": line}}}


def _body(schema: Schema, required: frozenset[str]) -> Schema:
    body: Schema = {"content": {JSON_TYPE: {"schema": schema}}}
    # An empty body means an empty message.
    return body | {"required": True} if required else body


def _raw(description: str) -> Schema:
    schema = {"type": "string", "format": "binary"}
    return {"description": description, "content": {content_type: {"schema": schema} for content_type in _RAW_TYPES}}
