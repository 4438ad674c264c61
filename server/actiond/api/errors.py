"""Errors as statuses: the form that a status has, and the entries of the errors that every service shares.

A status carries zitadel.v1.ErrorDetail, as the real API's do, and google.rpc.ErrorInfo, as AIP-193 asks. Its message
is `<text> (<id>)`. An error caused by a field of the request names that field in a google.rpc.BadRequest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.api.message_payload import MessageNotJsonError
from actiond.api.permissions import BYPASS, BYPASS_HEADER
from rpcfront import Translate, make_status

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


@dataclass(frozen=True, slots=True)
class Entry:
    """What clients see of an error."""

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


_RECOVERY = error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=RECOVERY_HINT)])

COMMON: Mapping[type[Exception], Entry] = {
    errors.TooManyDeliveriesError: Entry(
        code_pb2.RESOURCE_EXHAUSTED, "ACTIOND-deliveries", "Too many unfinished deliveries", "TOO_MANY_DELIVERIES"
    ),
    errors.ExecutionFailedError: Entry(
        code_pb2.FAILED_PRECONDITION,
        "EXEC-dra6yamk98",
        "Execution failed",
        "EXECUTION_FAILED",
        more=(_RECOVERY,),
    ),
    # ZITADEL's code, id and text. The reason is that of every execution that fails: interceptors of services go by it,
    # and one that does not know a reason lets the call pass with `fail_open`.
    errors.TargetKeyMissingError: Entry(
        code_pb2.INTERNAL, "EXEC-2n8fhs7g", "Target has no active public key", "EXECUTION_FAILED", more=(_RECOVERY,)
    ),
    errors.ListTooSlowError: Entry(
        code_pb2.RESOURCE_EXHAUSTED, "ACTIOND-slow", "The list takes too long; use fewer filters", "LIST_TOO_SLOW"
    ),
    errors.StoreUnavailableError: Entry(
        code_pb2.UNAVAILABLE,
        "",
        "the store is unavailable",
        more=(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1)),),
    ),
    MessageNotJsonError: Entry(
        code_pb2.INVALID_ARGUMENT,
        "ACTIOND-json",
        "Message has no JSON form",
        "MESSAGE_NOT_JSON",
        "{message_type}",
        "must have a JSON form, which targets get: {reason}",
    ),
    errors.DeadlineExceededError: Entry(code_pb2.DEADLINE_EXCEEDED, "", "deadline exceeded"),
    errors.TokenMissingError: Entry(code_pb2.UNAUTHENTICATED, "", "auth header missing"),
    errors.CertificateUnboundError: Entry(
        code_pb2.UNAUTHENTICATED,
        "",
        "auth header missing, and no token is bound to a name in the client's certificate",
    ),
    errors.TokenInvalidError: Entry(code_pb2.UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID"),
    errors.PermissionMissingError: Entry(
        code_pb2.PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"
    ),
}
"""Errors that calls of every service meet, and requests that are no calls."""

FOR_OTHER_SERVICES: Mapping[type[Exception], Entry] = {
    error: replace(COMMON[error], more=()) for error in (errors.ExecutionFailedError, errors.TargetKeyMissingError)
}
"""Errors of executions that run for other services. To bypass executions is not for those who call these."""


def entry_of(error: Exception, entries: Mapping[type[Exception], Entry]) -> Entry | None:
    """Return the entry of an error, by its type; None if there is none."""
    if isinstance(error, errors.ExecutionForwardedError):
        return _forwarded(error)
    return entries.get(type(error))


def _forwarded(error: errors.ExecutionForwardedError) -> Entry:
    """Return what ZITADEL makes of a forwarded error: its ids and codes are those of the original."""
    text = error.message or "Execution failed"
    if 400 <= error.status <= 499:
        code = _CODES_BY_STATUS.get(error.status, code_pb2.UNKNOWN)
        return Entry(code, "EXEC-reUaUZCzCp", text, _FORWARDED)
    return Entry(code_pb2.FAILED_PRECONDITION, "EXEC-bmhNhpcqpF", text, _FORWARDED)


_FORWARDED = "EXECUTION_ERROR_FORWARDED"
_CODES_BY_STATUS = {
    400: code_pb2.INVALID_ARGUMENT,
    401: code_pb2.UNAUTHENTICATED,
    403: code_pb2.PERMISSION_DENIED,
    404: code_pb2.NOT_FOUND,
    409: code_pb2.ALREADY_EXISTS,
    429: code_pb2.RESOURCE_EXHAUSTED,
}


def by_service(tables: Mapping[ServiceDescriptor, Translate]) -> Translate:
    """Return the translation of errors by the service whose method was called. Other calls know COMMON alone."""
    translations = {service.full_name: translate for service, translate in tables.items()}

    def translate(error: Exception, method: MethodDescriptor | None) -> status_pb2.Status | None:
        chosen = None if method is None else translations.get(method.containing_service.full_name)
        if chosen is not None:
            return chosen(error, method)
        entry = entry_of(error, COMMON)
        return None if entry is None else entry.status(vars(error))

    return translate
