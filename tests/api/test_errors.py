"""The API's table of errors, once more and by hand."""

import inspect
from dataclasses import is_dataclass
from typing import TypeVar

import pytest
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.api.conditions import ConditionEmptyError
from actiond.api.errors import DETAIL_TYPES
from actiond.api.errors import by_service as errors_of_services
from actiond.api.health import HEALTH
from actiond.api.served import ACTION_SERVICE
from actiond.api.v3alpha.errors import translate

INVALID, NOT_FOUND, EXISTS = code_pb2.INVALID_ARGUMENT, code_pb2.NOT_FOUND, code_pb2.ALREADY_EXISTS
FAILED, DENIED, UNAUTHENTICATED = code_pb2.FAILED_PRECONDITION, code_pb2.PERMISSION_DENIED, code_pb2.UNAUTHENTICATED

METHODS = ACTION_SERVICE.methods_by_name

# Code, id, text and reason.
BUSINESS: dict[type[Exception], tuple[int, str, str, str]] = {
    errors.TargetNameTakenError: (EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN"),
    errors.LimitTooHighError: (INVALID, "GRPC-vR9nC", "List query is invalid", "LIMIT_TOO_HIGH"),
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
    errors.TargetKeyMissingError: (
        code_pb2.INTERNAL,
        "EXEC-2n8fhs7g",
        "Target has no active public key",
        "EXECUTION_FAILED",
    ),
    errors.TokenInvalidError: (UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID"),
    errors.PermissionMissingError: (DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"),
    errors.EndpointDeniedError: (INVALID, "ACTIOND-endpoint", "Endpoint is not allowed", "ENDPOINT_NOT_ALLOWED"),
    errors.EndpointInvalidError: (INVALID, "ACTIOND-endpoint", "Endpoint is not allowed", "ENDPOINT_NOT_ALLOWED"),
    errors.ListTooSlowError: (
        code_pb2.RESOURCE_EXHAUSTED,
        "ACTIOND-slow",
        "The list takes too long; use fewer filters",
        "LIST_TOO_SLOW",
    ),
    errors.TooManyStepsError: (FAILED, "ACTIOND-steps", "Too many targets", "TOO_MANY_TARGETS"),
    errors.TooManyDeliveriesError: (
        code_pb2.RESOURCE_EXHAUSTED,
        "ACTIOND-deliveries",
        "Too many unfinished deliveries",
        "TOO_MANY_DELIVERIES",
    ),
}

# What a call of these methods raises, and the same of it; then the field that it names, if any.
UNKNOWN = {
    errors.MethodUnknownError,
    errors.ServiceUnknownError,
    errors.FunctionUnknownError,
    errors.GroupUnknownError,
}

CASES: dict[str, tuple[str, Exception, tuple[int, str, str, str], str]] = {
    "an unknown target is read": (
        "GetTargetByID",
        errors.TargetNotFoundError("1"),
        (NOT_FOUND, "QUERY-hj5oaniyrz", "Target not found", "TARGET_NOT_FOUND"),
        "",
    ),
    "an unknown target is changed": (
        "UpdateTarget",
        errors.TargetNotFoundError("1"),
        (NOT_FOUND, "COMMAND-xj14f2cccn", "Target not found", "TARGET_NOT_FOUND"),
        "",
    ),
    "an unknown target is deleted": (
        "DeleteTarget",
        errors.TargetNotFoundError("1"),
        (NOT_FOUND, "COMMAND-k4s7ucu0ax", "Target not found", "TARGET_NOT_FOUND"),
        "",
    ),
    "a step names an unknown target": (
        "SetExecution",
        errors.TargetNotFoundError("1", position=2),
        (NOT_FOUND, "COMMAND-17e8fq1ggk", "Target not found", "TARGET_NOT_FOUND"),
        "targets[2]",
    ),
    "a request condition is empty": (
        "SetExecution",
        ConditionEmptyError("condition", is_event=False),
        (INVALID, "COMMAND-3tkej630e6", "Execution is invalid", "CONDITION_EMPTY"),
        "condition",
    ),
    "an event condition is empty": (
        "ListExecutions",
        ConditionEmptyError("queries[0].include_query.include", is_event=True),
        (INVALID, "COMMAND-w5smb6v7qu", "Execution is invalid", "CONDITION_EMPTY"),
        "queries[0].include_query.include",
    ),
    "a step includes an unknown execution": (
        "SetExecution",
        errors.IncludeNotFoundError(0),
        BUSINESS[errors.IncludeNotFoundError],
        "targets[0]",
    ),
    "a step includes its own execution": (
        "SetExecution",
        errors.CircularIncludeError(1),
        BUSINESS[errors.CircularIncludeError],
        "targets[1]",
    ),
    "includes are too deep": (
        "SetExecution",
        errors.TooManyIncludeLevelsError(3),
        BUSINESS[errors.TooManyIncludeLevelsError],
        "targets",
    ),
    "steps are too many": ("SetExecution", errors.TooManyStepsError(1), BUSINESS[errors.TooManyStepsError], "targets"),
    "there are too many deliveries": (
        "CreateTarget",
        errors.TooManyDeliveriesError(1_000_000),
        BUSINESS[errors.TooManyDeliveriesError],
        "",
    ),
    "a page is too long": (
        "ListTargets",
        errors.LimitTooHighError(1000),
        BUSINESS[errors.LimitTooHighError],
        "query.limit",
    ),
    "an endpoint is denied": (
        "CreateTarget",
        errors.EndpointDeniedError("10.0.0.1 is private {0}"),
        BUSINESS[errors.EndpointDeniedError],
        "endpoint",
    ),
    "an endpoint that is no URL": (
        "UpdateTarget",
        errors.EndpointInvalidError("10.0.0.1 is private {0}"),
        BUSINESS[errors.EndpointInvalidError],
        "endpoint",
    ),
    "a target forwards an error": (
        "CreateTarget",
        errors.ExecutionForwardedError(404, "no such order"),
        (NOT_FOUND, "EXEC-reUaUZCzCp", "no such order", "EXECUTION_ERROR_FORWARDED"),
        "",
    ),
    "a condition names an unknown event": (
        "SetExecution",
        errors.EventUnknownError(),
        BUSINESS[errors.EventUnknownError],
        "condition",
    ),
} | {
    kind.__name__: ("CreateTarget", kind(), BUSINESS[kind], "condition" if kind in UNKNOWN else "")
    for kind in BUSINESS
    if not is_dataclass(kind)
}


def _status(error: Exception, method: str = "CreateTarget") -> status_pb2.Status:
    status = translate(error, METHODS[method])
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


@pytest.mark.parametrize("case", CASES)
def test_an_error_has_the_code_id_text_and_reason_of_the_table(case: str) -> None:
    method, error, (code, id, text, reason), _ = CASES[case]
    status = _status(error, method)
    assert (status.code, status.message) == (code, f"{text} ({id})")
    assert _details(status, error_detail_pb2.ErrorDetail) == [error_detail_pb2.ErrorDetail(id=id, message=text)]
    assert _details(status, error_details_pb2.ErrorInfo) == [
        error_details_pb2.ErrorInfo(reason=reason, domain="actiond")
    ]


@pytest.mark.parametrize("case", CASES)
def test_an_error_names_the_field_that_has_caused_it(case: str) -> None:
    method, error, _, field = CASES[case]
    named = [
        [violation.field for violation in bad.field_violations]
        for bad in _details(_status(error, method), error_details_pb2.BadRequest)
    ]
    assert named == ([[field]] if field else [])


def test_a_missing_token_has_no_details() -> None:
    assert _status(errors.TokenMissingError()) == status_pb2.Status(code=UNAUTHENTICATED, message="auth header missing")


def test_a_certificate_without_a_token_is_told_from_a_missing_one() -> None:
    text = "auth header missing, and no token is bound to a name in the client's certificate"
    assert _status(errors.CertificateUnboundError()) == status_pb2.Status(code=UNAUTHENTICATED, message=text)


def test_an_unavailable_store_says_when_to_try_again_and_nothing_of_its_own() -> None:
    status = _status(errors.StoreUnavailableError("sqlite: disk I/O error"))
    assert (status.code, status.message) == (code_pb2.UNAVAILABLE, "the store is unavailable")
    (retry,) = _details(status, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToSeconds() == 1


def test_a_passed_deadline_has_no_details() -> None:
    expected = status_pb2.Status(code=code_pb2.DEADLINE_EXCEEDED, message="deadline exceeded")
    assert _status(errors.DeadlineExceededError()) == expected


def test_every_error_that_a_call_can_meet_is_in_the_table() -> None:
    every = {error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.DomainError)}
    # The base is never raised, only the command line rotates instance keys, looks tokens up by id and binds them to
    # certificates, and only a start gives a token a secret that exists. Deliveries, published events and conditions
    # have an API of their own. Public keys are only in the stable API.
    beside = {
        errors.PageTooLargeError,
        errors.PublicKeyActiveError,
        errors.PublicKeyExpiredError,
        errors.PublicKeyFormatError,
        errors.PublicKeyNotFoundError,
        errors.TooManyPublicKeysError,
        errors.DeliveryNotFoundError,
        errors.TooManyDeliveriesAtOnceError,
        errors.DeliveryNotRetryableError,
        errors.DeliveryNotUnfinishedError,
        errors.AggregateReservedError,
        errors.EventIdTakenError,
        errors.MatchInvalidError,
        errors.MatchNotAllowedError,
        errors.DomainError,
        errors.TokenNotFoundError,
        errors.CertificateTakenError,
        errors.CertificateUnboundError,
        errors.TokenRevokedError,
        errors.SecretTakenError,
        errors.TokenMissingError,
        errors.DeadlineExceededError,
        errors.TooManyInstanceKeysError,
        errors.NotStartedError,
    }
    assert every - beside <= {type(error) for _, error, _, _ in CASES.values()}


def test_an_error_that_is_no_callers_has_no_status() -> None:
    for error in (errors.StoreError("disk"), errors.TargetFailedError("hook"), ValueError("x")):
        assert translate(error, METHODS["CreateTarget"]) is None


def test_the_table_of_the_service_is_asked_about_its_methods_alone() -> None:
    mine = status_pb2.Status(code=FAILED, message="of the service")
    by_service = errors_of_services({ACTION_SERVICE: lambda error, method: mine})
    assert by_service(ValueError("x"), METHODS["CreateTarget"]) is mine
    for method in (None, HEALTH.methods[0]):
        missing = by_service(errors.PermissionMissingError(), method)
        assert missing is not None
        assert missing.code == DENIED
        assert by_service(errors.TargetNameTakenError(), method) is None


def test_a_denied_endpoint_is_named_with_the_reason_as_it_is() -> None:
    (bad,) = _details(_status(errors.EndpointDeniedError("10.0.0.1 is private {0}")), error_details_pb2.BadRequest)
    assert bad.field_violations[0].description == "10.0.0.1 is private {0}"


def test_a_failed_execution_tells_how_to_recover() -> None:
    (help,) = _details(_status(errors.ExecutionFailedError()), error_details_pb2.Help)
    assert "actiond-bypass-executions: true" in str(help)


def test_no_status_carries_a_detail_of_a_type_that_is_not_announced() -> None:
    statuses = [_status(error, method) for method, error, _, _ in CASES.values()]
    statuses.append(_status(errors.StoreUnavailableError("disk")))
    carried = {detail.TypeName() for status in statuses for detail in status.details}
    assert carried == set(DETAIL_TYPES)
