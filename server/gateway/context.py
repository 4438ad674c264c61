"""The context that a servicer is handed: one class over every protocol.

It behaves as both `grpc.aio.ServicerContext` and `grpc.ServicerContext` say. What is a coroutine in the first and a
plain call in the second acts at once and returns something that may be awaited.
"""

import time
from collections.abc import Generator, Iterable
from typing import Any, NoReturn

import grpc
from google.rpc import status_pb2

from server.gateway.metadata import DETAILS_KEY, Metadata, checked
from server.gateway.status import GRPC_CODES, OK, StatusError


class _Done:
    """Awaiting it changes nothing: what it stands for has happened."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


DONE = _Done()


class ServicerContext:
    """One call. An edge fills it in, the dispatcher runs it, a servicer sees only the documented methods."""

    __slots__ = ("_code", "_deadline", "_details", "_initial", "_invocation", "_peer", "_trailing", "caller")

    def __init__(self, invocation: Metadata | None = (), peer: str = "", deadline: float | None = None) -> None:
        self._invocation = invocation
        self._peer = peer
        self._deadline = deadline
        self._initial: Metadata = ()
        self._trailing: Metadata = ()
        self._code = OK
        self._details = ""
        self.caller: Any = None
        """Who calls, as the gateway's `authenticate` answered."""

    def authorization(self) -> list[str]:
        """The values of the Authorization header: none, one, or (wrongly) more."""
        return [value for key, value in self.invocation_metadata() if key == "authorization" and isinstance(value, str)]

    outlives_cancellation = False
    """Whether there is still somebody to answer when the call's task is cancelled. grpcio cancels what has ended, and
    its context must not be touched then."""

    @property
    def deadline(self) -> float | None:
        """When the gateway ends the call, by time.monotonic; None where it does not or the protocol's core does."""
        return None

    def begin(self) -> None:
        """Reads what the call's headers say of the call itself. Raises StatusError for what is malformed."""

    def is_ok(self) -> bool:
        """Whether the servicer has left the status at OK."""
        return self._code == OK

    # What a servicer reads.

    def invocation_metadata(self) -> Metadata:
        """The call's metadata: pairs, keys in lower case, repeats kept, `-bin` values as bytes."""
        return self._invocation or ()

    def peer(self) -> str:
        """Who is on the other end of the connection, as grpcio writes it: `ipv4:127.0.0.1:50000`."""
        return self._peer

    def time_remaining(self) -> float | None:
        """Seconds until the call's deadline, never below 0; None without a deadline."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def code(self) -> grpc.StatusCode:
        """The status code that the servicer has set."""
        return GRPC_CODES[self._code]

    def details(self) -> str:
        """The status message that the servicer has set."""
        return self._details

    def trailing_metadata(self) -> Metadata:
        """The trailing metadata that the servicer has set."""
        return self._trailing

    def initial_metadata(self) -> Metadata:
        """The initial metadata that the servicer has set."""
        return self._initial

    # What a servicer sets.

    def send_initial_metadata(self, initial_metadata: Iterable[tuple[str, str | bytes]]) -> _Done:
        """Goes out before the answer. Raises ValueError for what cannot be sent."""
        self._initial = checked(initial_metadata)
        return DONE

    def set_trailing_metadata(self, trailing_metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Goes out after the answer. Raises ValueError for what cannot be sent."""
        self._trailing = checked(trailing_metadata)

    def set_code(self, code: grpc.StatusCode | int) -> None:
        """The status of the call once the method returns."""
        self._code = code.value[0] if isinstance(code, grpc.StatusCode) else GRPC_CODES[code].value[0]

    def set_details(self, details: str) -> None:
        """The message of the call's status."""
        self._details = details

    def abort(
        self,
        code: grpc.StatusCode | int,
        details: str = "",
        trailing_metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> NoReturn:
        """Ends the call with a status that is not OK. Trailing metadata set before goes out beside the one given."""
        self.set_code(code)
        self._details = details
        self._trailing += checked(trailing_metadata)
        if self._code == OK:
            raise ValueError("a call is not aborted with OK")
        raise StatusError(self.status())

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """Ends the call with a rich status, as `grpc_status.rpc_status.to_status` makes it."""
        self.abort(status.code, status.details or "", status.trailing_metadata or ())

    def status(self) -> status_pb2.Status:
        """The status as set, with the details that `grpc-status-details-bin` carries in the trailing metadata."""
        status = status_pb2.Status()
        for key, value in self._trailing:
            if key == DETAILS_KEY and isinstance(value, bytes):
                status.MergeFromString(value)
        self._trailing = tuple(pair for pair in self._trailing if pair.key != DETAILS_KEY)
        # The protocols carry code and message a second time, and the two must agree.
        status.code, status.message = self._code, self._details
        return status
