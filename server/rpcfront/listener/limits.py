"""Limits on what a client can make a connection hold, and for how long."""

from dataclasses import dataclass

from rpcfront.arguments import check_numbers


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of a listener. Those of messages and calls are the gateway's, see `Limits`."""

    connections: int = 16_384
    """Connections at once. A new one takes the place of one that has long been idle; if none is idle, it is closed."""
    head_bytes: int = 64 * 1024
    """Size of a request's head: method, target and fields."""
    head_fields: int = 100
    """Fields of a request's head."""
    head_seconds: float = 5.0
    """Time for a head to arrive, from its first byte; the first head of a connection: from the beginning."""
    handshake_seconds: float = 10.0
    """Time for a TLS handshake."""
    idle_seconds: float = 75.0
    """Time between two requests over HTTP/1.1."""
    http2_idle_seconds: float = 600.0
    """Time without a request over HTTP/2."""
    ping_seconds: float = 60.0
    """Silence after which a PING is sent over HTTP/2."""
    pong_seconds: float = 20.0
    """Time for the response to a PING."""
    write_seconds: float = 30.0
    """Time in which a client must take something, if anything waits for it."""
    streams: int = 100
    """Concurrent requests of one HTTP/2 connection."""
    stream_window: int = 64 * 1024
    """Bytes of a request's body that one stream holds unread."""
    connection_window: int = 1024 * 1024
    """Bytes of request bodies that one HTTP/2 connection holds unread."""
    stream_buffer: int = 64 * 1024
    """Bytes of a response that wait for a slow client, before its servicer waits too."""
    connection_buffer: int = 256 * 1024
    """The same of all responses of a connection together, and of what the transport holds."""

    def __post_init__(self) -> None:
        check_numbers(self)
