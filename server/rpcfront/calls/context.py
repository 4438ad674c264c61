"""The context of a call, as servicers see it: one class for every protocol.

It behaves as both `grpc.aio.ServicerContext` and `grpc.ServicerContext` do. A method that is a coroutine in the first
and a plain function in the second acts at once, and returns something that may be awaited.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, status_pb2

from rpcfront.calls.lifetime import DEADLINE_EXCEEDED, Lifetime
from rpcfront.metadata import DETAILS_KEY, Metadata, checked
from rpcfront.status import GRPC_CODES, OK, StatusError, make_status

CANCELLED = make_status(code_pb2.CANCELLED, "the call was cancelled by the server")

Pairs = Iterable[tuple[str, str | bytes]]


class AbortError(StatusError, grpc.aio.AbortError):
    """Raised by `abort`. Also of grpc.aio's class, for servicers and interceptors that catch that by name."""


class _Done:
    """Something that can be awaited and is done already."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


DONE = _Done()


class ServicerContext(Lifetime):
    """One call. A protocol fills it in, the dispatcher runs it, servicers use the documented methods."""

    caller: Any = None
    """The caller, as the gateway's `authenticate` returned it."""
    protocol = ""
    """The call's protocol: `grpc`, `grpc-web`, `connect` or `json`."""
    request_id = ""
    """The call's `x-request-id`: the client's, or a new one."""
    initial_is_sent = False
    """Whether it is too late to set initial metadata: it was set, or the head of a stream has been sent."""
    start_stream: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Sends the head of the response, in a streaming call."""
    write_message: Callable[[Message], Awaitable[None]] | None = None
    """Sends one message, in a streaming call."""
    read_message: Callable[[], Awaitable[Any]] | None = None
    """Returns the next request, in a call with a stream of them."""
    replies_after_cancel = False
    """Whether the client still gets a response when the call's task is cancelled. grpcio cancels calls that have ended,
    and must not be touched then."""
    enforces_deadline = False
    """Whether the gateway must enforce the deadline to the end of the call; grpcio does so itself."""
    _invocation: Metadata | None = None
    _peer = ""
    _initial: Metadata = ()
    _trailing: Metadata = ()
    _rich: status_pb2.Status | None = None
    may_have_failed = False
    """Whether the servicer has set a code, or there is a deadline: whether `failure` must be asked."""
    _code = OK
    _details = ""

    def authorization(self) -> list[str]:
        """Return the values of the Authorization header: none, one, or (wrongly) more."""
        return [value for key, value in self.invocation_metadata() if key == "authorization" and isinstance(value, str)]

    def begin(self) -> None:
        """Read the headers that are about the call itself.

        Raises StatusError for a malformed one, and when the deadline has passed.
        """
        if self._deadline is not None and self.is_late():
            raise StatusError(DEADLINE_EXCEEDED)

    def failure(self) -> status_pb2.Status | None:
        """Return the status that the call ends with, whatever its servicer returns; None while that is OK."""
        if self.final_status is not None:
            return self.final_status
        # The timer has not run if the servicer blocked the event loop.
        if self._deadline is not None and self.enforces_deadline and self.is_late():
            return DEADLINE_EXCEEDED
        return None if self._code == OK else self._status()

    @property
    def has_metadata(self) -> bool:
        """Whether there is initial or trailing metadata to send."""
        return bool(self._initial or self._trailing)

    def trailers(self) -> Metadata:
        """Return the trailing metadata to send, without the status details, which are sent with the status."""
        if self._rich is None:
            return self._trailing
        return tuple(pair for pair in self._trailing if pair.key != DETAILS_KEY)

    # What a servicer reads.

    def invocation_metadata(self) -> Metadata:
        """Return the call's metadata: pairs, keys in lower case, repeats kept, `-bin` values as bytes."""
        return self._invocation or ()

    def header_values(self, name: str) -> Sequence[str]:
        """Return every value of a header, whose name is in lower case, those of HTTP itself included where it is known.

        `content-type` and `host` are no metadata.
        """
        return [value for key, value in self.invocation_metadata() if key == name and isinstance(value, str)]

    def peer(self) -> str:
        """Return the other end of the connection, as grpcio writes it: `ipv4:127.0.0.1:50000`."""
        return self._peer

    def peer_identities(self) -> Sequence[bytes] | None:
        """Return the peer's identities by its certificate; None over HTTP, where a proxy terminates TLS."""
        return None

    def peer_identity_key(self) -> str | None:
        """Return the kind of the identities; None over HTTP."""
        return None

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """Return what grpcio knows about the connection's security; empty over HTTP."""
        return {}

    def code(self) -> grpc.StatusCode:
        """Return the status code that the servicer has set."""
        return GRPC_CODES[self._code]

    def details(self) -> str:
        """Return the status message that the servicer has set."""
        return self._details

    def trailing_metadata(self) -> Metadata:
        """Return the trailing metadata that the servicer has set."""
        return self._trailing

    def initial_metadata(self) -> Metadata:
        """Return the initial metadata that the servicer has set."""
        return self._initial

    def add_done_callback(self, callback: Callable[["ServicerContext"], object]) -> None:
        """Call `callback(context)` once the call has ended: grpc.aio's form of `add_callback`."""
        self.add_callback(partial(callback, self))

    # What a servicer sets.

    def send_initial_metadata(self, initial_metadata: Pairs) -> Awaitable[None]:
        """Send initial metadata: with the response, or at once in a stream.

        Raises ValueError for what cannot be sent, the second time, and after a message.
        """
        if self.initial_is_sent:
            raise ValueError("initial metadata has been sent already")
        self._initial = checked(initial_metadata)
        self.initial_is_sent = True
        if self.start_stream is None or self.loop is None:
            return DONE
        if asyncio._get_running_loop() is self.loop:  # the public function raises where there is none
            return self.loop.create_task(self.start_stream())
        asyncio.run_coroutine_threadsafe(self.start_stream(), self.loop)
        return DONE

    def set_trailing_metadata(self, trailing_metadata: Pairs) -> None:
        """Set the metadata that is sent after the response. Raises ValueError for what cannot be sent."""
        self._trailing, self._rich = (), None
        self._add_trailing(trailing_metadata)

    def _add_trailing(self, trailing_metadata: Pairs) -> None:
        added = checked(trailing_metadata)
        for key, value in added:
            if key == DETAILS_KEY and isinstance(value, bytes):
                try:
                    self._rich = status_pb2.Status.FromString(value)
                except DecodeError:
                    raise ValueError(f"metadata {DETAILS_KEY}: not a google.rpc.Status") from None
        self._trailing += added

    def set_code(self, code: grpc.StatusCode | int) -> None:
        """Set the code that the call ends with once the method returns. Raises ValueError for what is no code."""
        number = code.value[0] if isinstance(code, grpc.StatusCode) else code
        if number not in GRPC_CODES:
            raise ValueError(f"{code!r} is not a status code")
        self._code = number
        self.may_have_failed = True

    def set_details(self, details: str | bytes) -> None:
        """Set the message of the call's status."""
        # No protocol can send text that is not Unicode.
        data = details if isinstance(details, bytes) else (details or "").encode(errors="replace")
        self._details = data.decode(errors="replace")

    def abort(self, code: grpc.StatusCode | int, details: str | bytes = "", trailing_metadata: Pairs = ()) -> NoReturn:
        """End the call with a status that is not OK, even if the exception that this raises is caught.

        Trailing metadata that was set before is sent, too.
        """
        if code in (grpc.StatusCode.OK, OK):
            raise ValueError("a call is not aborted with OK")
        self.set_code(code)
        self.set_details(details)
        self._add_trailing(trailing_metadata)
        status = self._status()
        if self.final_status is None:
            self.final_status = status
        raise AbortError(status)

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """End the call with a rich status, as made by `grpc_status.rpc_status.to_status`."""
        self.abort(status.code, status.details or "", status.trailing_metadata or ())

    def cancel(self) -> bool:
        """End the call with CANCELLED, from any thread. Returns whether it was still running."""
        was_active = self.is_active()
        self.interrupt(CANCELLED)
        return was_active

    async def write(self, message: Message) -> None:
        """Send one message of a stream: grpc.aio's alternative to a generator."""
        if self.write_message is None:
            raise ValueError("only a method with a stream of responses writes messages")
        await self.write_message(message)

    async def read(self) -> Any:
        """Return the next request of a stream, and grpc.aio.EOF after the last: an alternative to the iterator."""
        if self.read_message is None:
            raise ValueError("only a method with a stream of requests reads messages")
        return await self.read_message()

    def set_compression(self, compression: grpc.Compression) -> None:
        """Do nothing: responses are not compressed."""

    def disable_next_message_compression(self) -> None:
        """Do nothing: responses are not compressed."""

    def _status(self) -> status_pb2.Status:
        """Return the status as set, with the details from `grpc-status-details-bin` in the trailing metadata."""
        status = status_pb2.Status()
        if self._rich is not None:
            status.CopyFrom(self._rich)
        # Protocols also carry code and message by themselves, and the two must agree.
        status.code, status.message = self._code, self._details
        return status
