"""The parameters of an operation: those in its path, and a query parameter for every field not in path or body."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor

from rpcfront.openapi.paths import Path, PathParameter
from rpcfront.openapi.scalars import Form, Schema
from rpcfront.openapi.schemas import Schemas
from rpcfront.transcoding.annotations import WHOLE_MESSAGE, Route
from rpcfront.transcoding.fields import MAX_DEPTH, FieldPath, is_textual, proto_path, query_name, resolve
from rpcfront.transcoding.json.wellknown import has_special_json

KEEPS_SLASHES = "x-multi-segment"
"""Marks a parameter whose slashes must be sent as they are, which OpenAPI 3.1 cannot express."""


MAX_QUERY_PARAMETERS = 200
"""Query parameters of an operation that are listed. Their number can grow factorially with that of message types."""
_MAX_MESSAGES = 1000
"""Messages that are searched for query parameters."""


def path_parameters(route: Route, path: Path, schemas: Schemas) -> list[Schema]:
    """Return the parameters in the path of a route."""
    return [_path_parameter(route, parameter, schemas) for parameter in path.parameters]


class QueryParameters(NamedTuple):
    """The parameters that a query may have."""

    listed: list[Schema]
    is_complete: bool
    """Whether all are listed; those that are not are of more deeply nested fields."""


def query_parameters(route: Route, schemas: Schemas) -> QueryParameters:
    """Return the parameters that the query may have; nested fields have dotted names."""
    if route.rule.body == WHOLE_MESSAGE:
        return QueryParameters([], is_complete=True)
    taken = route.bound if route.body is None else route.bound | {route.body.name}
    paths, is_complete = _fields(route.method.input_type, taken)
    return QueryParameters([_query_parameter(path, schemas) for path in paths], is_complete)


def _path_parameter(route: Route, parameter: PathParameter, schemas: Schemas) -> Schema:
    schema: Schema = {"type": "string"}
    path = resolve(route.method.input_type, ".".join(parameter.field_path)) if parameter.field_path else None
    notes = []
    if path is not None and not parameter.whole:
        schema = schemas.field(path[-1], Form.TEXT)
        is_named_so = len(path) == 1 and path[0].name == parameter.name
        notes = [] if is_named_so else [f"Sets `{proto_path(path)}`."]
    elif path is not None:
        notes = [schemas.comment(path[-1].full_name), f"`{proto_path(path)}` is `{parameter.whole}`."]
    if schema.get("type") == "string" and "enum" not in schema:
        schema.setdefault("minLength", 1)  # no wildcard matches an empty segment
    about: Schema = {"name": parameter.name, "in": "path", "required": True}
    if parameter.takes_rest:
        notes.append("One or more segments: send the slashes between them as they are.")
        about[KEEPS_SLASHES] = True
    return _described(about, schema, notes)


def _query_parameter(path: FieldPath, schemas: Schemas) -> Schema:
    about: Schema = {"name": query_name(path), "in": "query"}
    # A required field of a nested message is only required if that message is.
    owners = (step.containing_type for step in path)
    if all(
        owner is not None and step.name in schemas.required(owner) for step, owner in zip(path, owners, strict=True)
    ):
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
            names = [query_name((*path[:depth], member)) for member in oneof.fields]
            yield f"Only one of {', '.join(f'`{name}`' for name in names)} may be given."


def _fields(message: Descriptor, taken: frozenset[str]) -> tuple[list[FieldPath], bool]:
    """Return the fields that a query can give, and whether they are all.

    The least nested ones are found first. A message inside another one of its type is left out.
    """
    found: list[FieldPath] = []
    searched = 0
    waiting: deque[tuple[FieldPath, tuple[Descriptor, ...]]] = deque([((), (message,))])
    while waiting and searched < _MAX_MESSAGES and len(found) <= MAX_QUERY_PARAMETERS:
        path, entered = waiting.popleft()
        searched += 1
        for field in entered[-1].fields:
            here = (*path, field)
            inner = field.message_type
            if proto_path(here) in taken:
                continue
            if is_textual(field):
                found.append(here)
            elif inner is None or field.is_repeated or has_special_json(inner) or inner in entered:
                continue
            elif len(here) < MAX_DEPTH:
                waiting.append((here, (*entered, inner)))
    is_complete = not waiting and len(found) <= MAX_QUERY_PARAMETERS
    return sorted(found[:MAX_QUERY_PARAMETERS], key=_place), is_complete


def _place(path: FieldPath) -> list[int]:
    """Return a key that sorts fields as they are in their messages."""
    return [field.index for field in path]
