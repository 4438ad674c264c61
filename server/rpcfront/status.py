"""google.rpc.Status: the one form of an error inside the gateway, whatever the protocol that carries it out."""

from collections.abc import Iterable
from dataclasses import dataclass

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

OK: int = code_pb2.OK

GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
"""grpcio's name of each code."""

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

    `http_status` overrules the table above where HTTP has a more exact word: 405, 408, 413, 415.
    """

    def __init__(self, status: status_pb2.Status, http_status: int | None = None) -> None:
        super().__init__(status.message)
        self.status = status
        self.http_status = http_status


def make_status(code: int, message: str, *details: Message) -> status_pb2.Status:
    """A Status with its details packed."""
    status = status_pb2.Status(code=code, message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def status_error(code: int, message: str, http_status: int | None = None) -> StatusError:
    """An error without details."""
    return StatusError(make_status(code, message), http_status)


MOST_FIELDS = 50
LONGEST_DETAILS = 2048
"""Bytes after which no more fields are named."""
LONGEST_TEXT = 512
"""Characters of one field's path, and of what is said of it."""
LONGEST_MESSAGE = 1024
"""Characters."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field that breaks a rule. `field` is its path in the request message, in proto names: `sub.tags[1]`."""

    field: str
    description: str


def bad_request(violations: Iterable[FieldViolation]) -> status_pb2.Status:
    """INVALID_ARGUMENT with a google.rpc.BadRequest that names each field once, in the order of their paths.

    There are bounds, for some protocols carry it in a header, and clients of gRPC take no more than 8 KiB of those:
    MOST_FIELDS, LONGEST_DETAILS and LONGEST_MESSAGE.
    """
    by_field: dict[str, list[str]] = {}
    for violation in violations:
        texts = by_field.setdefault(violation.field, [])
        if violation.description not in texts:
            texts.append(violation.description)
    detail = error_details_pb2.BadRequest()
    size = 0
    for field, texts in sorted(by_field.items())[:MOST_FIELDS]:
        violation = detail.field_violations.add(
            field=_shortened(field, LONGEST_TEXT), description=_shortened("; ".join(texts), LONGEST_TEXT)
        )
        size += violation.ByteSize()
        if size > LONGEST_DETAILS:
            break
    message = ", ".join(f"{violation.field}: {violation.description}" for violation in detail.field_violations)
    more = len(by_field) - len(detail.field_violations)
    message = _shortened(message, LONGEST_MESSAGE) + (f", and {more} more" if more else "")
    return make_status(code_pb2.INVALID_ARGUMENT, message, detail)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
