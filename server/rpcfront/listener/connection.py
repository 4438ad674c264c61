"""What connections of both versions of HTTP share: the tasks of their requests, the writers that wait, the end.

A connection makes a request at the end of its head and starts one task for it at once: authentication comes before the
body, and a body that came with the head is there when the task first runs.
"""

import asyncio
import fcntl
import logging
import struct
import termios
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import cached_property
from typing import Any, Protocol

from google.rpc.status_pb2 import Status

from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.calls.running_requests import RunningRequests
from rpcfront.limits import Limits
from rpcfront.listener.forwarded import Client, TrustedProxies
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.listener.request import ListenerRequest
from rpcfront.listener.security import security_of
from rpcfront.protocols.grpc import is_grpc, refuse_grpc
from rpcfront.protocols.http import HttpResponse, Security
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.router import Router
from rpcfront.status import StatusError

_log = logging.getLogger(__name__)

LINGER_SECONDS = 1.0
"""How long a connection that was closed for writing is still read: closing a socket with unread bytes makes the kernel
reset the connection, which takes the last response away from the client."""
NOTICE_SECONDS = 0.1
"""How long a drained connection takes the requests that were on their way."""
WRITE_AT_ONCE = 64 * 1024
"""Free bytes that wake one more of the writers that wait."""


MIN_TAKEN = 1024
"""Bytes that a client must take within `write_seconds`."""
_UNACKNOWLEDGED: int | None = getattr(termios, "TIOCOUTQ", None)


class Facts(Protocol):
    """What connections know of their server."""

    router: Router
    errors: JsonErrors
    limits: Limits
    connection_limits: ConnectionLimits
    trusted_proxies: TrustedProxies
    running: RunningRequests
    loop: asyncio.AbstractEventLoop
    make_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    now: float
    """The loop's time, as of the last sweep."""
    date: str
    """The Date of responses, as of the last sweep."""
    date_lines: str
    """The same as the last field of an HTTP/1.1 head, with the empty line behind it."""
    is_draining: bool

    def remove(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""


class Connection(asyncio.Protocol):
    """One connection, once it is known which version of HTTP it speaks."""

    transport: asyncio.Transport
    is_lost = False
    """Whether nothing can be written any more."""
    is_idle = True
    """Whether no request is being answered."""
    idle_since: float
    out_size = 0
    has_room = True
    queued = 0
    """Bytes of responses that wait for a window of the client, as of the last flush."""
    given = 0
    """Bytes of responses in all, as far as that matters to clients that are slow."""

    def __init__(self, server: Facts, transport: asyncio.Transport) -> None:
        self.server = server
        self.transport = transport
        self.idle_since = server.now
        self.stream_buffer = server.connection_limits.stream_buffer
        self.buffer = server.connection_limits.connection_buffer
        self._is_paused = False
        self._is_closing = False
        self._is_lingering = False
        self._flush_is_due = False
        self._output: list[ListenerRequest] = []
        """The requests that have written something since the last flush."""
        self._writers: deque[tuple[ListenerRequest, asyncio.Future[None]]] = deque()
        self._taken = 0
        self._taken_at = server.now
        # Now: a transport that has lost its connection does not know it any more.
        self._peername = transport.get_extra_info("peername")
        self._ssl_object = transport.get_extra_info("ssl_object")
        transport.set_write_buffer_limits(high=server.connection_limits.connection_buffer)

    @cached_property
    def security(self) -> Security:
        """What is known about the connection's TLS."""
        return security_of(self._ssl_object)

    @cached_property
    def client(self) -> Client:
        """The other end of the connection, which may be a proxy."""
        return Client.of_connection(self._peername, is_secure=self._ssl_object is not None)

    @cached_property
    def peer(self) -> str:
        """The same as grpcio writes it."""
        return self.client.peer

    @cached_property
    def is_trusted_proxy(self) -> bool:
        """Whether the other end may say for whom it calls."""
        return self.server.trusted_proxies.trust(self.client.address)

    # Requests.

    def start(self, request: ListenerRequest) -> None:
        """Answer a request, in a task of its own."""
        request.connection = self
        request.task = task = self.server.make_task(self._answer(request))
        self.server.running.enter(task)

    async def _answer(self, request: ListenerRequest) -> None:
        task = request.task
        response: HttpResponse | None
        try:
            try:
                room = self.room(request)
                if room is not None:
                    # The client does not take what it has asked for already.
                    await room
                response = await self.server.router(request)
                if response is not None:
                    response.headers += self.server.router.common_headers(request)
            except asyncio.CancelledError:
                response = self._failed(CLIENT_LEFT if request.is_interrupted else INTERNAL)
            except Exception:  # noqa: BLE001  # whatever it is, the client gets a response
                _log.exception("%s %s failed", request.method, request.path)
                response = self._failed(INTERNAL)
            if response is not None and len(response.body) >= WRITE_AT_ONCE:
                # One that an edge made has waited already, before it was encoded.
                room = self.room(request)
                if room is not None:
                    await room
            if not request.has_ended:
                request.finish(response)
        except Exception:  # noqa: BLE001  # a response that cannot be written, which is a bug
            _log.exception("the response to %s %s failed", request.method, request.path)
            request.abort()
        finally:
            # The call, its task and the request refer to each other.
            request.context = request.task = None
            # The error's traceback refers to the request.
            request.forget_error()
            if task is not None:
                self.server.running.leave(task)

    def _failed(self, status: Status) -> HttpResponse:
        return self.server.errors.response(Outcome(status=status))

    def refuse(self, request: ListenerRequest, error: StatusError) -> None:
        """Respond to a request whose head is not acceptable."""
        router = self.server.router
        request.connection, request.router = self, router
        response = router.refuse(request, error)
        if is_grpc(request):
            refuse_grpc(request, error.status)
        else:
            response.headers += router.common_headers(request)
            request.respond(response)

    # Reading.

    def consumed(self, request: ListenerRequest, size: int, /) -> None:
        """Let a client send more, by what was read of a request's body."""
        raise NotImplementedError

    def send_continue(self, request: ListenerRequest) -> None:
        """Tell a client to send the body of its request."""
        raise NotImplementedError

    # Writing.

    def has_output(self, request: ListenerRequest) -> None:
        """Flush what a request has written, with all else that is written in this iteration of the loop."""
        self._output.append(request)
        self.flush_soon()

    def flush_soon(self) -> None:
        """Flush once, after everything else in this iteration of the loop."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self.server.loop.call_soon(self._flush)

    def _flush(self) -> None:
        raise NotImplementedError

    def room(self, request: ListenerRequest) -> Awaitable[None] | None:
        """Return None if a response may go on, else what to await before it does."""
        return self._wait_for_room(request) if self._is_full(request) else None

    def _is_full(self, request: ListenerRequest) -> bool:
        self.has_room = not self._is_paused and self.out_size + self.queued < self.buffer
        return request.out_size >= self.stream_buffer or not self.has_room

    async def _wait_for_room(self, request: ListenerRequest) -> None:
        room: asyncio.Future[None] = self.server.loop.create_future()
        self._writers.append((request, room))
        try:
            await room
        except asyncio.CancelledError:
            # It may have been this one's turn.
            self.wake_writers()
            raise

    def wake_writers(self) -> None:
        """Let writers go on, in order, and no more of them at once than there is room for."""
        turns = 1 + (self.buffer - self.out_size - self.queued) // WRITE_AT_ONCE
        for _ in range(len(self._writers)):
            request, room = self._writers.popleft()
            if room.done():
                continue
            if not request.has_ended and (turns <= 0 or self._is_full(request)):
                self._writers.append((request, room))
                continue
            room.set_result(None)
            turns -= 1

    def pause_writing(self) -> None:
        self._is_paused = True
        self.has_room = False

    def resume_writing(self) -> None:
        self._is_paused = False
        self.flush_soon()

    # The end.

    def requests(self) -> list[ListenerRequest]:
        """Return the requests that are being answered."""
        raise NotImplementedError

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        for request in self.requests():
            request.leave()
        self.wake_writers()
        self.server.remove(self)
        # Requests refer to their connection: without this it would stay until a collection of garbage, which are rare.
        self._output.clear()
        self._writers.clear()

    def close_soon(self) -> None:
        """Close once everything is written, and go on reading for a while."""
        if self._is_closing or self.is_lost:
            return
        self._is_closing = True
        self.is_idle = False  # it needs no place for long
        if self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:  # the client has gone, which the loop is about to notice
                self.transport.abort()
                return
            self._linger()
        else:  # TLS
            self.transport.close()

    def _linger(self) -> None:
        """Begin the last second once everything has been written."""
        if self._is_closing and not self._is_lingering and self.transport.get_write_buffer_size() == 0:
            self._is_lingering = True
            self.server.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def evict(self) -> None:
        """Close a connection that has no request, for a new one."""
        raise NotImplementedError

    def drain(self) -> None:
        """Take no more requests than HTTP demands, and close after the last response."""
        raise NotImplementedError

    def sweep(self, now: float) -> None:
        """Enforce the limits of time. Called about once a second."""
        for request in self.requests():
            request.sweep(now)
        if self._writers:
            self.wake_writers()
        self._sweep_writing(now)
        self._linger()

    def _sweep_writing(self, now: float) -> None:
        """End a connection whose client takes next to nothing although something waits for it."""
        waiting = self.queued + self.out_size + self.transport.get_write_buffer_size()
        if waiting == 0:
            self._taken_at = now
            return
        # Not by the transport alone: the kernel takes more only once a third of its own, perhaps large, buffer is free.
        taken = self.given - waiting - _unacknowledged(self.transport)
        if abs(taken - self._taken) >= MIN_TAKEN:
            self._taken = taken
            self._taken_at = now
        elif now - self._taken_at >= self.server.connection_limits.write_seconds:
            self.transport.abort()


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Return how many bytes the kernel has sent, or is going to, that the client's has not acknowledged."""
    sock = transport.get_extra_info("socket")
    if _UNACKNOWLEDGED is None or sock is None:  # not every transport has one
        return 0
    try:
        found = fcntl.ioctl(sock.fileno(), _UNACKNOWLEDGED, bytes(4))
    except OSError:  # not the kernel's word for a socket on this system
        return 0
    return int(struct.unpack("i", found)[0])
