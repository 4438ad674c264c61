"""The one mapping from the domain's errors to google.rpc.Status: code, id, text and reason of each.

A status carries zitadel.v1.ErrorDetail, as the real API's do, and google.rpc.ErrorInfo, as AIP-193 asks. Its message
is `<text> (<id>)`.
"""

from dataclasses import dataclass

from google.rpc import code_pb2, error_details_pb2, status_pb2
from zitadel.v1 import error_detail_pb2

from server.actions import errors
from server.gateway import make_status

DOMAIN = "actiond"

DETAIL_TYPES = ("zitadel.v1.ErrorDetail", "google.rpc.ErrorInfo", "google.rpc.BadRequest")
"""What stands among a status's details, for clients that learn the types by reflection."""


@dataclass(frozen=True, slots=True)
class _Entry:
    code: int
    id: str
    """Empty for an error that carries no details."""
    text: str
    reason: str = ""

    def status(self) -> status_pb2.Status:
        if not self.id:
            return make_status(self.code, self.text)
        return make_status(
            self.code,
            f"{self.text} ({self.id})",
            error_detail_pb2.ErrorDetail(id=self.id, message=self.text),
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN),
        )


_ENTRIES: dict[type[errors.DomainError], _Entry] = {
    errors.TargetNameTakenError: _Entry(
        code_pb2.ALREADY_EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN"
    ),
    errors.TargetNotFoundError: _Entry(code_pb2.NOT_FOUND, "QUERY-hj5oaniyrz", "Target not found", "TARGET_NOT_FOUND"),
    errors.TokenMissingError: _Entry(code_pb2.UNAUTHENTICATED, "", "auth header missing"),
    errors.TokenInvalidError: _Entry(code_pb2.UNAUTHENTICATED, "AUTH-7fs1e", "Token is invalid", "TOKEN_INVALID"),
    errors.PermissionMissingError: _Entry(
        code_pb2.PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"
    ),
}
_STATUSES = {error: entry.status() for error, entry in _ENTRIES.items()}


def to_status(error: Exception) -> status_pb2.Status | None:
    """The status that a caller gets for `error`; None for a fault of ours."""
    return _STATUSES.get(type(error)) if isinstance(error, errors.DomainError) else None
