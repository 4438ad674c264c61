"""The outcomes that scenarios expect, written from the API's table of errors, without importing the server."""

from typing import Any

from tests.support.action_service.model import Outcome

CREATED = Outcome(0)
FOUND = Outcome(0)

UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
UNIMPLEMENTED = 12
INTERNAL = 13
UNAUTHENTICATED = 16


def violations(http_status: int | None = None, /, **fields: str) -> Outcome:
    """Return the outcome of a request whose fields break rules: it names all of them, in the order of their paths."""
    message = ", ".join(f"{field}: {text}" for field, text in sorted(fields.items()))
    return Outcome(INVALID_ARGUMENT, message, [_bad_request(fields)], http_status=http_status)


def _bad_request(fields: dict[str, str]) -> dict[str, Any]:
    named = [{"field": field, "description": text} for field, text in sorted(fields.items())]
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": named}


def business(code: int, id: str, text: str, reason: str, field: tuple[str, str] | None = None) -> Outcome:
    """Return the outcome of an error of the API: `<text> (<id>)`, with its two details.

    One that a field of the request has caused names it in a third, with what the field breaks.
    """
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "id": id, "message": text},
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "actiond"},
    ]
    if field is not None:
        details.append(_bad_request(dict([field])))
    return Outcome(code, f"{text} ({id})", details)


def plain(code: int, message: str, http_status: int | None = None) -> Outcome:
    """Return a status without details. `http_status` overrides the code's default HTTP status."""
    return Outcome(code, message, http_status=http_status)


NAME_TAKEN = business(ALREADY_EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN")
UNKNOWN_TARGET = business(NOT_FOUND, "QUERY-hj5oaniyrz", "Target not found", "TARGET_NOT_FOUND")
TOKEN_MISSING = plain(UNAUTHENTICATED, "auth header missing")
TOKEN_INVALID = business(UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID")
PERMISSION_MISSING = business(PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING")
STORE_FAILED = plain(INTERNAL, "internal error")
TARGET_TO_CHANGE_UNKNOWN = business(NOT_FOUND, "COMMAND-xj14f2cccn", "Target not found", "TARGET_NOT_FOUND")
TARGET_TO_DELETE_UNKNOWN = business(NOT_FOUND, "COMMAND-k4s7ucu0ax", "Target not found", "TARGET_NOT_FOUND")
LIMIT_TOO_HIGH = business(
    INVALID_ARGUMENT,
    "GRPC-vR9nC",
    "List query is invalid",
    "LIMIT_TOO_HIGH",
    field=("query.limit", "must be at most 1000"),
)
EXECUTION_FAILED = business(FAILED_PRECONDITION, "EXEC-dra6yamk98", "Execution failed", "EXECUTION_FAILED")
"""Of a call that runs executions for another service, whose callers are not told how to bypass them."""
EXECUTION_UNKNOWN = business(NOT_FOUND, "COMMAND-suq2upd3rt", "Execution not found", "EXECUTION_NOT_FOUND")


def _condition_unknown(id: str, reason: str, rule: str) -> Outcome:
    return business(NOT_FOUND, id, "Execution condition is invalid", reason, field=("condition", rule))


METHOD_UNKNOWN = _condition_unknown(
    "COMMAND-vysplsevt8", "METHOD_UNKNOWN", "names a method that this server does not know"
)
SERVICE_UNKNOWN = _condition_unknown(
    "COMMAND-qu6dfhiioq", "SERVICE_UNKNOWN", "names a service that this server does not know"
)
FUNCTION_UNKNOWN = _condition_unknown(
    "COMMAND-cdy39t0ksr", "FUNCTION_UNKNOWN", "names a function that this server was not started with"
)
EVENT_UNKNOWN = _condition_unknown(
    "COMMAND-74aaqj8fv9", "EVENT_UNKNOWN", "names a type of events that this server was not started with"
)
GROUP_UNKNOWN = _condition_unknown(
    "COMMAND-er5oneb5lz", "EVENT_GROUP_UNKNOWN", "names a group that no event of this server is in"
)


def target_missing(step: int = 0) -> Outcome:
    """Return the error of a target that does not exist, named by the step at this position."""
    return business(
        NOT_FOUND,
        "COMMAND-17e8fq1ggk",
        "Target not found",
        "TARGET_NOT_FOUND",
        field=(f"targets[{step}]", "names a target that does not exist"),
    )


def include_missing(step: int = 0) -> Outcome:
    return business(
        NOT_FOUND,
        "COMMAND-slgj0l4cdz",
        "Include not found",
        "INCLUDE_NOT_FOUND",
        field=(f"targets[{step}]", "includes an execution that does not exist"),
    )


def circular_include(step: int = 0) -> Outcome:
    return business(
        FAILED_PRECONDITION,
        "COMMAND-819opvhgjv",
        "Circular include",
        "CIRCULAR_INCLUDE",
        field=(f"targets[{step}]", "includes an execution that leads back to this one"),
    )


TOO_MANY_LEVELS = business(
    FAILED_PRECONDITION,
    "COMMAND-gbhd3g57oo",
    "Too many include levels",
    "TOO_MANY_INCLUDE_LEVELS",
    field=("targets", "a chain of includes has at most 3 executions"),
)
TOO_MANY_STEPS = business(
    FAILED_PRECONDITION,
    "ACTIOND-steps",
    "Too many targets",
    "TOO_MANY_TARGETS",
    field=("targets", "an execution has at most 1000 targets and includes, those of its includes counted"),
)


def endpoint_denied(why: str) -> Outcome:
    """Return the error of an endpoint whose URL contains a denied address."""
    return business(
        INVALID_ARGUMENT,
        "ACTIOND-endpoint",
        "Endpoint is not allowed",
        "ENDPOINT_NOT_ALLOWED",
        field=("endpoint", why),
    )


def request_condition_empty(path: str = "condition") -> Outcome:
    """Return the error of an empty request or response condition at this field path."""
    rule = "must name a method or a service, or all: true"
    return business(
        INVALID_ARGUMENT, "COMMAND-3tkej630e6", "Execution is invalid", "CONDITION_EMPTY", field=(path, rule)
    )


def event_condition_empty(path: str = "condition") -> Outcome:
    """Return the error of an empty event condition at this field path."""
    rule = "must name an event or a group, or all: true"
    return business(
        INVALID_ARGUMENT, "COMMAND-w5smb6v7qu", "Execution is invalid", "CONDITION_EMPTY", field=(path, rule)
    )
