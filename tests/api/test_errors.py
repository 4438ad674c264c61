"""The API's table of errors, once more and by hand."""

import inspect
from typing import TypeVar

import pytest
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.api.v3alpha.errors import DETAIL_TYPES, to_status

INVALID, NOT_FOUND, EXISTS = code_pb2.INVALID_ARGUMENT, code_pb2.NOT_FOUND, code_pb2.ALREADY_EXISTS
FAILED, DENIED, UNAUTHENTICATED = code_pb2.FAILED_PRECONDITION, code_pb2.PERMISSION_DENIED, code_pb2.UNAUTHENTICATED

# Code, id, text and reason.
BUSINESS: dict[type[errors.DomainError], tuple[int, str, str, str]] = {
    errors.TargetNameTakenError: (EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN"),
    errors.TargetToChangeNotFoundError: (NOT_FOUND, "COMMAND-xj14f2cccn", "Target not found", "TARGET_NOT_FOUND"),
    errors.TargetToDeleteNotFoundError: (NOT_FOUND, "COMMAND-k4s7ucu0ax", "Target not found", "TARGET_NOT_FOUND"),
    errors.TargetNotFoundError: (NOT_FOUND, "QUERY-hj5oaniyrz", "Target not found", "TARGET_NOT_FOUND"),
    errors.LimitTooHighError: (INVALID, "GRPC-vR9nC", "List query is invalid", "LIMIT_TOO_HIGH"),
    errors.RequestConditionEmptyError: (INVALID, "COMMAND-3tkej630e6", "Execution is invalid", "CONDITION_EMPTY"),
    errors.EventConditionEmptyError: (INVALID, "COMMAND-w5smb6v7qu", "Execution is invalid", "CONDITION_EMPTY"),
    errors.MethodUnknownError: (NOT_FOUND, "COMMAND-vysplsevt8", "Execution condition is invalid", "METHOD_UNKNOWN"),
    errors.ServiceUnknownError: (NOT_FOUND, "COMMAND-qu6dfhiioq", "Execution condition is invalid", "SERVICE_UNKNOWN"),
    errors.FunctionUnknownError: (
        NOT_FOUND,
        "COMMAND-cdy39t0ksr",
        "Execution condition is invalid",
        "FUNCTION_UNKNOWN",
    ),
    errors.EventUnknownError: (NOT_FOUND, "COMMAND-74aaqj8fv9", "Execution condition is invalid", "EVENT_UNKNOWN"),
    errors.GroupUnknownError: (
        NOT_FOUND,
        "COMMAND-er5oneb5lz",
        "Execution condition is invalid",
        "EVENT_GROUP_UNKNOWN",
    ),
    errors.TargetOfExecutionNotFoundError: (NOT_FOUND, "COMMAND-17e8fq1ggk", "Target not found", "TARGET_NOT_FOUND"),
    errors.IncludeNotFoundError: (NOT_FOUND, "COMMAND-slgj0l4cdz", "Include not found", "INCLUDE_NOT_FOUND"),
    errors.CircularIncludeError: (FAILED, "COMMAND-819opvhgjv", "Circular include", "CIRCULAR_INCLUDE"),
    errors.TooManyIncludeLevelsError: (
        FAILED,
        "COMMAND-gbhd3g57oo",
        "Too many include levels",
        "TOO_MANY_INCLUDE_LEVELS",
    ),
    errors.ExecutionNotFoundError: (NOT_FOUND, "COMMAND-suq2upd3rt", "Execution not found", "EXECUTION_NOT_FOUND"),
    errors.ExecutionFailedError: (FAILED, "EXEC-dra6yamk98", "Execution failed", "EXECUTION_FAILED"),
    errors.TokenInvalidError: (UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID"),
    errors.PermissionMissingError: (DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"),
    errors.EndpointDeniedError: (INVALID, "ACTIOND-endpoint", "Endpoint is not allowed", "ENDPOINT_NOT_ALLOWED"),
    errors.TooManyStepsError: (FAILED, "ACTIOND-steps", "Too many targets", "TOO_MANY_TARGETS"),
}


# Where an error wants to be told what of the request has caused it.
ARGUMENTS: dict[type[errors.DomainError], object] = {
    errors.RequestConditionEmptyError: "condition",
    errors.EventConditionEmptyError: "queries[0].include_query.include",
    errors.TargetOfExecutionNotFoundError: 2,
    errors.IncludeNotFoundError: 0,
    errors.CircularIncludeError: 1,
    errors.EndpointDeniedError: "10.0.0.1 is private {0}",
}
FIELDS: dict[type[errors.DomainError], str] = {
    errors.RequestConditionEmptyError: "condition",
    errors.EventConditionEmptyError: "queries[0].include_query.include",
    errors.TargetOfExecutionNotFoundError: "targets[2]",
    errors.IncludeNotFoundError: "targets[0]",
    errors.CircularIncludeError: "targets[1]",
    errors.TooManyIncludeLevelsError: "targets",
    errors.TooManyStepsError: "targets",
    errors.LimitTooHighError: "query.limit",
    errors.EndpointDeniedError: "endpoint",
}


def _raised(error: type[errors.DomainError]) -> errors.DomainError:
    """The error as the domain raises it."""
    return error(ARGUMENTS[error]) if error in ARGUMENTS else error()


def _status(error: Exception) -> status_pb2.Status:
    status = to_status(error)
    assert status is not None
    return status


M = TypeVar("M", bound=Message)


def _details(status: status_pb2.Status, kind: type[M]) -> list[M]:
    unpacked: list[M] = []
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            unpacked.append(kind())
            packed.Unpack(unpacked[-1])
    return unpacked


@pytest.mark.parametrize("error", BUSINESS, ids=lambda error: error.__name__)
def test_an_error_has_the_code_id_text_and_reason_of_the_table(error: type[errors.DomainError]) -> None:
    code, id, text, reason = BUSINESS[error]
    status = _status(_raised(error))
    assert (status.code, status.message) == (code, f"{text} ({id})")
    assert _details(status, error_detail_pb2.ErrorDetail) == [error_detail_pb2.ErrorDetail(id=id, message=text)]
    assert _details(status, error_details_pb2.ErrorInfo) == [
        error_details_pb2.ErrorInfo(reason=reason, domain="actiond")
    ]


def test_a_missing_token_has_no_details() -> None:
    assert _status(errors.TokenMissingError()) == status_pb2.Status(code=UNAUTHENTICATED, message="auth header missing")


def test_every_error_that_a_call_can_meet_stands_in_the_table() -> None:
    every = {error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.DomainError)}
    # The base is never raised, and tokens are looked up by id on the command line alone.
    beside = {errors.DomainError, errors.TokenNotFoundError, errors.TokenMissingError}
    assert every - beside == BUSINESS.keys()


def test_a_fault_of_ours_has_no_status() -> None:
    for fault in (errors.StoreError("disk"), errors.TargetFailedError("hook"), ValueError("x")):
        assert to_status(fault) is None


@pytest.mark.parametrize("error", BUSINESS, ids=lambda error: error.__name__)
def test_an_error_names_the_field_that_has_caused_it(error: type[errors.DomainError]) -> None:
    named = [
        [violation.field for violation in bad.field_violations]
        for bad in _details(_status(_raised(error)), error_details_pb2.BadRequest)
    ]
    assert named == ([[FIELDS[error]]] if error in FIELDS else [])


def test_a_denied_endpoint_is_named_with_the_reason_as_it_is() -> None:
    (bad,) = _details(_status(_raised(errors.EndpointDeniedError)), error_details_pb2.BadRequest)
    assert bad.field_violations[0].description == "10.0.0.1 is private {0}"


def test_a_failed_execution_tells_the_way_back_and_nothing_of_the_target() -> None:
    (help,) = _details(_status(errors.ExecutionFailedError("https://secret.example")), error_details_pb2.Help)
    assert "actiond-bypass-executions: true" in str(help)
    assert "secret" not in str(_status(errors.ExecutionFailedError("https://secret.example")))


def test_no_status_carries_a_detail_of_a_type_that_is_not_announced() -> None:
    carried = {detail.TypeName() for error in BUSINESS for detail in _status(_raised(error)).details}
    assert carried == set(DETAIL_TYPES)
