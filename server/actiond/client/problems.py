"""What the details of an error say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of actiond, or of a service around whose calls it runs executions."""

    code: grpc.StatusCode
    message: str
    id: str
    """Such as `EXEC-dra6yamk98`; empty if the error has none."""
    reason: str
    """Of google.rpc.ErrorInfo, such as EXECUTION_FAILED; empty if the error has none."""
    domain: str
    """Of google.rpc.ErrorInfo; `actiond` if the reason is actiond's."""
    violations: Mapping[str, str]
    """For fields of the request that break a rule: what is wrong, by the field's path."""
    retry_delay: float | None
    """Seconds after which the call may be repeated; None if the error does not say."""
    status: status_pb2.Status
    """All of it. Without details it has the code and the message."""


def problem_of(error: grpc.RpcError) -> Problem:
    """Return what an error says, whether of `grpc` or of `grpc.aio`. Details that do not parse are left out."""
    status = _status_of(error)
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry_info, detail = error_details_pb2.RetryInfo(), error_detail_pb2.ErrorDetail()
    _unpack(status, info, bad_request, detail)
    has_delay = _unpack(status, retry_info)
    return Problem(
        code=error.code(),
        message=error.details() or "",
        id=detail.id,
        reason=info.reason,
        domain=info.domain,
        violations={each.field: each.description for each in bad_request.field_violations},
        retry_delay=retry_info.retry_delay.ToTimedelta().total_seconds() if has_delay else None,
        status=status,
    )


def _status_of(error: grpc.RpcError) -> status_pb2.Status:
    metadata: Iterable[Any] = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status(code=error.code().value[0], message=error.details() or "")


def _unpack(status: status_pb2.Status, *wanted: Message) -> bool:
    """Fill each message with the first detail of its type. Returns whether there is any."""
    is_any = False
    for message in wanted:
        for detail in status.details:
            try:
                if detail.Unpack(message):
                    is_any = True
                    break
            except DecodeError:
                message.Clear()
    return is_any
