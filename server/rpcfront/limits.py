"""What a stranger can make large or slow, how large and how slow, and what he is told."""

from dataclasses import dataclass

from google.rpc import code_pb2

from rpcfront.status import StatusError, status_error


@dataclass(frozen=True, slots=True)
class Limits:
    """The gateway's bounds. Those of the request line, the headers and idle connections are the HTTP server's."""

    message_bytes: int = 1024 * 1024
    """A request's message: the JSON body, the protobuf bytes, decompressed."""
    read_seconds: float = 5.0
    """From the end of a request's head until its body is whole."""
    concurrent_calls: int = 1024
    """Calls at once, over all protocols; one more is RESOURCE_EXHAUSTED."""
    threads: int = 16
    """Plain `def` methods that run at once; more wait."""
    stream_bytes: int = 16 * 1024 * 1024
    """A streamed answer over RSGI, whose server takes all that it is given and keeps what a slow client leaves; longer
    ones end with RESOURCE_EXHAUSTED. The other faces wait for the client instead."""


def too_large(limit: int) -> StatusError:
    """For a body of more than `limit` bytes."""
    text = f"the request is larger than the limit of {limit} bytes"
    return status_error(code_pb2.RESOURCE_EXHAUSTED, text, http_status=413)


def too_slow(seconds: float) -> StatusError:
    """For a body that has not arrived within `seconds`."""
    text = f"the request's body did not arrive within {seconds:g} seconds"
    return status_error(code_pb2.DEADLINE_EXCEEDED, text, http_status=408)


def cut_short() -> StatusError:
    """For a body that ended before its end: nobody is left to read this."""
    return status_error(code_pb2.CANCELLED, "the request's body was cut short")
