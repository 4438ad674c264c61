"""The errors of zitadel.action.v3alpha: the code, id, text and reason of each domain error, beside the common ones."""

from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from actiond.actions import errors
from actiond.api.action_errors import OF_ACTIONS
from actiond.api.conditions import ConditionEmptyError
from actiond.api.errors import COMMON, Entry, entry_of

_NOT_FOUND = code_pb2.NOT_FOUND
_INVALID = code_pb2.INVALID_ARGUMENT
_FAILED = code_pb2.FAILED_PRECONDITION

_BAD_EXECUTION = "Execution is invalid"


def _target_not_found(error_id: str, field: str = "", rule: str = "") -> Entry:
    return Entry(_NOT_FOUND, error_id, "Target not found", "TARGET_NOT_FOUND", field, rule)


# ZITADEL has a separate id for each place in its code that looks up a target.
_TARGET_NOT_FOUND_BY_METHOD = {
    "GetTargetByID": _target_not_found("QUERY-hj5oaniyrz"),
    "UpdateTarget": _target_not_found("COMMAND-xj14f2cccn"),
    "DeleteTarget": _target_not_found("COMMAND-k4s7ucu0ax"),
    "SetExecution": _target_not_found(
        "COMMAND-17e8fq1ggk", "targets[{position}]", "names a target that does not exist"
    ),
}

_ENDPOINT_NOT_ALLOWED = Entry(
    _INVALID, "ACTIOND-endpoint", "Endpoint is not allowed", "ENDPOINT_NOT_ALLOWED", "endpoint", "{reason}"
)

_ENTRIES: Mapping[type[Exception], Entry] = {
    **COMMON,
    **OF_ACTIONS,
    errors.EndpointDeniedError: _ENDPOINT_NOT_ALLOWED,
    errors.EndpointInvalidError: _ENDPOINT_NOT_ALLOWED,
    errors.LimitTooHighError: Entry(
        _INVALID, "GRPC-vR9nC", "List query is invalid", "LIMIT_TOO_HIGH", "query.limit", "must be at most {maximum}"
    ),
    errors.ExecutionNotFoundError: Entry(
        _NOT_FOUND, "COMMAND-suq2upd3rt", "Execution not found", "EXECUTION_NOT_FOUND"
    ),
    errors.IncludeNotFoundError: Entry(
        _NOT_FOUND,
        "COMMAND-slgj0l4cdz",
        "Include not found",
        "INCLUDE_NOT_FOUND",
        "targets[{position}]",
        "includes an execution that does not exist",
    ),
    errors.CircularIncludeError: Entry(
        _FAILED,
        "COMMAND-819opvhgjv",
        "Circular include",
        "CIRCULAR_INCLUDE",
        "targets[{position}]",
        "includes an execution that leads back to this one",
    ),
    errors.TooManyIncludeLevelsError: Entry(
        _FAILED,
        "COMMAND-gbhd3g57oo",
        "Too many include levels",
        "TOO_MANY_INCLUDE_LEVELS",
        "targets",
        "a chain of includes has at most {maximum} executions",
    ),
    errors.TooManyStepsError: Entry(
        _FAILED,
        "ACTIOND-steps",
        "Too many targets",
        "TOO_MANY_TARGETS",
        "targets",
        "an execution has at most {maximum} targets and includes, those of its includes counted",
    ),
}

_REQUEST_CONDITION_EMPTY = Entry(
    _INVALID,
    "COMMAND-3tkej630e6",
    _BAD_EXECUTION,
    "CONDITION_EMPTY",
    "{path}",
    "must name a method or a service, or all: true",
)
_EVENT_CONDITION_EMPTY = Entry(
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


def _entry(error: Exception, method: MethodDescriptor | None) -> Entry | None:
    match error:
        case errors.TargetNotFoundError():
            return None if method is None else _TARGET_NOT_FOUND_BY_METHOD.get(method.name)
        case ConditionEmptyError(is_event=is_event):
            return _EVENT_CONDITION_EMPTY if is_event else _REQUEST_CONDITION_EMPTY
        case _:
            return entry_of(error, _ENTRIES)
