"""What actiond is asked, and what its errors mean for the call that it is asked about."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from actiond_protos.actiond.v1.execution_service_pb2 import MethodCall
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from actiond.client.interceptors.settings import Settings, User

Metadata = Sequence[tuple[str, str | bytes]]

DETAILS = "grpc-status-details-bin"
UNAVAILABLE = "actions are unavailable"
"""All that a client is told of actiond's failures."""
_DOMAIN = "actiond"
_REASONS = frozenset({"EXECUTION_FAILED", "EXECUTION_ERROR_FORWARDED"})
_REFUSED_MESSAGE = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE})


@dataclass(frozen=True, slots=True)
class Ending:
    """The error that the call ends with, because its execution did, or because its own deadline has passed."""

    code: grpc.StatusCode
    message: str
    details: bytes | None = None
    """A serialized google.rpc.Status."""

    def trailing_metadata(self, own: Iterable[tuple[str, str | bytes]] | None) -> tuple[tuple[str, str | bytes], ...]:
        """Return the trailing metadata: that which the handler has set, and the details."""
        kept = tuple((key, value) for key, value in own or () if key != DETAILS)
        return kept if self.details is None else (*kept, (DETAILS, self.details))


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of actiond itself, or of the way to it."""

    kind: str
    """A name of few."""
    reason: str
    may_pass: bool = True
    """False if the call's own message or metadata has caused it: then it does not go on, even with `fail_open`."""


DEADLINE_PASSED = Ending(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
BUDGET_USED = Failure("BUDGET", "the budget of the call is used up")
CHANNEL_CLOSED = Failure("CLOSED", "the channel to actiond is closed")


def outcome(
    code: grpc.StatusCode, message: str, metadata: Iterable[Any] | None, *, deadline_is_own: bool
) -> Ending | Failure:
    """Return what an error of actiond means.

    `deadline_is_own` says whether the deadline that actiond was given is that of the call, rather than its budget.
    """
    details = next((value for key, value in metadata or () if key == DETAILS and isinstance(value, bytes)), b"")
    status = status_pb2.Status()
    try:
        status.ParseFromString(details)
    except DecodeError:
        status = status_pb2.Status()
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == _DOMAIN and info.reason in _REASONS:
            return Ending(code, message, details)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and deadline_is_own:
        return DEADLINE_PASSED
    return Failure(code.name, message, may_pass=not _is_about_the_call(code, status))


def _is_about_the_call(code: grpc.StatusCode, status: status_pb2.Status) -> bool:
    """Return whether actiond refuses what was sent of the call, such as a message that is too large."""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return not any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status.details)
    return code in _REFUSED_MESSAGE


class Budget:
    """The time that actiond may take."""

    __slots__ = ("_clock", "left")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.left = seconds
        self._clock = clock

    def now(self) -> float:
        return self._clock()

    def spend_since(self, start: float) -> None:
        self.left -= self._clock() - start


def method_call(
    method: str, settings: Settings, metadata: Iterable[tuple[str, str | bytes]] | None, user: User | tuple[str, str]
) -> MethodCall:
    """Describe a call to actiond."""
    call = MethodCall(method=method, user_id=user[0], org_id=user[1])
    for key, value in metadata or ():
        if isinstance(value, str) and settings.sends(key):
            call.headers[key].values.append(value)
    return call
