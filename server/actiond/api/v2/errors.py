"""The errors of zitadel.action.v2 and v2beta: the code, id, text and reason of each domain error.

Texts and ids are ZITADEL's, also where its text is the key of a translation that it lacks. Those that begin with
ACTIOND are of errors that it does not have.
"""

from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from actiond.actions import errors
from actiond.api.action_errors import OF_ACTIONS
from actiond.api.errors import COMMON, Entry, entry_of


class TimeoutMissingError(Exception):
    """A target has no timeout, or one of 0."""


class ConditionMissingError(Exception):
    """An execution has no condition."""


_NOT_FOUND = code_pb2.NOT_FOUND
_INVALID = code_pb2.INVALID_ARGUMENT
_FAILED = code_pb2.FAILED_PRECONDITION


def _target_not_found(error_id: str, code: int = _NOT_FOUND, field: str = "", rule: str = "") -> Entry:
    return Entry(code, error_id, "Target not found", "TARGET_NOT_FOUND", field, rule)


def _timeout_missing(error_id: str) -> Entry:
    return Entry(_INVALID, error_id, "Target has no timeout", "TIMEOUT_MISSING", "timeout", "must be more than 0s")


def _endpoint_invalid(error_id: str) -> Entry:
    return Entry(_INVALID, error_id, "Target has an invalid URL", "ENDPOINT_INVALID", "endpoint", "{reason}")


_KEY_TARGET_NOT_FOUND = _target_not_found("COMMAND-SAF4g", _FAILED)

# ZITADEL has a separate id for each place in its code that finds the same fault.
_BY_METHOD: Mapping[type[Exception], Mapping[str, Entry]] = {
    errors.TargetNotFoundError: {
        "GetTarget": _target_not_found("QUERY-hj5oaniyrz"),
        "UpdateTarget": _target_not_found("COMMAND-xj14f2cccn"),
        "SetExecution": _target_not_found(
            "COMMAND-17e8fq1ggk", field="targets[{position}]", rule="names a target that does not exist"
        ),
        "AddPublicKey": _target_not_found("COMMAND-nd3fsd", _FAILED),
        "ActivatePublicKey": _KEY_TARGET_NOT_FOUND,
        "DeactivatePublicKey": _KEY_TARGET_NOT_FOUND,
    },
    TimeoutMissingError: {
        "CreateTarget": _timeout_missing("COMMAND-39f35d8uri"),
        "UpdateTarget": _timeout_missing("COMMAND-08b39vdi57"),
    },
    errors.EndpointInvalidError: {
        "CreateTarget": _endpoint_invalid("COMMAND-1r2k6qo6wg"),
        "UpdateTarget": _endpoint_invalid("COMMAND-jsbaera7b6"),
    },
    errors.PublicKeyExpiredError: {
        "AddPublicKey": Entry(
            _INVALID,
            "ErrExpirationDateBeforeNow",
            "Errors.Target.InvalidExpirationDate",
            "EXPIRATION_DATE_PASSED",
            "expiration_date",
            "must be in the future",
        ),
        "ActivatePublicKey": Entry(
            _FAILED, "COMMAND-SAF4g", "Errors.Target.PublicKeyExpired", "PUBLIC_KEY_EXPIRED", "key_id", "has expired"
        ),
    },
}

_ENTRIES: Mapping[type[Exception], Entry] = {
    **COMMON,
    **OF_ACTIONS,
    errors.EndpointDeniedError: Entry(
        _INVALID, "COMMAND-NcJUKo", "Errors.Target.DeniedURL", "ENDPOINT_NOT_ALLOWED", "endpoint", "{reason}"
    ),
    errors.LimitTooHighError: Entry(
        _INVALID,
        "QUERY-4M0fs",
        "Errors.Query.LimitExceeded",
        "LIMIT_TOO_HIGH",
        "pagination.limit",
        "must be at most {maximum}",
    ),
    errors.PageTooLargeError: Entry(
        code_pb2.RESOURCE_EXHAUSTED,
        "ACTIOND-page",
        "The page has too many targets",
        "PAGE_TOO_LARGE",
        "pagination.limit",
        "must be lower: the executions of the page call more than {maximum} targets",
    ),
    errors.TooManyStepsError: Entry(
        _FAILED,
        "ACTIOND-steps",
        "Too many targets",
        "TOO_MANY_TARGETS",
        "targets",
        "an execution has at most {maximum} targets, those that others get by including it counted",
    ),
    errors.PublicKeyNotFoundError: Entry(
        _FAILED, "COMMAND-SAF4g", "Target not found", "PUBLIC_KEY_NOT_FOUND", "key_id", "names no key of the target"
    ),
    errors.PublicKeyActiveError: Entry(
        _FAILED,
        "ErrPublicKeyDeleteActiveKey",
        "Errors.Target.PublicKeyActive",
        "PUBLIC_KEY_ACTIVE",
        "key_id",
        "names the active key, which must be deactivated first",
    ),
    errors.PublicKeyFormatError: Entry(
        _INVALID,
        "ErrPublicKeyFormat",
        "Errors.Target.InvalidPublicKey",
        "PUBLIC_KEY_INVALID",
        "public_key",
        "{reason}",
    ),
    errors.TooManyPublicKeysError: Entry(
        code_pb2.RESOURCE_EXHAUSTED,
        "ACTIOND-public-keys",
        "Too many public keys",
        "TOO_MANY_PUBLIC_KEYS",
        "target_id",
        "a target has at most {maximum} public keys",
    ),
    ConditionMissingError: Entry(
        _INVALID,
        "ACTION-5r5Ju",
        "Execution condition is invalid",
        "CONDITION_MISSING",
        "condition",
        "must be a request, a response, a function or an event",
    ),
}


def translate(error: Exception, method: MethodDescriptor | None) -> status_pb2.Status | None:
    """Return the status of an error raised by a call of `method`; None if the caller is not responsible for it."""
    by_method = _BY_METHOD.get(type(error))
    if by_method is not None:
        entry = None if method is None else by_method.get(method.name)
    else:
        entry = entry_of(error, _ENTRIES)
    return None if entry is None else entry.status(vars(error))
