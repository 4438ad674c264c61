"""The table of errors of v2 and v2beta, once more and by hand."""

import inspect

import pytest
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.api.errors import DETAIL_TYPES
from actiond.api.served import ACTION_SERVICE_V2, ACTION_SERVICE_V2BETA
from actiond.api.v2.errors import ConditionMissingError, TimeoutMissingError, translate

INVALID, NOT_FOUND, EXISTS = code_pb2.INVALID_ARGUMENT, code_pb2.NOT_FOUND, code_pb2.ALREADY_EXISTS
FAILED, EXHAUSTED = code_pb2.FAILED_PRECONDITION, code_pb2.RESOURCE_EXHAUSTED
DENIED, UNAUTHENTICATED = code_pb2.PERMISSION_DENIED, code_pb2.UNAUTHENTICATED

TARGET = ("Target not found", "TARGET_NOT_FOUND")
CONDITION = "Execution condition is invalid"

# Method, error; then code, id, text, reason and the field that it names, if any.
CASES: list[tuple[str, Exception, tuple[int, str, str, str, str]]] = [
    ("GetTarget", errors.TargetNotFoundError("1"), (NOT_FOUND, "QUERY-hj5oaniyrz", *TARGET, "")),
    ("UpdateTarget", errors.TargetNotFoundError("1"), (NOT_FOUND, "COMMAND-xj14f2cccn", *TARGET, "")),
    (
        "SetExecution",
        errors.TargetNotFoundError("1", position=2),
        (NOT_FOUND, "COMMAND-17e8fq1ggk", *TARGET, "targets[2]"),
    ),
    ("AddPublicKey", errors.TargetNotFoundError("1"), (FAILED, "COMMAND-nd3fsd", *TARGET, "")),
    ("ActivatePublicKey", errors.TargetNotFoundError("1"), (FAILED, "COMMAND-SAF4g", *TARGET, "")),
    ("DeactivatePublicKey", errors.TargetNotFoundError("1"), (FAILED, "COMMAND-SAF4g", *TARGET, "")),
    (
        "CreateTarget",
        TimeoutMissingError(),
        (INVALID, "COMMAND-39f35d8uri", "Target has no timeout", "TIMEOUT_MISSING", "timeout"),
    ),
    (
        "UpdateTarget",
        TimeoutMissingError(),
        (INVALID, "COMMAND-08b39vdi57", "Target has no timeout", "TIMEOUT_MISSING", "timeout"),
    ),
    (
        "CreateTarget",
        errors.EndpointInvalidError("why {0}"),
        (INVALID, "COMMAND-1r2k6qo6wg", "Target has an invalid URL", "ENDPOINT_INVALID", "endpoint"),
    ),
    (
        "UpdateTarget",
        errors.EndpointInvalidError("why {0}"),
        (INVALID, "COMMAND-jsbaera7b6", "Target has an invalid URL", "ENDPOINT_INVALID", "endpoint"),
    ),
    (
        "CreateTarget",
        errors.EndpointDeniedError("why {0}"),
        (INVALID, "COMMAND-NcJUKo", "Errors.Target.DeniedURL", "ENDPOINT_NOT_ALLOWED", "endpoint"),
    ),
    (
        "CreateTarget",
        errors.TargetNameTakenError(),
        (EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN", ""),
    ),
    (
        "ListTargets",
        errors.LimitTooHighError(1000),
        (INVALID, "QUERY-4M0fs", "Errors.Query.LimitExceeded", "LIMIT_TOO_HIGH", "pagination.limit"),
    ),
    ("SetExecution", ConditionMissingError(), (INVALID, "ACTION-5r5Ju", CONDITION, "CONDITION_MISSING", "condition")),
    (
        "SetExecution",
        errors.MethodUnknownError(),
        (NOT_FOUND, "COMMAND-vysplsevt8", CONDITION, "METHOD_UNKNOWN", "condition"),
    ),
    (
        "SetExecution",
        errors.ServiceUnknownError(),
        (NOT_FOUND, "COMMAND-qu6dfhiioq", CONDITION, "SERVICE_UNKNOWN", "condition"),
    ),
    (
        "SetExecution",
        errors.FunctionUnknownError(),
        (NOT_FOUND, "COMMAND-cdy39t0ksr", CONDITION, "FUNCTION_UNKNOWN", "condition"),
    ),
    (
        "SetExecution",
        errors.EventUnknownError(),
        (NOT_FOUND, "COMMAND-74aaqj8fv9", CONDITION, "EVENT_UNKNOWN", "condition"),
    ),
    (
        "SetExecution",
        errors.GroupUnknownError(),
        (NOT_FOUND, "COMMAND-er5oneb5lz", CONDITION, "EVENT_GROUP_UNKNOWN", "condition"),
    ),
    (
        "SetExecution",
        errors.TooManyStepsError(1000),
        (FAILED, "ACTIOND-steps", "Too many targets", "TOO_MANY_TARGETS", "targets"),
    ),
    (
        "AddPublicKey",
        errors.PublicKeyExpiredError(),
        (
            INVALID,
            "ErrExpirationDateBeforeNow",
            "Errors.Target.InvalidExpirationDate",
            "EXPIRATION_DATE_PASSED",
            "expiration_date",
        ),
    ),
    (
        "ActivatePublicKey",
        errors.PublicKeyExpiredError(),
        (FAILED, "COMMAND-SAF4g", "Errors.Target.PublicKeyExpired", "PUBLIC_KEY_EXPIRED", "key_id"),
    ),
    (
        "DeactivatePublicKey",
        errors.PublicKeyNotFoundError(),
        (FAILED, "COMMAND-SAF4g", "Target not found", "PUBLIC_KEY_NOT_FOUND", "key_id"),
    ),
    (
        "RemovePublicKey",
        errors.PublicKeyActiveError(),
        (FAILED, "ErrPublicKeyDeleteActiveKey", "Errors.Target.PublicKeyActive", "PUBLIC_KEY_ACTIVE", "key_id"),
    ),
    (
        "AddPublicKey",
        errors.PublicKeyFormatError("why {0}"),
        (INVALID, "ErrPublicKeyFormat", "Errors.Target.InvalidPublicKey", "PUBLIC_KEY_INVALID", "public_key"),
    ),
    (
        "ListExecutions",
        errors.PageTooLargeError(100),
        (
            code_pb2.RESOURCE_EXHAUSTED,
            "ACTIOND-page",
            "The page has too many targets",
            "PAGE_TOO_LARGE",
            "pagination.limit",
        ),
    ),
    (
        "AddPublicKey",
        errors.TooManyPublicKeysError(100),
        (EXHAUSTED, "ACTIOND-public-keys", "Too many public keys", "TOO_MANY_PUBLIC_KEYS", "target_id"),
    ),
    (
        "CreateTarget",
        errors.TooManyDeliveriesError(1_000_000),
        (EXHAUSTED, "ACTIOND-deliveries", "Too many unfinished deliveries", "TOO_MANY_DELIVERIES", ""),
    ),
    (
        "ListTargets",
        errors.ListTooSlowError(),
        (EXHAUSTED, "ACTIOND-slow", "The list takes too long; use fewer filters", "LIST_TOO_SLOW", ""),
    ),
    (
        "GetTarget",
        errors.ExecutionFailedError(),
        (FAILED, "EXEC-dra6yamk98", "Execution failed", "EXECUTION_FAILED", ""),
    ),
    (
        "GetTarget",
        errors.TargetKeyMissingError(),
        (code_pb2.INTERNAL, "EXEC-2n8fhs7g", "Target has no active public key", "EXECUTION_FAILED", ""),
    ),
    (
        "GetTarget",
        errors.ExecutionForwardedError(404, "no such order"),
        (NOT_FOUND, "EXEC-reUaUZCzCp", "no such order", "EXECUTION_ERROR_FORWARDED", ""),
    ),
    (
        "GetTarget",
        errors.TokenInvalidError(),
        (UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID", ""),
    ),
    (
        "GetTarget",
        errors.PermissionMissingError(),
        (DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING", ""),
    ),
]
IDS = [f"{method}, {type(error).__name__}" for method, error, _ in CASES]


@pytest.mark.parametrize(("method", "error", "expected"), CASES, ids=IDS)
def test_an_error_is_that_of_the_table(method: str, error: Exception, expected: tuple[int, str, str, str, str]) -> None:
    code, id, text, reason, field = expected
    status = _status(error, method)
    assert (status.code, status.message) == (code, f"{text} ({id})")
    detail, info, bad = error_detail_pb2.ErrorDetail(), error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for message in (detail, info, bad):
        _unpack(status, message)
    assert (detail.id, detail.message, info.reason, info.domain) == (id, text, reason, "actiond")
    assert [violation.field for violation in bad.field_violations] == ([field] if field else [])
    if "{0}" in str(vars(error)):
        assert bad.field_violations[0].description == "why {0}"


def test_both_versions_have_the_same_errors() -> None:
    for method, error, _ in CASES:
        if method in ACTION_SERVICE_V2BETA.methods_by_name:
            assert translate(error, ACTION_SERVICE_V2BETA.methods_by_name[method]) == _status(error, method)


def test_every_error_that_a_call_can_meet_is_in_the_table() -> None:
    every = {error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.DomainError)}
    # Those of v3alpha and v1, of the command line and of starts; the last three have no id.
    beside = {
        errors.NotStartedError,
        errors.TooManyInstanceKeysError,
        errors.IncludeNotFoundError,
        errors.CircularIncludeError,
        errors.TooManyIncludeLevelsError,
        errors.ExecutionNotFoundError,
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
        errors.TokenRevokedError,
        errors.SecretTakenError,
        errors.CertificateUnboundError,
        errors.TokenMissingError,
        errors.DeadlineExceededError,
    }
    assert every - beside == {type(error) for _, error, _ in CASES if isinstance(error, errors.DomainError)}


def test_an_error_of_another_methods_has_no_status() -> None:
    for error in (errors.TargetNotFoundError("1"), errors.PublicKeyExpiredError(), TimeoutMissingError()):
        assert translate(error, ACTION_SERVICE_V2.methods_by_name["ListTargets"]) is None
        assert translate(error, None) is None


def test_an_error_that_is_no_callers_has_no_status() -> None:
    for error in (errors.StoreError("disk"), errors.TargetFailedError("hook"), ValueError("x")):
        assert translate(error, ACTION_SERVICE_V2.methods_by_name["CreateTarget"]) is None


def test_no_status_carries_a_detail_of_a_type_that_is_not_announced() -> None:
    carried = {detail.TypeName() for method, error, _ in CASES for detail in _status(error, method).details}
    assert carried <= set(DETAIL_TYPES)


def _status(error: Exception, method: str) -> status_pb2.Status:
    status = translate(error, ACTION_SERVICE_V2.methods_by_name[method])
    assert status is not None
    return status


def _unpack(status: status_pb2.Status, message: Message) -> None:
    """Fill in the message from the one detail of its type, if there is one."""
    for packed in status.details:
        if packed.Is(message.DESCRIPTOR):
            packed.Unpack(message)
