"""The load generator: a number of calls in flight over one protocol. It checks each response and records its latency.

It handles requests as bytes and knows nothing about the servers. It runs in the bench's own process, apart from every
server, and does as little per call as it can: on two cores, the server lacks the time that it spends. Hence plain
sockets and epoll: an event loop's transport costs a fifth more, grpcio's client ten times as much.
"""

import select
import socket
import ssl
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol, runtime_checkable

IN_FLIGHT = 64
PATIENCE = 10.0
"""Seconds to wait for a response; a server that needs longer is broken, not slow."""

_READ = 65_536
_numbers = count()


class CallError(Exception):
    """A response is not the expected one. It ends the bench, because figures that include errors would mean nothing."""


@dataclass(frozen=True, slots=True)
class Template:
    """A request with an eight-digit number in its name: names never repeat, and all requests have the same length."""

    before: bytes
    after: bytes

    @classmethod
    def split(cls, request: bytes, number: bytes) -> "Template":
        """Return the template of a request that contains `number` once."""
        before, after = request.split(number)
        return cls(before, after)

    def next(self) -> bytes:
        """Return a request that was not sent before."""
        return b"%s%08d%s" % (self.before, next(_numbers), self.after)


@dataclass(frozen=True, slots=True)
class Sample:
    """The result of one round."""

    seconds: float
    latencies: Sequence[float]
    """Seconds of each call, ascending."""
    messages: int = 1
    """Messages of the response of each call."""

    @property
    def count(self) -> int:
        """The number of messages, which of unary calls is that of calls."""
        return len(self.latencies) * self.messages

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.count / self.seconds

    def percentile(self, percent: int) -> float:
        return self.latencies[len(self.latencies) * percent // 100]


class Load(Protocol):
    """A client that is opened, makes calls for some seconds, and is closed. It blocks the process meanwhile."""

    def open(self) -> None: ...

    def run(self, seconds: float) -> Sample: ...

    def close(self) -> None: ...


@runtime_checkable
class Concluding(Protocol):
    """A load that measures something once, after all rounds."""

    def conclude(self) -> str:
        """Measure it and return what to report."""


class Conversation(Protocol):
    """The protocol of one connection, sans I/O: bytes in, bytes out. SocketLoad owns the sockets."""

    in_flight: int

    def greet(self) -> bytes:
        """Return what the client sends first."""

    def call(self, now: float) -> bytes:
        """Return as many calls as the connection carries at once."""

    def take(self, data: bytes, now: float, latencies: "array[float]", *, is_over: bool) -> bytes:
        """Take received bytes and return those to send: a new call for each that ended, unless the round `is_over`."""


class SocketLoad:
    """Makes calls over several connections to one port, each with its own conversation."""

    def __init__(
        self,
        port: int,
        connections: int,
        begin: Callable[[], Conversation],
        *,
        messages: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`messages` is their number in the response of each call."""
        self._port = port
        self._count = connections
        self._begin = begin
        self._messages = messages
        self._tls = tls
        self._epoll = select.epoll()
        self._open: dict[int, tuple[socket.socket, Conversation]] = {}

    def open(self) -> None:
        for _ in range(self._count):
            connection = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection)
            conversation = self._begin()
            connection.sendall(conversation.greet())
            connection.setblocking(False)
            self._open[connection.fileno()] = connection, conversation
            self._epoll.register(connection, select.EPOLLIN)

    def run(self, seconds: float) -> Sample:
        latencies: array[float] = array("d")
        begun = time.perf_counter()
        for connection, conversation in self._open.values():
            _send(connection, conversation.call(begun))
        _exchange(self._epoll, self._open, begun + seconds, latencies)
        return Sample(time.perf_counter() - begun, sorted(latencies), self._messages)

    def close(self) -> None:
        for connection, _ in self._open.values():
            self._epoll.unregister(connection)
            connection.close()
        self._open.clear()


def _exchange(
    epoll: select.epoll,
    connections: Mapping[int, tuple[socket.socket, Conversation]],
    deadline: float,
    latencies: "array[float]",
) -> None:
    """Read and write until `deadline`, by time.perf_counter, has passed and every call has its response."""
    is_over = False
    while not is_over or any(conversation.in_flight for _, conversation in connections.values()):
        ready = epoll.poll(PATIENCE)
        if not ready:
            raise CallError(f"no response within {PATIENCE:g} seconds")
        for descriptor, _ in ready:
            connection, conversation = connections[descriptor]
            try:
                data = connection.recv(_READ)
            except ssl.SSLWantReadError:  # half a record, or a session ticket
                continue
            if not data:
                raise CallError("the server closed the connection")
            now = time.perf_counter()
            is_over = now >= deadline
            answer = conversation.take(data, now, latencies, is_over=is_over)
            if answer:
                _send(connection, answer)


def _send(connection: socket.socket, data: bytes) -> None:
    # A server that does not read the few bytes in flight is stuck.
    if connection.send(data) != len(data):
        raise CallError("the server does not read")


class HttpConversation:
    """A persistent HTTP/1.1 connection with one call at a time."""

    in_flight = 0

    def __init__(self, next_request: Callable[[], bytes], is_good: Callable[[bytes], bool]) -> None:
        self._next_request = next_request
        self._is_good = is_good
        self._received = b""
        self._sent = 0.0

    def greet(self) -> bytes:
        return b""

    def call(self, now: float) -> bytes:
        self._sent = now
        self.in_flight = 1
        return self._next_request()

    def take(self, data: bytes, now: float, latencies: "array[float]", *, is_over: bool) -> bytes:
        if self._received:
            data = self._received + data
        if not _is_whole(data):
            self._received = data
            return b""
        self._received = b""
        if not self._is_good(data):
            raise CallError(f"unexpected response: {data!r}")
        latencies.append(now - self._sent)
        if is_over:
            self.in_flight = 0
            return b""
        self._sent = now
        return self._next_request()


def _is_whole(answer: bytes) -> bool:
    """Return whether the response is complete. Nothing can follow it, since no second call is in flight."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    # net/http of Go writes it with capitals.
    length = answer.lower().find(b"content-length: ", 0, head)
    if length < 0:
        return answer.endswith(b"\r\n0\r\n\r\n")  # chunked, as Envoy's gRPC-Web responses are
    return len(answer) >= head + 4 + int(answer[length + 16 : answer.find(b"\r", length)])


def http_load(
    port: int,
    next_request: Callable[[], bytes],
    is_good: Callable[[bytes], bool],
    in_flight: int = IN_FLIGHT,
    tls: ssl.SSLContext | None = None,
) -> Load:
    """Return a load with one connection for each call in flight."""
    return SocketLoad(port, in_flight, lambda: HttpConversation(next_request, is_good), tls=tls)
