"""A second engine, for tests only: hyper's h2. It shows that the interface of engines is not merely ngh2's."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import FlowControlError, ProtocolError, StreamClosedError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from rpcfront.listener.engine import NO_ERROR, EngineOverError, Fields, StreamGoneError
from rpcfront.listener.limits import ConnectionLimits

_INITIAL_WINDOW = 65_535
_LAST_STREAM = 2**31 - 1
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_PING = b"\0" * 8


@dataclass(frozen=True, slots=True)
class Request:
    stream_id: int
    headers: Fields
    end_stream: bool


@dataclass(frozen=True, slots=True)
class Data:
    stream_id: int
    data: bytes
    end_stream: bool


@dataclass(frozen=True, slots=True)
class Trailers:
    stream_id: int


@dataclass(frozen=True, slots=True)
class Closed:
    stream_id: int
    error_code: int


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Over:
    pass


@dataclass(slots=True)
class _Stream:
    """What h2 does not keep: the response that waits for a window, and which halves have ended."""

    body: bytearray = field(default_factory=bytearray)
    trailers: Fields = ()
    ends: bool = False
    """Whether nothing follows what is queued."""
    has_sent_all: bool = False
    has_received_all: bool = False


class H2Engine:
    """An Engine."""

    REQUEST: ClassVar[type[Any]] = Request
    DATA: ClassVar[type[Any]] = Data
    TRAILERS: ClassVar[type[Any]] = Trailers
    CLOSED: ClassVar[type[Any]] = Closed
    PONG: ClassVar[type[Any]] = Pong
    OVER: ClassVar[type[Any]] = Over

    def __init__(self, limits: ConnectionLimits) -> None:
        self._connection = connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        connection.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams,
                SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window,
                SettingCodes.MAX_HEADER_LIST_SIZE: limits.head_bytes,
            },
        )
        # Over its own limit it ends the connection, so that one has to be larger than the listener's.
        connection.decoder.max_header_list_size = 2 * limits.head_bytes
        connection.initiate_connection()
        if limits.connection_window > _INITIAL_WINDOW:
            connection.increment_flow_control_window(limits.connection_window - _INITIAL_WINDOW)
        self._streams: dict[int, _Stream] = {}
        self._events: list[Any] = []
        self._out = bytearray()
        self._preface = b""
        self._last_stream = 0
        self._takes_requests = True
        self._is_broken = False

    # Reading.

    def receive(self, data: bytes) -> Iterable[Any]:
        if self._is_broken:
            return self.events()
        if len(self._preface) < len(_PREFACE):
            self._preface += data[: len(_PREFACE) - len(self._preface)]
            if not _PREFACE.startswith(self._preface):
                raise EngineOverError
        try:
            for event in self._connection.receive_data(data):
                self._translate(event)
        except ProtocolError:  # h2 has written a GOAWAY
            self._break()
        return self.events()

    def events(self) -> Iterable[Any]:
        events, self._events = self._events, []
        return events

    def _break(self) -> None:
        self._is_broken = True
        self._events += [Closed(stream, ErrorCodes.PROTOCOL_ERROR) for stream in self._streams]
        self._streams.clear()
        self._events.append(Over())

    def _translate(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._begin(event)
            case h2.events.DataReceived():
                # Nobody else knows of the padding.
                padding = event.flow_controlled_length - len(event.data)
                if padding:
                    self.consumed(event.stream_id, padding)
                if event.stream_id in self._streams:
                    self._events.append(Data(event.stream_id, event.data, event.stream_ended is not None))
                else:
                    self.consumed(event.stream_id, len(event.data))
            case h2.events.TrailersReceived():
                self._events.append(Trailers(event.stream_id))
            case h2.events.StreamEnded() if event.stream_id in self._streams:
                self._streams[event.stream_id].has_received_all = True
                self._close_if_ended(event.stream_id)
            case h2.events.StreamReset() if self._streams.pop(event.stream_id, None) is not None:
                self._events.append(Closed(event.stream_id, int(event.error_code)))
            case h2.events.PingAckReceived():
                self._events.append(Pong())
            case h2.events.ConnectionTerminated():  # h2 sends nothing any more
                self._break()

    def _begin(self, event: h2.events.RequestReceived) -> None:
        if not self._takes_requests:
            self._connection.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        self._last_stream = event.stream_id
        self._streams[event.stream_id] = _Stream()
        headers = [(bytes(name), bytes(value)) for name, value in event.headers]
        self._events.append(Request(event.stream_id, headers, event.stream_ended is not None))

    def _close_if_ended(self, stream: int) -> None:
        state = self._streams[stream]
        if state.has_sent_all and state.has_received_all:
            del self._streams[stream]
            self._events.append(Closed(stream, NO_ERROR))

    # Writing.

    def take(self, limit: int) -> bytes:
        for stream in list(self._streams):
            self._send_queued(stream, limit - len(self._out))
        self._out += self._connection.data_to_send()
        data = bytes(self._out[:limit])
        del self._out[:limit]
        return data

    def _send_queued(self, stream: int, limit: int) -> None:
        """Send what the windows allow."""
        state, connection = self._streams[stream], self._connection
        while state.body and limit > 0:
            window = connection.local_flow_control_window(stream)
            size = min(window, connection.max_outbound_frame_size, len(state.body), limit)
            if size <= 0:
                return
            is_last = state.ends and not state.trailers and size == len(state.body)
            connection.send_data(stream, bytes(state.body[:size]), end_stream=is_last)
            del state.body[:size]
            limit -= size
            if is_last:
                self._sent_all(stream)
                return
        if state.ends and not state.body and not state.has_sent_all:
            if state.trailers:
                connection.send_headers(stream, state.trailers, end_stream=True)
            else:
                connection.end_stream(stream)
            self._sent_all(stream)

    def _sent_all(self, stream: int) -> None:
        self._streams[stream].has_sent_all = True
        self._close_if_ended(stream)

    def _open(self, stream: int) -> _Stream:
        state = self._streams.get(stream)
        if state is None or state.ends:
            raise StreamGoneError
        return state

    def answer(self, stream: int, headers: Fields, data: bytes, trailers: Fields) -> None:
        self.respond(stream, headers)
        state = self._streams[stream]
        state.body += data
        state.trailers, state.ends = trailers, True

    def respond(self, stream: int, headers: Fields) -> None:
        self._open(stream)
        self._connection.send_headers(stream, headers)

    def inform(self, stream: int, headers: Fields) -> None:
        self._open(stream)
        self._connection.send_headers(stream, headers)

    def send(self, stream: int, data: bytes, *, end: bool) -> None:
        state = self._open(stream)
        state.body += data
        state.ends = end

    def trailers(self, stream: int, headers: Fields) -> None:
        state = self._open(stream)
        state.trailers, state.ends = headers, True

    def reset(self, stream: int, code: int) -> None:
        if stream not in self._streams:
            raise StreamGoneError
        self._send_queued(stream, _INITIAL_WINDOW)
        if self._streams.pop(stream, None) is not None:
            self._connection.reset_stream(stream, code)
            self._events.append(Closed(stream, code))

    def consumed(self, stream: int, size: int) -> None:
        try:
            self._connection.acknowledge_received_data(size, stream)
        except (StreamClosedError, FlowControlError):
            return

    def queued(self, stream: int | None) -> int:
        if stream is None:
            return sum(len(state.body) for state in self._streams.values())
        return len(self._streams[stream].body) if stream in self._streams else 0

    def ping(self) -> None:
        self._connection.ping(_PING)

    def notice(self) -> None:
        self._write_goaway(_LAST_STREAM, NO_ERROR)

    def goaway(self, code: int = NO_ERROR) -> None:
        self._takes_requests = False
        self._write_goaway(self._last_stream, code)

    def _write_goaway(self, last_stream: int, code: int) -> None:
        # h2's own sends nothing any more after one.
        self._out += self._connection.data_to_send()
        self._out += GoAwayFrame(0, last_stream, code).serialize()
