"""A connection that speaks HTTP/1.1 or 1.0 (RFC 9112), parsed by llhttp through httptools.

llhttp refuses what is malformed, and a request checks the rest of its head. Every refusal is a JSON page like any other
error, and closes the connection.
"""

import asyncio
import select
from collections import deque

import httptools
from google.rpc import code_pb2

from rpcfront.limits import cut_short
from rpcfront.listener.connection import NOTICE_SECONDS, Connection, Facts
from rpcfront.listener.http1_request import Http1Request, origin_form
from rpcfront.listener.request import ListenerRequest, head_too_large, refused
from rpcfront.status import StatusError

HEAD_SLICE = 4 * 1024
BODY_SLICE = 16 * 1024
"""Bytes that are parsed at once. Requests that are sent ahead of a response are kept only as far as they are parsed."""
HALF_CLOSE_SECONDS = 0.05
"""How long a call goes on after the client has closed its sending half, which cannot be told from leaving."""

_GONE = select.POLLHUP | select.POLLERR
_HALF_CLOSED: int = getattr(select, "POLLRDHUP", 0)  # only Linux tells it from bytes that have not been read
_MAX_CHUNKS = 1_000
"""Chunks of bodies that are parsed at once. Small ones take long for their bytes, and other connections wait."""
_SLASH = ord("/")
_MAX_PARTS = 16
"""Parts of a response that are written as they are; joining more of them, which are small then, costs less."""
# The parser's own texts are for its authors, and clients see none of them.
_MALFORMED = "the request is not well-formed HTTP/1.1"
_MADE_UP_HEAD = b"POST / HTTP/1.1\r\n"


class Http1Connection(Connection):
    """One connection. It answers one request at a time, in order."""

    def __init__(self, server: Facts, transport: asyncio.Transport) -> None:
        super().__init__(server, transport)
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._active: Http1Request | None = None
        """The request that is being answered."""
        self._incoming: Http1Request | None = None
        """The request whose body is being received."""
        self._ahead: deque[Http1Request] = deque()
        """Requests that were sent ahead of the response to the active one."""
        self._unparsed = b""
        self._chunks = 0
        """Chunks that have been parsed in this iteration of the loop."""
        self._head_since: float | None = server.now
        self._has_bytes = False
        """Whether a part of a head has arrived."""
        self._silent = 0
        """Bytes that have been parsed since the last one of a body, or the last end of a head."""
        self._max_silent = server.connection_limits.head_bytes + BODY_SLICE
        self._is_broken = False
        """Whether nothing more can be read."""
        self.has_eof = False
        self._is_reading = True
        self._has_hung_up = False
        """Whether the client was seen to have closed its sending half, behind bytes that have not been read."""
        self._is_muted = False
        """Whether the parser reads a head that no client sent."""
        self._upgrades = False
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []

    # Parsing. The parser calls the methods whose names begin with `on_`.

    def data_received(self, data: bytes) -> None:
        if self._is_broken or self._is_closing:
            return  # a request that comes now is not answered any more, so it must not be carried out
        if self._is_free() and len(data) <= HEAD_SLICE and self._incoming is None:
            # The common case: a request that is small, and the only one.
            self._feed(data)
            if self._incoming is None and not self._ahead:
                return
        elif self._ahead or self._unparsed or self._is_paused or (self._active is not None and self._incoming is None):
            # Sent ahead of a response. What is not parsed needs no more memory than it has bytes.
            self._unparsed += data
        else:
            self._parse(data)
        self._regulate()

    def _is_free(self) -> bool:
        """Return whether a request can be answered at once: none is before it, and the client takes its responses."""
        return self._active is None and not self._ahead and not self._unparsed and not self._is_paused

    def _parse(self, data: bytes) -> None:
        start = 0
        self._chunks = 0
        while start < len(data) and not self._is_broken and not self._ahead:
            if self._chunks > _MAX_CHUNKS:
                self.server.loop.call_soon(self._parse_on)
                break
            size = HEAD_SLICE if self._incoming is None else BODY_SLICE
            piece = data[start : start + size] if start or size < len(data) else data
            start += size
            self._feed(piece)
        if start < len(data) and not self._is_broken:
            self._unparsed = data[start:] + self._unparsed

    def _parse_on(self) -> None:
        if not self.is_lost and not self._is_closing and not self._is_broken and not self._ahead:
            data, self._unparsed = self._unparsed, b""
            self._parse(data)
            self._regulate()

    def _feed(self, piece: bytes) -> None:
        self._silent += len(piece)
        parser = self._parser
        if parser is None:
            return
        try:
            parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserInvalidMethodError:
            self._refuse(refused(501, "the method is not one that is served here", code_pb2.UNIMPLEMENTED))
        except httptools.HttpParserError as error:
            # It says so in words only.
            is_version = str(error) == "Invalid HTTP version"
            self._refuse(refused(505, "the version must be HTTP/1.1") if is_version else refused(400, _MALFORMED))
        if self._silent > self._max_silent and not self._is_broken:
            self._refuse(head_too_large(self.server.connection_limits))

    def on_message_begin(self) -> None:
        if not self._is_muted:
            self._target, self._fields = b"", []
            self._head_since = self.server.now
            self._has_bytes = True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._incoming is None and not self._is_muted:  # else it is in a trailer section, which nobody reads
            self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self._is_broken or self._is_muted or parser is None:
            return
        fields, target = self._fields, self._target
        if target[0] != _SLASH:
            try:
                target = origin_form(target)
            except StatusError as error:
                self._refuse(error)
                return
        request = Http1Request(parser.get_method().decode("ascii"), target.decode("latin-1"), fields, dict(fields))
        request.connection = self
        self._silent = 0
        self._upgrades = parser.should_upgrade()
        try:
            request.check_head(parser.get_http_version(), self.server.connection_limits)
        except StatusError as error:
            self._refuse(error, request)
            return
        request.keeps_alive = parser.should_keep_alive() or (self._upgrades and not request.is_http10)
        if b"connection" in request._raw and "close" in ",".join(request.header_values("connection")).lower():
            request.keeps_alive = False
        self._incoming = request
        self._head_since = None
        self._has_bytes = False
        if self._active is None and not self._ahead:
            self._start(request)
        else:
            self._ahead.append(request)

    def on_body(self, data: bytes) -> None:
        request = self._incoming
        self._silent = 0
        self._chunks += 1
        if request is None or self._is_broken:
            return
        request.received += len(data)
        if not request.has_ended:
            request.feed(data)

    def on_message_complete(self) -> None:
        if self._upgrades or self._is_broken or self._is_muted:
            return  # the body, if there is one, is what `_ignore_upgrade` reads
        self._complete()

    def _complete(self) -> None:
        request, self._incoming = self._incoming, None
        self._silent = 0
        if request is None:
            return
        request.feed_end()
        if request.has_ended:
            self.server.loop.call_soon(self._next)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read on as if the client had not asked to change the protocol, which RFC 9110, 7.8 allows.

        The parser takes the body of such a request for what follows the change. So a new parser is given a head with
        the same framing, and then the rest.
        """
        self._upgrades = False
        request = self._incoming
        if request is None or self._is_broken:
            return
        framing = [field for field in request._fields if field[0] in {b"content-length", b"transfer-encoding"}]
        lines = [b"%s: %s\r\n" % field for field in framing]
        self._parser = parser = httptools.HttpRequestParser(self)
        self._is_muted = True
        parser.feed_data(b"".join([_MADE_UP_HEAD, *lines, b"\r\n"]))
        self._is_muted = False
        if not framing or request.declared_length() == 0:
            self._complete()
        if rest:
            self._feed(rest)

    def _refuse(self, error: StatusError, refused: Http1Request | None = None) -> None:
        """Read no more. Respond with an error, to a request if it is known, once those before are answered."""
        self._is_broken = True
        incoming, self._incoming = self._incoming, None
        if incoming is not None and not incoming.is_whole:
            # It is the body that is malformed.
            incoming.keeps_alive = False
            if incoming.has_ended:
                self.close_soon()
            else:
                incoming.fail(error)
            return
        request = Http1Request("GET", "/", [], {}) if refused is None else refused
        request.connection = self
        request.is_whole = True
        request.keeps_alive = False
        request.refusal = error
        if self._active is None and not self._ahead:
            self._start(request)
        else:
            self._ahead.append(request)

    # Requests.

    def _start(self, request: Http1Request) -> None:
        self._active = request
        self.is_idle = False
        if request.refusal is None:
            self.start(request)
        else:
            self.refuse(request, request.refusal)

    def ended(self, request: Http1Request) -> None:
        """Go on after a response."""
        self._active = None
        self.is_idle = True
        self.idle_since = self.server.now
        if request.closes:
            self._is_broken = True
            self.close_soon()
        elif request.is_whole:
            if self._ahead or self._unparsed or self.has_eof or not self._is_reading:
                self.server.loop.call_soon(self._next)
        else:
            self._regulate()

    def _next(self) -> None:
        """Answer the next request that was sent ahead, or read on."""
        if self.is_lost or self._active is not None or self._is_closing or self._is_paused:
            return
        if self._ahead:
            self._start(self._ahead.popleft())
        # What has not been parsed may be the rest of that request's body.
        if self._unparsed and not self._ahead and (self._active is None or self._incoming is not None):
            data, self._unparsed = self._unparsed, b""
            self._parse(data)
        elif self.has_eof and self._active is None:
            self.close_soon()
        self._regulate()

    def requests(self) -> list[ListenerRequest]:
        return [request for request in (self._active, *self._ahead) if isinstance(request, Http1Request)]

    def consumed(self, _request: ListenerRequest, _size: int, /) -> None:
        if not self._is_reading:
            self._regulate()

    def send_continue(self, request: ListenerRequest) -> None:
        if isinstance(request, Http1Request) and not request.received:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _regulate(self) -> None:
        """Read on, unless more has arrived than is wanted."""
        incoming = self._incoming
        is_wanted = (
            not self._ahead
            and not self._unparsed
            and not (self._is_paused and self._active is None)
            and (
                incoming is None
                or incoming.has_ended
                or incoming.takes_more(self.server.connection_limits.stream_window)
            )
        )
        if is_wanted != self._is_reading and not self.is_lost:
            self._is_reading = is_wanted
            if is_wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    # Writing.

    def write(self, data: bytes) -> None:
        """Write to the client, if it is still there."""
        if not self.is_lost and not self._is_closing:
            self.given += len(data)
            self.transport.write(data)

    def _write_parts(self, request: Http1Request) -> None:
        """Write what a streamed response has written."""
        size, parts = request.out_size, request.take_parts()
        if len(parts) > _MAX_PARTS:
            parts = [b"".join(parts)]
        self.given += size
        self.transport.writelines(parts if request.is_http10 else [b"%x\r\n" % size, *parts, b"\r\n"])

    def _flush(self) -> None:
        self._flush_is_due = False
        if self.is_lost or self._is_paused:
            return
        output, self._output = self._output, []
        for request in output:
            if not request.has_ended and isinstance(request, Http1Request):
                self._write_parts(request)
        if self._writers:
            self.wake_writers()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._regulate()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._next()

    # The end.

    def eof_received(self) -> bool:
        self.has_eof = True
        incoming, active = self._incoming, self._active
        if incoming is not None and not incoming.is_whole:
            incoming.fail(cut_short())
        if active is None and not self._ahead and not self._unparsed:
            return False
        # A response is still possible, and the client may still read it.
        self.server.loop.call_later(HALF_CLOSE_SECONDS, self._interrupt)
        return self.transport.can_write_eof()

    def _interrupt(self) -> None:
        for request in self.requests():
            request.interrupt()

    def _look_for_departure(self) -> None:
        """Notice that the client has left although the connection is not read, which hides it from the loop."""
        sock = self.transport.get_extra_info("socket")
        if sock is None:  # not every transport has one
            return
        poll = select.poll()
        poll.register(sock, _HALF_CLOSED)
        for _, event in poll.poll(0):
            if event & _GONE:
                self.transport.abort()
            elif event & _HALF_CLOSED and not self._has_hung_up:
                self._has_hung_up = True
                self._interrupt()

    def drain(self) -> None:
        # A client that has sent a request meanwhile could not know whether to send it again.
        self.server.loop.call_later(NOTICE_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self._active is None and not self._ahead and not self._unparsed and not self._has_bytes:
            self.close_soon()

    def evict(self) -> None:
        """Close a connection that has no request."""
        self.is_idle = False
        self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        # It refers to this object.
        self._parser = None
        self._active = self._incoming = None
        self._ahead.clear()
        self._unparsed = b""

    def sweep(self, now: float) -> None:
        super().sweep(now)
        if not self._is_reading and not self.is_lost:
            self._look_for_departure()
        if self._active is not None or self._ahead or self._is_closing:
            return
        limits = self.server.connection_limits
        if self._head_since is not None:
            if now - self._head_since >= limits.head_seconds:
                if self._has_bytes:
                    text = f"the request's head did not arrive within {limits.head_seconds:g} seconds"
                    self._refuse(refused(408, text, code_pb2.DEADLINE_EXCEEDED))
                else:
                    self.close_soon()
        elif self._incoming is not None:
            # The rest of a body that nobody wants.
            if now - self.idle_since >= self.server.limits.read_seconds:
                self.close_soon()
        elif now - self.idle_since >= limits.idle_seconds:
            self.close_soon()
