"""The load generator: so many calls in flight over one protocol, each answer checked and each latency kept.

It knows requests as bytes and nothing of what serves them. It runs in the bench's own process, apart from every server,
and does as little per call as it can: on two cores, what it spends is missing to the server. Hence plain sockets and
epoll: an event loop's transport costs a fifth more, grpcio's client ten times as much.
"""

import select
import socket
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

IN_FLIGHT = 64
PATIENCE = 10.0
"""Seconds for an answer; a server that needs longer is broken, not slow."""

_READ = 65_536
_numbers = count()


class CallError(Exception):
    """An answer that is not the good one. A figure made of errors would mean nothing, so it ends the bench."""


@dataclass(frozen=True, slots=True)
class Template:
    """A request in whose name stands a number of eight digits: no name comes twice, and each request is as long."""

    before: bytes
    after: bytes

    @classmethod
    def split(cls, request: bytes, number: bytes) -> "Template":
        """The template of a request in which `number` stands once."""
        before, after = request.split(number)
        return cls(before, after)

    def next(self) -> bytes:
        """A request that nobody has sent yet."""
        return b"%s%08d%s" % (self.before, next(_numbers), self.after)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round came to."""

    seconds: float
    latencies: Sequence[float]
    """In seconds, one a call, from the shortest to the longest."""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        return self.latencies[len(self.latencies) * percent // 100]


class Load(Protocol):
    """A client that is opened, makes calls for so many seconds, and is closed. It blocks: nothing runs beside it."""

    def open(self) -> None: ...

    def run(self, seconds: float) -> Sample: ...

    def close(self) -> None: ...


class Conversation(Protocol):
    """What is said on one connection. Bytes in, bytes out: the sockets are SocketLoad's."""

    in_flight: int

    def greet(self) -> bytes:
        """What a client says first."""

    def call(self, now: float) -> bytes:
        """As many calls as the connection carries at once."""

    def take(self, data: bytes, now: float, latencies: "array[float]", *, is_over: bool) -> bytes:
        """Takes what has come, and answers what to send: a new call for each that has ended, unless it `is_over`."""


class SocketLoad:
    """Connections to one port, each with a conversation of its own."""

    def __init__(self, port: int, connections: int, begin: Callable[[], Conversation]) -> None:
        self._port = port
        self._count = connections
        self._begin = begin
        self._epoll = select.epoll()
        self._open: dict[int, tuple[socket.socket, Conversation]] = {}

    def open(self) -> None:
        for _ in range(self._count):
            connection = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
        return Sample(time.perf_counter() - begun, sorted(latencies))

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
    """Reads and writes until the deadline, of time.perf_counter, is past and every call has its answer."""
    is_over = False
    while not is_over or any(conversation.in_flight for _, conversation in connections.values()):
        ready = epoll.poll(PATIENCE)
        if not ready:
            raise CallError(f"no answer within {PATIENCE:g} seconds")
        for descriptor, _ in ready:
            connection, conversation = connections[descriptor]
            data = connection.recv(_READ)
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
    """HTTP/1.1, kept alive, with one call at a time."""

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
            raise CallError(f"not the answer that was expected: {data!r}")
        latencies.append(now - self._sent)
        if is_over:
            self.in_flight = 0
            return b""
        self._sent = now
        return self._next_request()


def _is_whole(answer: bytes) -> bool:
    """Whether these bytes reach to the answer's end. Nothing can follow it, since no second call is on its way."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = answer.find(b"content-length: ", 0, head)
    if length < 0:
        return answer.endswith(b"\r\n0\r\n\r\n")  # in chunks, as Envoy answers gRPC-Web
    return len(answer) >= head + 4 + int(answer[length + 16 : answer.find(b"\r", length)])


def http_load(
    port: int, next_request: Callable[[], bytes], is_good: Callable[[bytes], bool], in_flight: int = IN_FLIGHT
) -> Load:
    """A connection for each call in flight."""
    return SocketLoad(port, in_flight, lambda: HttpConversation(next_request, is_good))
