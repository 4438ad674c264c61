"""A request over a connection of the listener: its fields, its body as it arrives, and its response."""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Any, Protocol

from google.rpc import code_pb2

from rpcfront.calls.context import DONE
from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.limits import Limits, cut_short, too_large, too_slow
from rpcfront.listener.forwarded import Client, TrustedProxies
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.protocols.http import Headers, HttpResponse, Security, TrailersRequest, Write, has_call_headers
from rpcfront.status import StatusError, status_error

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|\[[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\]"
    rb"|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_CACHED_BYTES = 1024
"""Names of fields that are longer altogether are not remembered."""
_MAX_LENGTH_DIGITS = 18

NO_BODY = frozenset({204, 304})
"""Statuses of responses that never have a body."""


class Clock(Protocol):
    """What a request knows of its server."""

    loop: asyncio.AbstractEventLoop
    limits: Limits
    trusted_proxies: TrustedProxies


class Carrier(Protocol):
    """What a request knows of its connection."""

    @property
    def server(self) -> "Clock": ...

    @property
    def security(self) -> Security: ...

    @property
    def client(self) -> Client: ...

    @property
    def peer(self) -> str: ...

    @property
    def is_trusted_proxy(self) -> bool: ...

    stream_buffer: int
    """Bytes that one response may write before the connection takes them."""
    buffer: int
    """The same of all responses together."""
    out_size: int
    """Bytes that the responses have written and that the connection has not taken."""
    has_room: bool
    """Whether there is certainly room for more."""

    def consumed(self, request: "ListenerRequest", size: int, /) -> None: ...

    def send_continue(self, request: "ListenerRequest") -> None: ...

    def has_output(self, request: "ListenerRequest") -> None: ...

    def room(self, request: "ListenerRequest") -> Awaitable[None] | None: ...


@lru_cache(maxsize=256)  # a server has few names
def is_host(host: bytes) -> bool:
    """Return whether a Host or `:authority` is well-formed: uri-host [":" port] (RFC 9110, 7.2)."""
    return _HOST.fullmatch(host) is not None


def refused(http_status: int, text: str, code: int = code_pb2.INVALID_ARGUMENT) -> StatusError:
    """Return the error for a head that is not acceptable."""
    return status_error(code, text, http_status=http_status)


def head_too_large(limits: ConnectionLimits) -> StatusError:
    """Return the error for a head that is larger than the limits."""
    text = f"the request's head is larger than the limit of {limits.head_bytes} bytes or {limits.head_fields} fields"
    return status_error(code_pb2.RESOURCE_EXHAUSTED, text, http_status=431)


@lru_cache(maxsize=256)  # a client sends the same names with each request
def _has_call_headers(names: bytes) -> bool:
    return has_call_headers(names.decode("latin-1"))


class ListenerRequest(TrailersRequest):
    """A request whose body is fed to it as it arrives. The connection's own subclass writes the response."""

    connection: Carrier
    is_whole = False
    """Whether the whole body has arrived."""
    due: float | None = None
    """When the next part of the body must have arrived, by the loop's time; None while nobody waits for it."""
    has_begun = False
    """Whether the head of the response has been sent."""
    has_ended = False
    """Whether the response has been sent, or nobody can take it any more."""
    is_interrupted = False
    """Whether the client was seen to have gone before the response."""
    is_awaited = False
    """Whether the client waits for a 100 before it sends the body."""
    out_size = 0
    """Bytes that were written and that the connection has not taken."""
    _size = 0
    """Bytes in `_parts`."""
    _whole_size: int | None = None
    """The most that a body that is read as a whole may have; None before, and for one that is read in parts."""
    _is_bounded = False
    """Whether `due` is that of the whole body, although it is received in parts."""
    _error: StatusError | None = None
    _arrival: "asyncio.Future[None] | None" = None

    def __init__(
        self, method: str, target: str, fields: Sequence[tuple[bytes, bytes]], raw: dict[bytes, bytes]
    ) -> None:
        """Take the fields in order and by name."""
        # Not the base's: fields are decoded when they are asked for.
        self.method = method
        self.path = target
        if "?" in target:
            self.path, _, self.query = target.partition("?")
        if len(raw) != len(fields):  # of repeats the first
            raw = dict(reversed(fields))
        self._fields = fields
        self._raw = raw
        self._names = names = b"\n".join(raw)
        self.has_call_headers = _has_call_headers(names) if len(names) < _CACHED_BYTES else True
        self.content_type = raw[b"content-type"].decode("latin-1") if b"content-type" in raw else ""
        self._parts: list[bytes] = []
        self._out: list[bytes] = []

    @property
    def client(self) -> Client:
        """Who makes the request: the other end of the connection, or the one for which a trusted proxy calls."""
        connection = self.connection
        if not connection.is_trusted_proxy:
            return connection.client
        return connection.server.trusted_proxies.client(connection.client, self.header_values)

    @property
    def peer(self) -> str:
        connection = self.connection
        return self.client.peer if connection.is_trusted_proxy else connection.peer

    @property
    def scheme(self) -> str:
        return self.client.scheme

    @property
    def authority(self) -> str:
        # HTTP/2 has refused a request whose Host is another.
        return self.header(":authority") or self.header("host") or ""

    @property
    def security(self) -> Security:
        return self.connection.security

    def header(self, name: str) -> str | None:
        value = self._raw.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def header_values(self, name: str) -> list[str]:
        key = name.encode()
        if key not in self._raw:
            return []
        if len(self._raw) == len(self._fields):  # no name is repeated
            return [self._raw[key].decode("latin-1")]
        return [value.decode("latin-1") for each, value in self._fields if each == key]

    def headers(self) -> Headers:
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields]
        return [field for field in fields if field[0][0] != ":"]

    def check_size(self, limits: ConnectionLimits) -> None:
        """Raise StatusError (431) for a head that is too large."""
        fields, raw = self._fields, self._raw
        if len(raw) == len(fields):
            size = len(self._names) + len(b"".join(raw.values()))
        else:
            size = sum(len(name) + len(value) for name, value in fields)
        if b":path" not in raw:  # HTTP/1.1
            size += len(self.path) + len(self.query)
        if size > limits.head_bytes or len(fields) > limits.head_fields:
            raise head_too_large(limits)

    def check_expectation(self) -> None:
        """Note whether the client waits for a 100. Raise StatusError (417) for any other expectation."""
        if b"expect" in self._raw:
            expected = ",".join(self.header_values("expect")).lower().split(",")
            if any(each.strip(" \t") != "100-continue" for each in expected):
                raise refused(417, "the only expectation that is met is 100-continue")
            self.is_awaited = not self.is_whole

    # The body, from the connection's side.

    def feed(self, data: bytes) -> None:
        """Take bytes of the body."""
        self._parts.append(data)
        self._size += len(data)
        if self._whole_size is not None and self._size <= self._whole_size:
            # Nobody needs to know before the end.
            self.connection.consumed(self, len(data))
        elif self._arrival is not None:
            self._wake()

    def feed_end(self) -> None:
        """Take the end of the body."""
        self.is_whole = True
        if self._arrival is not None:
            self._wake()

    def takes_more(self, size: int) -> bool:
        """Return whether the body is being read as a whole, or less than `size` bytes of it are unread."""
        return self._whole_size is not None or self._size < size

    def fail(self, error: StatusError) -> None:
        """Let reading the body fail, unless it is whole."""
        if not self.is_whole and self._error is None:
            self._error = error
            self._wake()

    def forget_error(self) -> None:
        """Let go of why reading failed, once the request is answered."""
        self._error = None

    def leave(self) -> None:
        """End the request: its client has gone."""
        if self.has_ended:
            return
        self.has_ended = True
        if self._whole_size is not None:
            # Before the call is cancelled: that the body was cut short says more than that the client has left.
            self.fail(cut_short())
        self.interrupt()
        self.fail(cut_short())

    def interrupt(self) -> None:
        """End the call, or the handler, that responds to the request: its client has gone."""
        self.is_interrupted = True
        if self.context is not None:
            self.context.interrupt(CLIENT_LEFT)
        elif self.task is not None:
            # Not at once: a task that never began would not even be taken out of the running ones.
            self.connection.server.loop.call_soon(self.task.cancel)

    def sweep(self, now: float) -> None:
        """End a wait for the body that has lasted too long."""
        if self.due is not None and self.due <= now:
            self.due = None
            self.fail(too_slow(self._limits.read_seconds))

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # The body, from the edge's side.

    def whole(self, limit: int, framing: int) -> bytes | None:
        if not self.is_whole:
            return None
        if self._size > limit + framing:
            raise too_large(limit)
        if self._size:
            self.connection.consumed(self, self._size)
        return self._take()

    async def read(self, limit: int, framing: int) -> bytes:
        body = self.whole(limit, framing)
        return await self._read_whole(limit, limit + framing) if body is None else body

    async def _read_whole(self, limit: int, max_size: int) -> bytes:
        """Read a body that has not arrived yet. What arrives meanwhile is consumed at once, up to the limit."""
        declared = self.declared_length()
        if declared is not None and declared > max_size:
            raise too_large(limit)
        self._whole_size = max_size
        self._ask_for_body()
        if self._size:
            self.connection.consumed(self, self._size)
        self.due = self.connection.server.loop.time() + self._limits.read_seconds
        while not self.is_whole and self._size <= max_size:
            await self._arrive()
        self.due = self._whole_size = None
        if self._size > max_size:
            raise too_large(limit)
        return self._take()

    async def receive(self, *, timely: bool) -> bytes:
        while not self._parts:
            if self.is_whole:
                return b""
            self._ask_for_body()
            if not self._is_bounded:
                self.due = self.connection.server.loop.time() + self._limits.read_seconds if timely else None
            await self._arrive()
        if not self._is_bounded:
            self.due = None
        size, data = self._size, self._take()
        self.connection.consumed(self, size)
        return data

    def bound_reading(self) -> None:
        self._is_bounded = True
        self.due = self.connection.server.loop.time() + self._limits.read_seconds

    def _ask_for_body(self) -> None:
        """Tell a client that waits for it to send the body, unless its response has begun: then it must decide."""
        if self.is_awaited:
            self.is_awaited = False
            if not self.has_begun:
                self.connection.send_continue(self)

    async def _arrive(self) -> None:
        """Wait for more of the body, or for its end. Raises StatusError."""
        if self._error is None:
            if self._arrival is not None:
                raise RuntimeError("a request is read by one task at a time")
            self._arrival = self.connection.server.loop.create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        if self._error is not None:
            raise self._error

    def _take(self) -> bytes:
        parts, self._parts, self._size = self._parts, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def declared_length(self) -> int | None:
        """Return the body's length by its Content-Length, which the parsers have found to be digits."""
        declared = self._raw.get(b"content-length")
        # Python converts long numbers slowly, and no body is as long as those.
        return None if declared is None else int(declared.lstrip(b"0")[:_MAX_LENGTH_DIGITS] or 0)

    @property
    def _limits(self) -> Limits:
        return self.connection.server.limits

    # The response.

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self.begin_raw([(b":status", b"%d" % status), *fields])

    def room(self) -> Awaitable[None] | None:
        # Asked for each message of a stream, so it looks for itself.
        connection = self.connection
        if self.out_size < connection.stream_buffer and connection.has_room:
            return None
        return connection.room(self)

    def write(self, data: bytes) -> Any:
        """Send bytes of a streamed body. Raises StatusError when the client has gone."""
        if self.has_ended:
            raise StatusError(CLIENT_LEFT)
        if not self._out:
            self.connection.has_output(self)
        self._out.append(data)
        self.out_size += len(data)
        connection = self.connection
        connection.out_size = size = connection.out_size + len(data)
        if size >= connection.buffer:
            connection.has_room = False
        return DONE

    def take_output(self) -> bytes:
        """Return what was written since the last time."""
        out = self.take_parts()
        return out[0] if len(out) == 1 else b"".join(out)

    def take_parts(self) -> list[bytes]:
        """Return what was written since the last time, as it was written."""
        self.connection.out_size -= self.out_size
        out, self._out, self.out_size = self._out, [], 0
        return out

    def finish(self, response: HttpResponse | None) -> None:
        """Send what is left after the router has returned: the whole response, or the end of a streamed one."""
        if response is None:
            self.end_raw(())
        elif self.has_begun:
            self.abort()
        else:
            self.respond(response)

    def respond(self, response: HttpResponse) -> None:
        """Send a complete response."""
        raise NotImplementedError

    def abort(self) -> None:
        """End a response that cannot be completed, such that the client takes it for no complete one."""
        raise NotImplementedError
