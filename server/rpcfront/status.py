"""google.rpc.Status: the form of every error inside the gateway, whatever the protocol of the response."""

from collections.abc import Iterable
from dataclasses import dataclass

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

OK: int = code_pb2.OK

GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
"""grpcio's enum member for each code."""

# The HTTP status of each code, by the comments of google/rpc/code.proto.
HTTP_STATUS = {
    code_pb2.OK: 200,
    code_pb2.CANCELLED: 499,
    code_pb2.UNKNOWN: 500,
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DATA_LOSS: 500,
    code_pb2.UNAUTHENTICATED: 401,
}


class StatusError(Exception):
    """Ends a call with a google.rpc.Status.

    `http_status` overrides the table above where HTTP has a more precise status: 405, 408, 413, 415. Calls over Connect
    keep to the table, which is also Connect's.
    """

    def __init__(self, status: status_pb2.Status, http_status: int | None = None) -> None:
        super().__init__(status.message)
        self.status = status
        self.http_status = http_status


def make_status(code: int, message: str, *details: Message) -> status_pb2.Status:
    """Return a Status with its details packed."""
    status = status_pb2.Status(code=code, message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def status_error(code: int, message: str, http_status: int | None = None) -> StatusError:
    """Return an error without details. Its message, which may quote the request, is cut after MAX_MESSAGE_LENGTH."""
    return StatusError(make_status(code, shortened(message, MAX_MESSAGE_LENGTH)), http_status)


MAX_FIELDS = 50
MAX_DETAILS_BYTES = 2048
"""No more fields are named after so many bytes."""
MAX_TEXT_LENGTH = 512
"""Characters of a field's path, and of its description."""
MAX_MESSAGE_LENGTH = 1024
"""Characters of the message."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field that breaks a rule. `field` is its path in the request, in proto names: `sub.tags[1]`."""

    field: str
    description: str


def bad_request(violations: Iterable[FieldViolation]) -> status_pb2.Status:
    """Return INVALID_ARGUMENT with a google.rpc.BadRequest that names each field once, in the order of their paths.

    It is bounded, since some protocols carry it in a header, of which gRPC clients accept no more than 8 KiB:
    MAX_FIELDS, MAX_DETAILS_BYTES and MAX_MESSAGE_LENGTH.
    """
    by_field: dict[str, list[str]] = {}
    for violation in violations:
        texts = by_field.setdefault(violation.field, [])
        if violation.description not in texts:
            texts.append(violation.description)
    detail = error_details_pb2.BadRequest()
    size = 0
    for field, texts in sorted(by_field.items())[:MAX_FIELDS]:
        violation = detail.field_violations.add(
            field=shortened(field, MAX_TEXT_LENGTH), description=shortened("; ".join(texts), MAX_TEXT_LENGTH)
        )
        size += violation.ByteSize()
        if size > MAX_DETAILS_BYTES:
            break
    message = ", ".join(_words(violation.field, violation.description) for violation in detail.field_violations)
    more = len(by_field) - len(detail.field_violations)
    message = shortened(message, MAX_MESSAGE_LENGTH) + (f", and {more} more" if more else "")
    return make_status(code_pb2.INVALID_ARGUMENT, message, detail)


def _words(field: str, description: str) -> str:
    return f"{field}: {description}" if field else description  # a rule of the whole request is about no field


def shortened(text: str, max_length: int) -> str:
    """Return at most so many characters of a text that quotes the request, and an ellipsis for what is left out."""
    return text if len(text) <= max_length else f"{text[:max_length]}…"
