"""Limits on what an unauthenticated client can make the server do."""

from dataclasses import dataclass

from google.rpc import code_pb2

from rpcfront.arguments import check_numbers
from rpcfront.status import StatusError, status_error


@dataclass(frozen=True, slots=True)
class Limits:
    """The gateway's limits. Those of connections are the server's, see `ConnectionLimits`."""

    message_bytes: int = 1024 * 1024
    """Size of a request's message: of the JSON body or the protobuf bytes, decompressed."""
    read_seconds: float = 5.0
    """Time from the end of a request's head to the end of its body."""
    concurrent_calls: int = 1024
    """Concurrent calls, over all protocols; further ones get RESOURCE_EXHAUSTED."""
    threads: int = 16
    """Threads for plain `def` methods; further calls of such methods wait."""

    def __post_init__(self) -> None:
        check_numbers(self)


def too_large(limit: int) -> StatusError:
    """Return the error for a body of more than `limit` bytes."""
    text = f"the request is larger than the limit of {limit} bytes"
    return status_error(code_pb2.RESOURCE_EXHAUSTED, text, http_status=413)


def too_slow(seconds: float) -> StatusError:
    """Return the error for a body that has not arrived within `seconds`."""
    text = f"the request's body did not arrive within {seconds:g} seconds"
    return status_error(code_pb2.DEADLINE_EXCEEDED, text, http_status=408)


def cut_short() -> StatusError:
    """Return the error for a body that ended too early, whose client has gone."""
    return status_error(code_pb2.CANCELLED, "the request's body was cut short")
