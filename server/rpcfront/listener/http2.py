"""A connection that speaks HTTP/2 (RFC 9113), by an engine that knows the frames."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from rpcfront.listener.connection import NOTICE_SECONDS, Connection, Facts
from rpcfront.listener.engine import (
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    NO_ERROR,
    Engine,
    EngineOverError,
    Fields,
    StreamGoneError,
)
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.listener.request import NO_BODY, ListenerRequest, is_host, refused
from rpcfront.protocols.http import Headers, HttpResponse, RawHeaders, Write
from rpcfront.status import StatusError

_TAKE = 256 * 1024
"""Bytes that are taken from the engine at once."""
UPLOAD_SECONDS = 0.1
"""How long the body of a request may go on arriving after the response. Some clients, such as curl 7.88, lose a
response that a RST_STREAM comes with."""
_CONTINUE: Fields = ((b":status", b"100"),)
# Of frames (RFC 9113, 4.1, 6.2 and 6.10).
_FRAME_HEAD = 9
_FIELDS = frozenset({1, 9})  # HEADERS and CONTINUATION
_END_HEADERS = 0x4
_SMALL = 8 * 1024
"""Bytes at the end of a body that are given back to the connection's window before they are read."""

RESET_BURST = 1_000
RESETS_PER_SECOND = 33
"""How often a client may give up a request right after it: at once, and in the long run. Each response allows one more,
so that a client that waits for most responses may give up as many of the others as it likes."""
SHORT_LIVED_SECONDS = 0.02
"""A request that has lived for longer has held its place for as long as one that is responded to. Many may be given up:
behind a proxy are clients of all kinds, who share its connections."""

_SLICE = 16 * 1024
_MAX_EVENTS = 1_000
"""Events that are handled at once, by and large."""

_log = logging.getLogger(__name__)

MakeEngine = Callable[[ConnectionLimits], Engine]


class Http2Request(ListenerRequest):
    """A request on a stream of its own."""

    connection: "Http2Connection"
    carries_trailers = True
    unconsumed = 0
    """Bytes of the body by which the windows are still smaller."""
    begun = 0.0
    """When its head had arrived, by the loop's clock."""

    def __init__(self, stream: int, fields: Fields) -> None:
        self.stream = stream
        raw = dict(fields)
        super().__init__(raw[b":method"].decode("latin-1"), raw.get(b":path", b"").decode("latin-1"), fields, raw)

    def check_head(self, limits: ConnectionLimits) -> None:
        """Raise StatusError for a head that is not acceptable: RFC 9113, 8.3.1, and RFC 9110, 10.1.1."""
        raw = self._raw
        host = raw.get(b":authority")
        if b"host" in raw:
            if host is not None and host != raw[b"host"]:
                raise refused(400, "host and :authority differ")
            host = raw[b"host"]
        if host is not None and not is_host(host):
            raise refused(400, "the host is malformed")
        self.check_size(limits)
        self.check_expectation()

    def respond(self, response: HttpResponse) -> None:
        status, body = response.status, response.body
        fields = [(b":status", b"%d" % status)]
        fields += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        if status not in NO_BODY:
            fields.append((b"content-length", b"%d" % len(body)))
        fields.append((b"date", self.connection.server.date.encode()))
        self.respond_raw(fields, b"" if self.method == "HEAD" or status in NO_BODY else body, ())

    def respond_raw(self, head: RawHeaders, body: bytes, trailers: RawHeaders) -> None:
        if self.has_ended:
            return  # the client has gone
        connection = self.connection
        self.has_begun = self.has_ended = True
        try:
            connection.engine.answer(self.stream, head, body, trailers)
        except StreamGoneError:
            return
        connection.given += len(body)
        connection.queued += len(body)
        if connection.queued >= connection.buffer:
            connection.has_room = False
        connection.ended(self)

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        return await super().begin_stream(status, [*headers, ("date", self.connection.server.date)])

    def begin_raw(self, head: RawHeaders) -> Write:
        self.has_begun = True
        if self.has_ended:
            return self.write
        try:
            self.connection.engine.respond(self.stream, head)
        except StreamGoneError:
            self.leave()
        self.connection.flush_soon()
        return self.write

    def end_raw(self, trailers: RawHeaders) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        engine, stream = self.connection.engine, self.stream
        try:
            if self._out:
                self.connection.given += self.out_size
                engine.send(stream, self.take_output(), end=not trailers)
            elif not trailers:
                engine.send(stream, b"", end=True)
            if trailers:
                engine.trailers(stream, trailers)
        except StreamGoneError:
            return
        self.connection.ended(self)

    def abort(self) -> None:
        self.has_ended = True
        try:
            self.connection.engine.reset(self.stream, INTERNAL_ERROR)
        except StreamGoneError:
            return
        self.connection.flush_soon()


class Http2Connection(Connection):
    """One connection. What is written in one iteration of the loop goes out together at its end."""

    def __init__(self, server: Facts, make_engine: MakeEngine, transport: asyncio.Transport) -> None:
        super().__init__(server, transport)
        self.engine = make_engine(server.connection_limits)
        self._handlers = _handlers(type(self.engine))
        self._streams: dict[int, Http2Request] = {}
        self._last_bytes = server.now
        self._ping_sent: float | None = None
        self._is_over = False
        self._goaway_is_sent = False
        self._notice: asyncio.TimerHandle | None = None
        self._has_asked = False
        """Whether there has been a request."""
        self._unread = b""
        """What has been read of the socket and not received."""
        self._resets_left: float = RESET_BURST
        self._resets_at = server.now
        self._partial_since: float | None = None
        """Since when a frame, or a block of fields, has been incomplete."""
        self.flush_soon()

    # Reading.

    def data_received(self, data: bytes) -> None:
        self._last_bytes = self.server.now
        if self._is_over:
            return  # nothing can come of it, and the last responses are still on their way
        if len(data) > _SLICE or self._unread:
            self._unread += data
            self._receive_slices()
            return
        try:
            if self._handle(self.engine.receive(data)):
                # What came behind the event may be half a frame. To know it would cost every request, and such a
                # connection ends as an idle one.
                self._partial_since = None
            elif self._partial_since is None and not _are_whole_frames(data):
                self._partial_since = self._last_bytes
        except EngineOverError as error:
            self._break(error)
            return
        self.flush_soon()

    def _receive_slices(self) -> None:
        """Receive what has been read, and the rest of many small frames later: other connections wait."""
        data, self._unread = self._unread, b""
        start = handled = 0
        try:
            while start < len(data) and handled <= _MAX_EVENTS and not self._is_over and not self.is_lost:
                handled += self._handle(self.engine.receive(data[start : start + _SLICE]))
                start += _SLICE
        except EngineOverError as error:
            self._break(error)
            return
        if self.is_lost or self._is_over:
            return
        if handled:
            self._partial_since = None
        self.flush_soon()
        self._unread = data[start:]
        if self._unread:
            self.transport.pause_reading()
            self.server.loop.call_soon(self._receive_slices)
        else:
            self.transport.resume_reading()

    def _break(self, error: EngineOverError) -> None:
        _log.debug("an HTTP/2 connection broke: %r", error.__cause__)
        self.transport.abort()

    def _handle(self, events: Any) -> int:
        """Return how many there were."""
        handlers = self._handlers
        number = 0
        for event in events:
            number += 1
            handler = handlers.get(type(event))
            if handler is not None:
                handler(self, event)
        return number

    def _on_request(self, event: Any) -> None:
        request = Http2Request(event.stream_id, event.headers)
        request.begun = self.server.loop.time()
        self._streams[event.stream_id] = request
        self.is_idle = False
        self._has_asked = True
        if event.end_stream:
            request.is_whole = True
        try:
            request.check_head(self.server.connection_limits)
        except StatusError as error:
            self.refuse(request, error)
            return
        self.start(request)

    def _on_data(self, event: Any) -> None:
        request = self._streams.get(event.stream_id)
        if request is None:
            return
        data = event.data
        size = len(data)
        if event.end_stream and size <= _SMALL:
            # The stream's window does not matter any more, and so little of the connection's need not be held back.
            self.engine.consumed(event.stream_id, size)
        else:
            request.unconsumed += size
        if size and not request.has_ended:
            request.feed(data)
        if event.end_stream:
            request.feed_end()

    def _on_trailers(self, event: Any) -> None:
        request = self._streams.get(event.stream_id)
        if request is not None:
            request.feed_end()

    def _on_closed(self, event: Any) -> None:
        request = self._streams.pop(event.stream_id, None)
        if request is None:
            return
        if request.unconsumed:
            self.consumed(request, request.unconsumed)
        if not request.has_ended:
            request.leave()
            self.wake_writers()
            if self.server.loop.time() - request.begun < SHORT_LIVED_SECONDS:
                self._count_reset()
        if not self._streams:
            self.is_idle = True
            self.idle_since = self.server.now
            if self._goaway_is_sent:
                self._close_after_flush()

    def _count_reset(self) -> None:
        """End the connection of a client that begins requests and gives them up at once, which costs it less than us.

        Resets of streams that have been responded to do not count: gRPC clients reset each call that ends before their
        last message, as Envoy does with a processor's streams.
        """
        now = self.server.now
        self._resets_left = min(RESET_BURST, self._resets_left + (now - self._resets_at) * RESETS_PER_SECOND) - 1
        self._resets_at = now
        if self._resets_left < 0 and not self._is_over:
            _log.debug("a connection is closed: its client gives up too many requests as soon as it has begun them")
            self.engine.goaway(ENHANCE_YOUR_CALM)
            self._close_after_flush()

    def _on_pong(self, _event: Any) -> None:
        self._ping_sent = None
        if self._notice is not None:
            self._end_notice()

    def _on_over(self, _event: Any) -> None:
        self._close_after_flush()

    def consumed(self, request: ListenerRequest, size: int, /) -> None:
        if isinstance(request, Http2Request) and request.unconsumed and not self.is_lost:
            # What a stream held when it was closed has been given back already.
            size = min(size, request.unconsumed)
            request.unconsumed -= size
            self.engine.consumed(request.stream, size)
            if not request.is_whole:
                self.flush_soon()

    def send_continue(self, request: ListenerRequest) -> None:
        if isinstance(request, Http2Request):
            with suppress(StreamGoneError):
                self.engine.inform(request.stream, _CONTINUE)
            self.flush_soon()

    def ended(self, request: Http2Request) -> None:
        """Flush the end of a response. Stop the upload of a body that was not read."""
        if self._resets_left < RESET_BURST:
            self._resets_left += 1
        if not request.is_whole:
            self.server.loop.call_later(UPLOAD_SECONDS, self._stop_upload, request)
        if not self._flush_is_due:
            self.flush_soon()

    # Writing.

    def _flush(self) -> None:
        self._flush_is_due = False
        if self.is_lost:
            return
        engine, transport = self.engine, self.transport
        try:
            while not self._is_paused:
                if self._output:
                    self._move_output()
                data = engine.take(_TAKE)
                if not data:
                    break
                transport.write(data)
                self._handle(engine.events())
                if len(data) < _TAKE and not self._output:
                    break
        except EngineOverError as error:
            self._break(error)
            return
        self.queued = engine.queued(None)
        if self.queued:
            self.has_room = False  # perhaps: `_is_full` is going to see
        if self._writers:
            self.wake_writers()
        if self._is_over and not self._is_paused:
            self.close_soon()

    def _move_output(self) -> None:
        """Give the engine what responses have written, as far as their clients take it."""
        engine = self.engine
        later: list[ListenerRequest] = []
        for request in self._output:
            if request.has_ended or not isinstance(request, Http2Request):
                request.take_parts()  # of one that was cut off: it counts no more
                continue
            if engine.queued(request.stream) >= self.stream_buffer or engine.queued(None) >= self.buffer:
                later.append(request)
                continue
            self.given += request.out_size
            try:
                engine.send(request.stream, request.take_output(), end=False)
            except StreamGoneError:
                request.leave()
        self._output = later

    def _stop_upload(self, request: Http2Request) -> None:
        """Reset a stream whose response has gone out, although its client still sends (RFC 9113, 8.1)."""
        if self.is_lost or request.stream not in self._streams or request.is_whole:
            return
        if self._is_paused or self.engine.queued(request.stream):
            self.server.loop.call_later(UPLOAD_SECONDS, self._stop_upload, request)
            return
        with suppress(StreamGoneError):
            self.engine.reset(request.stream, NO_ERROR)
        self.flush_soon()

    # The end.

    def requests(self) -> list[ListenerRequest]:
        return list(self._streams.values())

    def drain(self) -> None:
        """Announce the end, and name the last stream once no request can be under way any more."""
        if self._goaway_is_sent or self._notice is not None:
            return
        self.engine.notice()
        self.engine.ping()
        self._notice = self.server.loop.call_later(NOTICE_SECONDS, self._end_notice)
        self.flush_soon()

    def _end_notice(self) -> None:
        if self._notice is not None:
            self._notice.cancel()
            self._notice = None
        if self.is_lost or self._goaway_is_sent:
            return
        self._goaway_is_sent = True
        self.engine.goaway()
        if not self._streams:
            self._close_after_flush()
        self.flush_soon()

    def _close_after_flush(self) -> None:
        self._is_over = True
        self.flush_soon()

    def evict(self) -> None:
        self.is_idle = False
        if self._ssl_object is None and not self.transport.get_write_buffer_size():
            self._end_notice()
            self._flush()
            self.transport.close()
        else:
            # Closing it would take as long as the client likes, and its place is needed now.
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._streams.clear()

    def sweep(self, now: float) -> None:
        super().sweep(now)
        limits = self.server.connection_limits
        is_half_said = self._partial_since is not None and now - self._partial_since >= limits.head_seconds
        idle_seconds = limits.http2_idle_seconds if self._has_asked else limits.head_seconds
        if self.is_idle and (is_half_said or now - self.idle_since >= idle_seconds):
            self._end_notice()
        elif self._ping_sent is not None:
            if now - self._ping_sent >= limits.pong_seconds:
                self.transport.abort()
        elif now - self._last_bytes >= limits.ping_seconds:
            self._ping_sent = now
            self.engine.ping()
            self.flush_soon()


def _are_whole_frames(data: bytes) -> bool:
    """Return whether bytes that begin with a frame end with one, and leave no block of fields open.

    For the few frames without an event, such as PRIORITY, those of unknown types, and those on streams that are over.
    """
    end, is_open = 0, False
    while len(data) - end >= _FRAME_HEAD:
        if data[end + 3] in _FIELDS:
            is_open = not data[end + 4] & _END_HEADERS
        end += _FRAME_HEAD + int.from_bytes(data[end : end + 3], "big")
    return end == len(data) and not is_open


@cache
def _handlers(engine: type[Engine]) -> Mapping[type[Any], Callable[[Http2Connection, Any], None]]:
    """Return what handles each of an engine's events."""
    return {
        engine.REQUEST: Http2Connection._on_request,
        engine.DATA: Http2Connection._on_data,
        engine.TRAILERS: Http2Connection._on_trailers,
        engine.CLOSED: Http2Connection._on_closed,
        engine.PONG: Http2Connection._on_pong,
        engine.OVER: Http2Connection._on_over,
    }
