"""The context that a servicer is handed: one class over every protocol.

It behaves as both `grpc.aio.ServicerContext` and `grpc.ServicerContext` say. What is a coroutine in the first and a
plain call in the second acts at once and returns something that may be awaited.
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
    """What `abort` raises: grpc.aio's own class too, for servicers and interceptors that catch it by name."""


class _Done:
    """Awaiting it changes nothing: what it stands for has happened."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


DONE = _Done()


class ServicerContext(Lifetime):
    """One call. An edge fills it in, the dispatcher runs it, a servicer sees only the documented methods."""

    caller: Any = None
    """Who calls, as the gateway's `authenticate` answered."""
    protocol = ""
    """How the call came: `grpc`, `grpc-web`, `connect` or `json`."""
    request_id = ""
    """The call's `x-request-id`: its client's, or one that was made here."""
    wait_disconnected: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Returns when the client has left; None where nobody can tell, or where the task is cancelled then."""
    initial_is_sent = False
    """Whether initial metadata can be set no more: it was, or the head of a stream is out."""
    start_stream: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Of a streaming call: sends the answer's head."""
    write_message: Callable[[Message], Awaitable[None]] | None = None
    """Of a streaming call: sends one message."""
    replies_after_cancel = False
    """Whether there is still somebody to answer when the call's task is cancelled. grpcio cancels what has ended, and
    its context must not be touched then."""
    enforces_deadline = False
    """Whether the deadline is ours to keep to the end; grpcio does that by itself."""
    _invocation: Metadata | None = None
    _peer = ""
    _initial: Metadata = ()
    _trailing: Metadata = ()
    _rich: status_pb2.Status | None = None
    _code = OK
    _details = ""

    def authorization(self) -> list[str]:
        """The values of the Authorization header: none, one, or (wrongly) more."""
        return [value for key, value in self.invocation_metadata() if key == "authorization" and isinstance(value, str)]

    def begin(self) -> None:
        """Reads what the call's headers say of the call itself.

        Raises StatusError for what is malformed, and when the deadline is past.
        """
        if self._deadline is not None and self.is_late():
            raise StatusError(DEADLINE_EXCEEDED)

    def failure(self) -> status_pb2.Status | None:
        """The status that the call ends with, whatever its servicer returns; None while that is OK."""
        if self.final_status is not None:
            return self.final_status
        # The timer has had no turn if the servicer kept the event loop to itself.
        if self._deadline is not None and self.enforces_deadline and self.is_late():
            return DEADLINE_EXCEEDED
        return None if self._code == OK else self._status()

    @property
    def has_metadata(self) -> bool:
        """Whether there is any for the wire, at either end."""
        return bool(self._initial or self._trailing)

    def trailers(self) -> Metadata:
        """The trailing metadata for the wire. The details of the status go with the status."""
        if self._rich is None:
            return self._trailing
        return tuple(pair for pair in self._trailing if pair.key != DETAILS_KEY)

    # What a servicer reads.

    def invocation_metadata(self) -> Metadata:
        """The call's metadata: pairs, keys in lower case, repeats kept, `-bin` values as bytes."""
        return self._invocation or ()

    def peer(self) -> str:
        """Who is on the other end of the connection, as grpcio writes it: `ipv4:127.0.0.1:50000`."""
        return self._peer

    def peer_identities(self) -> Sequence[bytes] | None:
        """Who the peer is by its certificate; None over HTTP, whose TLS ends in front of us."""
        return None

    def peer_identity_key(self) -> str | None:
        """Of what kind the identities are; None over HTTP."""
        return None

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What grpcio knows of the connection's security; empty over HTTP."""
        return {}

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

    def add_done_callback(self, callback: Callable[["ServicerContext"], object]) -> None:
        """grpc.aio's form of `add_callback`: the callback is handed the context."""
        self.add_callback(partial(callback, self))

    # What a servicer sets.

    def send_initial_metadata(self, initial_metadata: Pairs) -> Awaitable[None]:
        """Goes out before the answer; of a stream at once.

        Raises ValueError for what cannot be sent, the second time, and behind a message.
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
        """Goes out after the answer. Raises ValueError for what cannot be sent."""
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
        """The status of the call once the method returns. Raises ValueError for what is no code."""
        number = code.value[0] if isinstance(code, grpc.StatusCode) else code
        if number not in GRPC_CODES:
            raise ValueError(f"{code!r} is not a status code")
        self._code = number

    def set_details(self, details: str | bytes) -> None:
        """The message of the call's status."""
        # Text that is not Unicode could be sent over no protocol.
        data = details if isinstance(details, bytes) else (details or "").encode(errors="replace")
        self._details = data.decode(errors="replace")

    def abort(self, code: grpc.StatusCode | int, details: str | bytes = "", trailing_metadata: Pairs = ()) -> NoReturn:
        """Ends the call with a status that is not OK, even if what this raises is caught.

        Trailing metadata set before goes out beside the one given.
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
        """Ends the call with a rich status, as `grpc_status.rpc_status.to_status` makes it."""
        self.abort(status.code, status.details or "", status.trailing_metadata or ())

    def cancel(self) -> bool:
        """Ends the call with CANCELLED, from any thread. Answers whether it was still running."""
        was_active = self.is_active()
        self.interrupt(CANCELLED)
        return was_active

    async def write(self, message: Message) -> None:
        """Sends one message of a stream: grpc.aio's other way to answer, beside a generator."""
        if self.write_message is None:
            raise ValueError("only a server-streaming method writes messages")
        await self.write_message(message)

    def set_compression(self, compression: grpc.Compression) -> None:
        """Taken and passed over: answers are not compressed."""

    def disable_next_message_compression(self) -> None:
        """Taken and passed over: answers are not compressed."""

    def _status(self) -> status_pb2.Status:
        """The status as set, with the details that `grpc-status-details-bin` carries in the trailing metadata."""
        status = status_pb2.Status()
        if self._rich is not None:
            status.CopyFrom(self._rich)
        # The protocols carry code and message a second time, and the two must agree.
        status.code, status.message = self._code, self._details
        return status
