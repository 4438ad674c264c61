"""The parameters of an operation: those in its path, and a query parameter for every field not in path or body."""

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import Descriptor

from rpcfront.openapi.paths import Path, PathParameter
from rpcfront.openapi.scalars import Form, Schema
from rpcfront.openapi.schemas import Schemas
from rpcfront.transcoding.annotations import WHOLE_MESSAGE, Route
from rpcfront.transcoding.fields import FieldPath, is_textual, proto_path, resolve
from rpcfront.transcoding.json.wellknown import has_special_json

KEEPS_SLASHES = "x-multi-segment"
"""Marks a parameter whose slashes must be sent as they are, which OpenAPI 3.1 cannot express."""


def path_parameters(route: Route, path: Path, schemas: Schemas) -> list[Schema]:
    """Return the parameters in the path of a route."""
    return [_path_parameter(route, parameter, schemas) for parameter in path.parameters]


def query_parameters(route: Route, schemas: Schemas) -> list[Schema]:
    """Return the parameters that the query may have; nested fields have dotted names."""
    if route.rule.body == WHOLE_MESSAGE:
        return []
    taken = route.bound if route.body is None else route.bound | {route.body.name}
    message = route.method.input_type
    # A required field of a nested message is only required if that message is given.
    required = schemas.required(message)
    return [
        _query_parameter(path, schemas, is_required=len(path) == 1 and path[0].name in required)
        for path in _fields(message, (), taken, (message,))
    ]


def _path_parameter(route: Route, parameter: PathParameter, schemas: Schemas) -> Schema:
    schema: Schema = {"type": "string"}
    path = resolve(route.method.input_type, ".".join(parameter.field_path)) if parameter.field_path else None
    notes = []
    if path is not None and not parameter.whole:
        schema = schemas.field(path[-1], Form.TEXT)
        notes = [f"`{proto_path(path)}`" if len(path) > 1 else ""]
    elif path is not None:
        notes = [schemas.comment(path[-1].full_name), f"`{proto_path(path)}` is `{parameter.whole}`."]
    if schema.get("type") == "string" and "enum" not in schema:
        schema.setdefault("minLength", 1)  # no wildcard matches an empty segment
    about: Schema = {"name": parameter.name, "in": "path", "required": True}
    if parameter.takes_rest:
        notes.append("One or more segments: send the slashes between them as they are.")
        about[KEEPS_SLASHES] = True
    return _described(about, schema, notes)


def _query_parameter(path: FieldPath, schemas: Schemas, *, is_required: bool) -> Schema:
    about: Schema = {"name": ".".join(step.json_name for step in path), "in": "query"}
    if is_required:
        about["required"] = True
    return _described(about, schemas.field(path[-1], Form.TEXT), _rivals(path))


def _described(about: Schema, schema: Schema, notes: Iterable[str]) -> Schema:
    """Return a parameter, with its field's description and deprecation outside the schema, where readers look."""
    text = "\n\n".join(filter(None, [schema.pop("description", ""), *notes]))
    if text:
        about["description"] = text
    if schema.pop("deprecated", False):
        about["deprecated"] = True
    return about | {"schema": schema}


def _rivals(path: FieldPath) -> Iterator[str]:
    """Yield notes on what cannot be given together with a field, which OpenAPI cannot express otherwise."""
    for depth, field in enumerate(path):
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            names = [
                ".".join([*(step.json_name for step in path[:depth]), member.json_name]) for member in oneof.fields
            ]
            yield f"Only one of {', '.join(f'`{name}`' for name in names)} may be given."


def _fields(
    descriptor: Descriptor, path: FieldPath, taken: frozenset[str], entered: tuple[Descriptor, ...]
) -> Iterator[FieldPath]:
    """Yield the fields that a query can give. A message inside another one of its type is left out."""
    for field in descriptor.fields:
        here = (*path, field)
        inner = field.message_type
        if proto_path(here) in taken:
            continue
        if is_textual(field):
            yield here
        elif inner is not None and not (field.is_repeated or has_special_json(inner) or inner in entered):
            yield from _fields(inner, here, taken, (*entered, inner))
