"""The one mapping from the domain's errors to google.rpc.Status: code, id, text and reason of each.

A status carries zitadel.v1.ErrorDetail, as the real API's do, and google.rpc.ErrorInfo, as AIP-193 asks. Its message
is `<text> (<id>)`. An error that a field of the request has caused names the field in a google.rpc.BadRequest.
"""

from dataclasses import dataclass

from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.actions.executions import LEVELS, MOST_STEPS
from actiond.actions.queries import MOST
from rpcfront import make_status

DOMAIN = "actiond"

DETAIL_TYPES = ("zitadel.v1.ErrorDetail", "google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.Help")
"""What stands among a status's details, for clients that learn the types by reflection."""

WAY_BACK = (
    "A target of an execution that interrupts on errors has failed. A caller with the permission execution.bypass can"
    " repeat the call with the metadata actiond-bypass-executions: true; on the server, actiond execution list and"
    " actiond execution delete show and mend executions."
)


@dataclass(frozen=True, slots=True)
class _Entry:
    code: int
    id: str
    """Empty for an error that carries no details."""
    text: str
    reason: str = ""
    field: str = ""
    """What of the request has caused it; `{}` in this and the next is the error's own argument."""
    rule: str = ""
    """What the field breaks."""
    more: tuple[Message, ...] = ()

    def status(self, *arguments: object) -> status_pb2.Status:
        if not self.id:
            return make_status(self.code, self.text)
        details: list[Message] = [
            error_detail_pb2.ErrorDetail(id=self.id, message=self.text),
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN),
            *self.more,
        ]
        if self.field:
            field, rule = self.field.format(*arguments), self.rule.format(*arguments)
            violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=rule)
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        return make_status(self.code, f"{self.text} ({self.id})", *details)


_NOT_FOUND = code_pb2.NOT_FOUND
_INVALID = code_pb2.INVALID_ARGUMENT
_FAILED = code_pb2.FAILED_PRECONDITION

_NO_TARGET = "Target not found"
_NO_CONDITION = "Execution condition is invalid"
_BAD_EXECUTION = "Execution is invalid"

_ENTRIES: dict[type[errors.DomainError], _Entry] = {
    errors.TargetNameTakenError: _Entry(
        code_pb2.ALREADY_EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN"
    ),
    errors.TargetNotFoundError: _Entry(_NOT_FOUND, "QUERY-hj5oaniyrz", _NO_TARGET, "TARGET_NOT_FOUND"),
    errors.TargetToChangeNotFoundError: _Entry(_NOT_FOUND, "COMMAND-xj14f2cccn", _NO_TARGET, "TARGET_NOT_FOUND"),
    errors.TargetToDeleteNotFoundError: _Entry(_NOT_FOUND, "COMMAND-k4s7ucu0ax", _NO_TARGET, "TARGET_NOT_FOUND"),
    errors.TargetOfExecutionNotFoundError: _Entry(
        _NOT_FOUND,
        "COMMAND-17e8fq1ggk",
        _NO_TARGET,
        "TARGET_NOT_FOUND",
        "targets[{}]",
        "names a target that does not exist",
    ),
    errors.EndpointDeniedError: _Entry(
        _INVALID, "ACTIOND-endpoint", "Endpoint is not allowed", "ENDPOINT_NOT_ALLOWED", "endpoint", "{}"
    ),
    errors.LimitTooHighError: _Entry(
        _INVALID, "GRPC-vR9nC", "List query is invalid", "LIMIT_TOO_HIGH", "query.limit", f"must be at most {MOST}"
    ),
    errors.RequestConditionEmptyError: _Entry(
        _INVALID,
        "COMMAND-3tkej630e6",
        _BAD_EXECUTION,
        "CONDITION_EMPTY",
        "{}",
        "must name a method or a service, or all: true",
    ),
    errors.EventConditionEmptyError: _Entry(
        _INVALID,
        "COMMAND-w5smb6v7qu",
        _BAD_EXECUTION,
        "CONDITION_EMPTY",
        "{}",
        "must name an event or a group, or all: true",
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
        "targets[{}]",
        "includes an execution that does not exist",
    ),
    errors.CircularIncludeError: _Entry(
        _FAILED,
        "COMMAND-819opvhgjv",
        "Circular include",
        "CIRCULAR_INCLUDE",
        "targets[{}]",
        "includes an execution that leads back to this one",
    ),
    errors.TooManyIncludeLevelsError: _Entry(
        _FAILED,
        "COMMAND-gbhd3g57oo",
        "Too many include levels",
        "TOO_MANY_INCLUDE_LEVELS",
        "targets",
        f"a chain of includes has at most {LEVELS} executions",
    ),
    errors.TooManyStepsError: _Entry(
        _FAILED,
        "ACTIOND-steps",
        "Too many targets",
        "TOO_MANY_TARGETS",
        "targets",
        f"an execution has at most {MOST_STEPS} targets and includes, those of its includes counted",
    ),
    errors.ExecutionFailedError: _Entry(
        _FAILED,
        "EXEC-dra6yamk98",
        "Execution failed",
        "EXECUTION_FAILED",
        more=(error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=WAY_BACK)]),),
    ),
    errors.TokenMissingError: _Entry(code_pb2.UNAUTHENTICATED, "", "auth header missing"),
    errors.TokenInvalidError: _Entry(code_pb2.UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID"),
    errors.PermissionMissingError: _Entry(
        code_pb2.PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"
    ),
}


def to_status(error: Exception, _method: MethodDescriptor | None = None) -> status_pb2.Status | None:
    """The status that a caller gets for `error`; None for a fault of ours."""
    entry = _ENTRIES.get(type(error)) if isinstance(error, errors.DomainError) else None
    return None if entry is None else entry.status(*error.args)
