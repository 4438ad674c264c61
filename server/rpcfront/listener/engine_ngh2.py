"""The engine of the product: libnghttp2, through ngh2. No other module knows ngh2."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

import ngh2

from rpcfront.listener.engine import NO_ERROR, EngineOverError, Fields, StreamGoneError
from rpcfront.listener.limits import ConnectionLimits

_INITIAL_WINDOW = 65_535
"""Of every connection before its first WINDOW_UPDATE (RFC 9113, 6.9.2)."""
_SLACK = 2
"""How much larger than our own limit on a head the engine's is: over its own, it ends the whole connection."""
_RESETS = (100_000, 20_000)
"""RST_STREAM frames at once, and a second. The engine counts those of streams that have been responded to as well, of
which gRPC clients send many; the others the connection counts itself."""


class Ngh2Engine:
    """An Engine. ngh2's events serve as they are."""

    REQUEST: ClassVar[type[Any]] = ngh2.RequestReceived
    DATA: ClassVar[type[Any]] = ngh2.DataReceived
    TRAILERS: ClassVar[type[Any]] = ngh2.TrailersReceived
    CLOSED: ClassVar[type[Any]] = ngh2.StreamClosed
    PONG: ClassVar[type[Any]] = ngh2.PingAcknowledged
    OVER: ClassVar[type[Any]] = ngh2.ConnectionClosed

    __slots__ = ("_connection", "events")

    def __init__(self, limits: ConnectionLimits) -> None:
        """Begin a connection: the server's SETTINGS are the first bytes to take."""
        self._connection = connection = ngh2.Connection(
            ngh2.Role.SERVER,
            ngh2.Configuration(
                auto_window_update=False,
                max_inbound_header_list_size=_SLACK * limits.head_bytes,
                max_inbound_header_count=4 * limits.head_fields,
                stream_reset_rate_limit=_RESETS,
            ),
        )
        connection.initiate_connection(
            {
                ngh2.Setting.MAX_CONCURRENT_STREAMS: limits.streams,
                ngh2.Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
                ngh2.Setting.MAX_HEADER_LIST_SIZE: limits.head_bytes,
                ngh2.Setting.NO_RFC7540_PRIORITIES: 1,
            }
        )
        if limits.connection_window > _INITIAL_WINDOW:
            connection.set_local_window_size(limits.connection_window)
        self.events = connection.events

    def receive(self, data: bytes) -> Iterable[Any]:
        try:
            self._connection.receive_data(data)
        except (ngh2.NGH2Error, MemoryError) as error:
            raise EngineOverError from error
        return self.events()

    def take(self, limit: int) -> bytes:
        try:
            return self._connection.data_to_send(limit)
        except (ngh2.NGH2Error, MemoryError) as error:
            raise EngineOverError from error

    def answer(self, stream: int, headers: Fields, data: bytes, trailers: Fields) -> None:
        connection = self._connection
        try:
            if data:
                connection.send_response(stream, headers)
                connection.send_data(stream, data, end_stream=not trailers)
            else:
                connection.send_response(stream, headers, end_stream=not trailers)
            if trailers:
                connection.send_trailers(stream, trailers)
        except ngh2.NGH2Error as error:
            raise StreamGoneError from error

    def respond(self, stream: int, headers: Fields) -> None:
        try:
            self._connection.send_response(stream, headers)
        except ngh2.NGH2Error as error:
            raise StreamGoneError from error

    def inform(self, stream: int, headers: Fields) -> None:
        try:
            self._connection.send_informational_response(stream, headers)
        except ngh2.NGH2Error as error:
            raise StreamGoneError from error

    def send(self, stream: int, data: bytes, *, end: bool) -> None:
        try:
            self._connection.send_data(stream, data, end_stream=end)
        except ngh2.NGH2Error as error:
            raise StreamGoneError from error

    def trailers(self, stream: int, headers: Fields) -> None:
        try:
            self._connection.send_trailers(stream, headers)
        except ngh2.NGH2Error as error:
            raise StreamGoneError from error

    def reset(self, stream: int, code: int) -> None:
        try:
            self._connection.reset_stream(stream, code)
        except ngh2.NGH2Error as error:
            raise StreamGoneError from error

    def consumed(self, stream: int, size: int) -> None:
        # On a connection that is ending no window matters any more.
        with suppress(ngh2.NGH2Error):
            self._connection.acknowledge_received_data(size, stream)

    def queued(self, stream: int | None) -> int:
        try:
            return self._connection.queued_body_size(stream)
        except ngh2.NGH2Error:
            return 0

    def ping(self) -> None:
        with suppress(ngh2.NGH2Error):
            self._connection.ping()

    def notice(self) -> None:
        with suppress(ngh2.NGH2Error):
            self._connection.send_shutdown_notice()

    def goaway(self, code: int = NO_ERROR) -> None:
        with suppress(ngh2.NGH2Error):
            self._connection.send_goaway(code)
