"""The outcomes that the scenarios name, written out by the API's table of errors: nothing is taken from server/."""

from typing import Any

from tests.parity.model import Outcome

CREATED = Outcome(0)
FOUND = Outcome(0)

INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13
UNAUTHENTICATED = 16


def violations(http_status: int | None = None, /, **fields: str) -> Outcome:
    """A request whose fields break their rules: all are named at once, in the order of their paths."""
    named = [{"field": field, "description": text} for field, text in sorted(fields.items())]
    message = ", ".join(f"{field}: {text}" for field, text in sorted(fields.items()))
    detail: dict[str, Any] = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": named}
    return Outcome(INVALID_ARGUMENT, message, [detail], http_status=http_status)


def business(code: int, id: str, text: str, reason: str) -> Outcome:
    """An error of the API's own: `<text> (<id>)`, with the two details that go with it."""
    details = [
        {"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "id": id, "message": text},
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "actiond"},
    ]
    return Outcome(code, f"{text} ({id})", details)


def plain(code: int, message: str, http_status: int | None = None) -> Outcome:
    """A status without details. `http_status` where HTTP has a more exact word than the code's own."""
    return Outcome(code, message, http_status=http_status)


NAME_TAKEN = business(ALREADY_EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN")
UNKNOWN_TARGET = business(NOT_FOUND, "QUERY-hj5oaniyrz", "Target not found", "TARGET_NOT_FOUND")
TOKEN_MISSING = plain(UNAUTHENTICATED, "auth header missing")
TOKEN_INVALID = business(UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID")
PERMISSION_MISSING = business(PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING")
STORE_FAILED = plain(INTERNAL, "internal error")
