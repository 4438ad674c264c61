"""Error responses: each is a component, and all have one schema, google.rpc.Status in its JSON form."""

from collections.abc import Mapping
from typing import NamedTuple

from rpcfront.openapi.scalars import Schema
from rpcfront.protocols.http import JSON_TYPE

STATUS = "google.rpc.Status-Error"
"""The component's name. The plain name is for messages that contain a Status, where defaults are omitted."""


class _Error(NamedTuple):
    name: str
    description: str
    headers: tuple[tuple[str, str], ...] = ()


_RETRY_AFTER = ("Retry-After", "Seconds to wait, if the server knows.")
_DEFAULT = _Error(
    "Error", "The call failed. The HTTP status follows from `code`, as the comments of google.rpc.Code have it."
)
# The errors of the gateway itself, for every method.
_ERRORS: Mapping[int, _Error] = {
    400: _Error("BadRequest", "The request is malformed, or breaks a rule; a google.rpc.BadRequest names the fields."),
    401: _Error("Unauthenticated", "There is no token, or it is not valid.", (("WWW-Authenticate", "`Bearer`."),)),
    403: _Error("PermissionDenied", "The token does not allow this."),
    404: _Error("NotFound", "There is no such path, or what it names does not exist."),
    405: _Error("MethodNotAllowed", "The path exists, but not for this method.", (("Allow", "The methods."),)),
    408: _Error("RequestTimeout", "The body did not arrive in time."),
    413: _Error("ContentTooLarge", "The body is larger than the server's limit."),
    415: _Error("UnsupportedMediaType", "The body's content type, charset or encoding is not supported."),
    429: _Error("ResourceExhausted", "There are too many concurrent calls.", (_RETRY_AFTER,)),
    500: _Error("Internal", "The server failed. Only its log has the details."),
    503: _Error("Unavailable", "The server is unavailable, for example because it shuts down.", (_RETRY_AFTER,)),
    504: _Error("DeadlineExceeded", "The call did not end before its deadline."),
}
_WHERE_SECURE = frozenset({401, 403})
_WITH_A_BODY = frozenset({415})


def error_responses(*, is_secure: bool, has_body: bool) -> dict[str, Schema]:
    """Return the errors of an operation, by status."""
    left_out = (frozenset() if is_secure else _WHERE_SECURE) | (frozenset() if has_body else _WITH_A_BODY)
    found = {str(status): _reference(error) for status, error in _ERRORS.items() if status not in left_out}
    return found | {"default": _reference(_DEFAULT)}


def error_components(*, is_secure: bool) -> dict[str, Schema]:
    """Return the components of the errors."""
    errors = [error for status, error in _ERRORS.items() if is_secure or status not in _WHERE_SECURE]
    return {error.name: _response(error) for error in (*errors, _DEFAULT)}


def status_schema() -> Schema:
    """Return a reference to the schema of errors."""
    return {"$ref": f"#/components/schemas/{STATUS}"}


def status_component() -> Schema:
    """Return the schema of errors, which always have all three keys."""
    detail = {
        "type": "object",
        "properties": {"@type": {"type": "string", "description": "The URL of the message's type."}},
        "required": ["@type"],
        "additionalProperties": True,  # said, since some clients drop what is not
    }
    return {
        "type": "object",
        "description": "An error, as google.rpc.Status has it.",
        "properties": {
            "code": {"type": "integer", "format": "int32", "description": "The number of a google.rpc.Code."},
            "message": {"type": "string", "description": "For developers, in English."},
            "details": {
                "type": "array",
                "items": detail,
                "description": "For programs, for example a google.rpc.BadRequest. Types that the server does not know "
                "have their bytes under `value`, in base64.",
            },
        },
        "required": ["code", "message", "details"],
    }


def _reference(error: _Error) -> Schema:
    return {"$ref": f"#/components/responses/{error.name}"}


def _response(error: _Error) -> Schema:
    response: Schema = {"description": error.description}
    if error.headers:
        response["headers"] = {
            name: {"description": description, "schema": {"type": "string"}} for name, description in error.headers
        }
    return response | {"content": {JSON_TYPE: {"schema": status_schema()}}}
