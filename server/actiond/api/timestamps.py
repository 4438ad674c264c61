"""Fills in google.protobuf.Timestamp."""

from google.protobuf.timestamp_pb2 import Timestamp

_NANOS = 1_000_000_000
_NANOS_OF_MS = 1_000_000


def put_ns(message: Timestamp, ns: int) -> None:
    """Fill in a moment given in nanoseconds since the epoch."""
    # Sets the field also for the epoch itself, whose seconds and nanos are the defaults.
    message.SetInParent()
    message.seconds, message.nanos = divmod(ns, _NANOS)


def put_ms(message: Timestamp, ms: int) -> None:
    """Fill in a moment given in milliseconds since the epoch."""
    put_ns(message, ms * _NANOS_OF_MS)


def next_ms(message: Timestamp) -> int:
    """Return the first millisecond since the epoch that is not before a moment."""
    return message.seconds * 1_000 - (-message.nanos // _NANOS_OF_MS)


def ns_of(message: Timestamp) -> int:
    """Return a moment in nanoseconds since the epoch."""
    return message.seconds * _NANOS + message.nanos
