"""The load generator: so many calls in flight over one protocol, each answer checked and each latency kept.

It knows requests as bytes and nothing of what serves them. It runs in the bench's own process, apart from every server,
and does as little per call as it can: on two cores, what it spends is missing to the server.
"""

import asyncio
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Protocol, cast

import grpc

IN_FLIGHT = 64
CHANNELS = 4
"""Connections of the gRPC client, which the calls share."""
PATIENCE = 10.0
"""Seconds for an answer; a server that needs longer is broken, not slow."""

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
    """A client that is opened, makes calls for so many seconds, and is closed."""

    async def open(self) -> None: ...

    async def run(self, seconds: float) -> Sample: ...

    async def close(self) -> None: ...


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, kept alive, with one call on it at a time."""

    _transport: asyncio.Transport
    _latencies: "array[float]"
    _deadline: float
    _sent: float

    def __init__(self, template: Template, is_good: Callable[[bytes], bool]) -> None:
        self._template = template
        self._is_good = is_good
        self._received = b""
        # Done as long as no round is on.
        self._over = asyncio.get_running_loop().create_future()
        self._over.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    async def run(self, deadline: float, latencies: "array[float]") -> None:
        """Makes one call after the other until `deadline`, of time.perf_counter."""
        self._deadline, self._latencies = deadline, latencies
        self._over = asyncio.get_running_loop().create_future()
        self._send(time.perf_counter())
        await self._over

    def _send(self, now: float) -> None:
        self._sent = now
        self._transport.write(self._template.next())

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        if not _is_whole(data):
            self._received = data
            return
        self._received = b""
        if not self._is_good(data):
            self._fail(f"not the answer that was expected: {data!r}")
            return
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        if now < self._deadline:
            self._send(now)
        else:
            self._over.set_result(None)

    def _fail(self, text: str) -> None:
        if not self._over.done():
            self._over.set_exception(CallError(text))

    def close(self) -> None:
        self._transport.close()


def _is_whole(answer: bytes) -> bool:
    """Whether these bytes reach to the answer's end. Nothing can follow it, since no second call is on its way."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = answer.find(b"content-length: ", 0, head)
    if length < 0:
        return answer.endswith(b"\r\n0\r\n\r\n")  # in chunks, as Envoy answers gRPC-Web
    return len(answer) >= head + 4 + int(answer[length + 16 : answer.find(b"\r", length)])


class HttpLoad:
    """A connection for each call in flight."""

    def __init__(self, port: int, template: Template, is_good: Callable[[bytes], bool]) -> None:
        self._port = port
        self._make = partial(_Connection, template, is_good)
        self._connections: list[_Connection] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(IN_FLIGHT):
            _, connection = await loop.create_connection(self._make, "127.0.0.1", self._port)
            self._connections.append(connection)

    async def run(self, seconds: float) -> Sample:
        latencies: array[float] = array("d")
        begun = time.perf_counter()
        calls = (connection.run(begun + seconds, latencies) for connection in self._connections)
        async with asyncio.timeout(seconds + PATIENCE):
            await asyncio.gather(*calls)
        return Sample(time.perf_counter() - begun, sorted(latencies))

    async def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()


class GrpcLoad:
    """grpcio's own client, with messages as bytes. It may be dearer than the server that it calls."""

    def __init__(self, port: int, method: str, template: Template, metadata: tuple[tuple[str, str], ...]) -> None:
        self._port = port
        self._method = method
        self._template = template
        self._metadata = metadata
        self._channels: list[grpc.aio.Channel] = []

    async def open(self) -> None:
        # Channels of one process share a connection unless told otherwise.
        options = [("grpc.use_local_subchannel_pool", 1)]
        for _ in range(CHANNELS):
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{self._port}", options)
            self._channels.append(channel)
            await channel.channel_ready()

    async def run(self, seconds: float) -> Sample:
        latencies: array[float] = array("d")
        begun = time.perf_counter()
        channels = self._channels * (IN_FLIGHT // CHANNELS)
        await asyncio.gather(*(self._call(channel, begun + seconds, latencies) for channel in channels))
        return Sample(time.perf_counter() - begun, sorted(latencies))

    async def _call(self, channel: grpc.aio.Channel, deadline: float, latencies: "array[float]") -> None:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(self._method)
        sent = time.perf_counter()
        while sent < deadline:
            try:
                await call(self._template.next(), metadata=self._metadata, timeout=PATIENCE)
            except grpc.aio.AioRpcError as exc:
                raise CallError(str(exc)) from exc
            now = time.perf_counter()
            latencies.append(now - sent)
            sent = now

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
        self._channels.clear()
