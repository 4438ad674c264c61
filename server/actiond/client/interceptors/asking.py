"""What actiond is asked, and what its errors mean for the call that it is asked about."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from actiond_protos.actiond.v1.execution_service_pb2 import MethodCall
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from actiond.client.interceptors.settings import Settings, User

Metadata = Sequence[tuple[str, str | bytes]]
Detail = TypeVar("Detail", bound=Message)

DETAILS = "grpc-status-details-bin"
UNAVAILABLE = "actions are unavailable"
"""All that a client learns of actiond's failures."""
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
    """False if the call's own message or metadata may have caused it: then it does not go on, even with `fail_open`."""
    error: Exception | None = field(default=None, compare=False)
    """An error of the service's own code, whose traceback is logged."""


DEADLINE_PASSED = Ending(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
CHANNEL_CLOSED = Failure("CLOSED", "the channel to actiond is closed")


def budget_used(seconds: float) -> Failure:
    """Return the failure of a call whose budget, of so many seconds, is used up."""
    return Failure("BUDGET", f"budget={seconds} s is used up")


def outcome(
    code: grpc.StatusCode, message: str, metadata: Iterable[Any] | None, *, budget: float | None
) -> Ending | Failure:
    """Return what an error of actiond means.

    `budget` is in seconds: that which set the deadline that actiond was given; None if the call's own deadline did.
    """
    details = next((value for key, value in metadata or () if key == DETAILS and isinstance(value, bytes)), b"")
    status = status_pb2.Status()
    try:
        status.ParseFromString(details)
    except DecodeError:
        status = status_pb2.Status()
    for info in _details(status, error_details_pb2.ErrorInfo):
        if info.domain == _DOMAIN and info.reason in _REASONS:
            return Ending(code, message, details)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DEADLINE_PASSED if budget is None else budget_used(budget)
    return Failure(code.name, _reason(message, status), may_pass=not _is_about_the_call(code, status))


def _details(status: status_pb2.Status, kind: type[Detail]) -> Iterator[Detail]:
    """Yield the details of a type. Those that do not parse are left out."""
    for detail in status.details:
        found = kind()
        with suppress(DecodeError):
            if detail.Unpack(found):
                yield found


def _reason(message: str, status: status_pb2.Status) -> str:
    """Return an error's message, with the first field that breaks a rule."""
    for bad_request in _details(status, error_details_pb2.BadRequest):
        for violation in bad_request.field_violations:
            return f"{message}: {violation.field} {violation.description}"
    return message


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
    method: str, settings: Settings, metadata: Iterable[tuple[str, str | bytes]] | None, user: User
) -> MethodCall:
    """Describe a call to actiond."""
    call = MethodCall(method=method, user_id=user.id, org_id=user.org_id)
    for key, value in metadata or ():
        if isinstance(value, str) and settings.sends(key):
            call.headers[key].values.append(value)
    return call
