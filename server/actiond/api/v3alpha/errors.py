"""The errors of zitadel.action.v3alpha: the code, id, text and reason of each domain error.

A status carries zitadel.v1.ErrorDetail, as the real API's do, and google.rpc.ErrorInfo, as AIP-193 asks. Its message
is `<text> (<id>)`. An error caused by a field of the request names that field in a google.rpc.BadRequest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.api.permissions import BYPASS, BYPASS_HEADER
from rpcfront import make_status

DOMAIN = "actiond"

DETAIL_TYPES = (
    "zitadel.v1.ErrorDetail",
    "google.rpc.ErrorInfo",
    "google.rpc.BadRequest",
    "google.rpc.Help",
    "google.rpc.RetryInfo",
)
"""The types of a status's details, for clients that discover them by reflection."""

RECOVERY_HINT = (
    f"A target of an execution that interrupts on errors has failed. A caller with the permission {BYPASS} can"
    f" repeat the call with the metadata {BYPASS_HEADER}: true. On the server,"
    " `actiond execution list` lists executions, and `actiond execution delete` deletes the one that fails."
)


@dataclass(eq=False)
class ConditionEmptyError(Exception):
    """A condition names nothing: neither a method or service, nor an event or group, nor `all`."""

    path: str
    """Field path of the condition in the request."""
    is_event: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    code: int
    id: str
    """Empty for an error without details."""
    text: str
    reason: str = ""
    field: str = ""
    """Path of the field that caused the error; `field` and `rule` are templates over the error's named data."""
    rule: str = ""
    """The rule that the field breaks."""
    more: tuple[Message, ...] = ()

    def status(self, data: Mapping[str, object]) -> status_pb2.Status:
        if not self.id:
            return make_status(self.code, self.text, *self.more)
        details: list[Message] = [
            error_detail_pb2.ErrorDetail(id=self.id, message=self.text),
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN),
            *self.more,
        ]
        if self.field:
            violation = error_details_pb2.BadRequest.FieldViolation(
                field=self.field.format_map(data), description=self.rule.format_map(data)
            )
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        return make_status(self.code, f"{self.text} ({self.id})", *details)


_NOT_FOUND = code_pb2.NOT_FOUND
_INVALID = code_pb2.INVALID_ARGUMENT
_FAILED = code_pb2.FAILED_PRECONDITION

_NO_CONDITION = "Execution condition is invalid"
_BAD_EXECUTION = "Execution is invalid"


def _target_not_found(error_id: str, field: str = "", rule: str = "") -> _Entry:
    return _Entry(_NOT_FOUND, error_id, "Target not found", "TARGET_NOT_FOUND", field, rule)


# ZITADEL has a separate id for each place in its code that looks up a target.
_TARGET_NOT_FOUND_BY_METHOD = {
    "GetTargetByID": _target_not_found("QUERY-hj5oaniyrz"),
    "UpdateTarget": _target_not_found("COMMAND-xj14f2cccn"),
    "DeleteTarget": _target_not_found("COMMAND-k4s7ucu0ax"),
    "SetExecution": _target_not_found(
        "COMMAND-17e8fq1ggk", "targets[{position}]", "names a target that does not exist"
    ),
}

_ENTRIES: Mapping[type[Exception], _Entry] = {
    errors.TargetNameTakenError: _Entry(
        code_pb2.ALREADY_EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN"
    ),
    errors.EndpointDeniedError: _Entry(
        _INVALID, "ACTIOND-endpoint", "Endpoint is not allowed", "ENDPOINT_NOT_ALLOWED", "endpoint", "{reason}"
    ),
    errors.LimitTooHighError: _Entry(
        _INVALID, "GRPC-vR9nC", "List query is invalid", "LIMIT_TOO_HIGH", "query.limit", "must be at most {maximum}"
    ),
    errors.MethodUnknownError: _Entry(_NOT_FOUND, "COMMAND-vysplsevt8", _NO_CONDITION, "METHOD_UNKNOWN"),
    errors.ServiceUnknownError: _Entry(_NOT_FOUND, "COMMAND-qu6dfhiioq", _NO_CONDITION, "SERVICE_UNKNOWN"),
    errors.FunctionUnknownError: _Entry(_NOT_FOUND, "COMMAND-cdy39t0ksr", _NO_CONDITION, "FUNCTION_UNKNOWN"),
    errors.EventUnknownError: _Entry(_NOT_FOUND, "COMMAND-74aaqj8fv9", _NO_CONDITION, "EVENT_UNKNOWN"),
    errors.GroupUnknownError: _Entry(_NOT_FOUND, "COMMAND-er5oneb5lz", _NO_CONDITION, "EVENT_GROUP_UNKNOWN"),
    errors.ExecutionNotFoundError: _Entry(
        _NOT_FOUND, "COMMAND-suq2upd3rt", "Execution not found", "EXECUTION_NOT_FOUND"
    ),
    errors.IncludeNotFoundError: _Entry(
        _NOT_FOUND,
        "COMMAND-slgj0l4cdz",
        "Include not found",
        "INCLUDE_NOT_FOUND",
        "targets[{position}]",
        "includes an execution that does not exist",
    ),
    errors.CircularIncludeError: _Entry(
        _FAILED,
        "COMMAND-819opvhgjv",
        "Circular include",
        "CIRCULAR_INCLUDE",
        "targets[{position}]",
        "includes an execution that leads back to this one",
    ),
    errors.TooManyIncludeLevelsError: _Entry(
        _FAILED,
        "COMMAND-gbhd3g57oo",
        "Too many include levels",
        "TOO_MANY_INCLUDE_LEVELS",
        "targets",
        "a chain of includes has at most {maximum} executions",
    ),
    errors.TooManyStepsError: _Entry(
        _FAILED,
        "ACTIOND-steps",
        "Too many targets",
        "TOO_MANY_TARGETS",
        "targets",
        "an execution has at most {maximum} targets and includes, those of its includes counted",
    ),
    errors.ExecutionFailedError: _Entry(
        _FAILED,
        "EXEC-dra6yamk98",
        "Execution failed",
        "EXECUTION_FAILED",
        more=(error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=RECOVERY_HINT)]),),
    ),
    errors.ListTooSlowError: _Entry(
        code_pb2.RESOURCE_EXHAUSTED, "ACTIOND-slow", "The list takes too long; use fewer filters", "LIST_TOO_SLOW"
    ),
    errors.StoreUnavailableError: _Entry(
        code_pb2.UNAVAILABLE,
        "",
        "the store is unavailable",
        more=(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1)),),
    ),
    errors.DeadlineExceededError: _Entry(code_pb2.DEADLINE_EXCEEDED, "", "deadline exceeded"),
    errors.TokenMissingError: _Entry(code_pb2.UNAUTHENTICATED, "", "auth header missing"),
    errors.CertificateUnboundError: _Entry(
        code_pb2.UNAUTHENTICATED,
        "",
        "auth header missing, and no token is bound to a name in the client's certificate",
    ),
    errors.TokenInvalidError: _Entry(code_pb2.UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID"),
    errors.PermissionMissingError: _Entry(
        code_pb2.PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"
    ),
}

_REQUEST_CONDITION_EMPTY = _Entry(
    _INVALID,
    "COMMAND-3tkej630e6",
    _BAD_EXECUTION,
    "CONDITION_EMPTY",
    "{path}",
    "must name a method or a service, or all: true",
)
_EVENT_CONDITION_EMPTY = _Entry(
    _INVALID,
    "COMMAND-w5smb6v7qu",
    _BAD_EXECUTION,
    "CONDITION_EMPTY",
    "{path}",
    "must name an event or a group, or all: true",
)


def translate(error: Exception, method: MethodDescriptor | None) -> status_pb2.Status | None:
    """Return the status of an error raised by a call of `method`; None if the caller is not responsible for it."""
    entry = _entry(error, method)
    return None if entry is None else entry.status(vars(error))


def _entry(error: Exception, method: MethodDescriptor | None) -> _Entry | None:
    match error:
        case errors.TargetNotFoundError():
            return None if method is None else _TARGET_NOT_FOUND_BY_METHOD.get(method.name)
        case ConditionEmptyError(is_event=is_event):
            return _EVENT_CONDITION_EMPTY if is_event else _REQUEST_CONDITION_EMPTY
        case _:
            return _ENTRIES.get(type(error))
