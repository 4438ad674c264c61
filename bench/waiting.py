"""Calls that wait on a slow target, over all protocols: `python -m bench.waiting HTTP_PORT GRPC_PORT NUMBER`.

Each call has its own connection and is repeated as soon as it has its response. Calls begin, and so end, a pause apart:
a slow target's callers do not come all at once. Any failure ends the process, which `keep` reports to the bench.
"""

import asyncio
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import repeat
from typing import cast

import uvloop

from bench.calls import LIST_SERVICES, Call
from bench.http2 import GrpcConversation, header_block
from bench.load import CallError, Conversation, HttpConversation
from bench.requests import SERVICE
from bench.subjects import ROOT, Server, ask
from bench.target_server import COUNT, SLOW_SECONDS
from tests.support.servers.actiond import ADMIN_TOKEN

CALL = Call(LIST_SERVICES, "GET", "/v3alpha/executions/services", b"", b"", SERVICE.full_name.encode())
"""A call of which only the execution takes time."""

_A_SECOND = 100
_ABOUT = 0.97
"""The share of calls that must be waiting at any moment: a call that has ended takes a moment to be repeated."""
_EARLY = 0.5
"""Seconds that exceed any error of the clocks: no response can come so much early."""
_START_SECONDS = 60.0


class _Waiting(asyncio.Protocol):
    """The connection of one conversation."""

    _transport: asyncio.Transport

    def __init__(self, conversation: Conversation, stopped: "asyncio.Future[None]") -> None:
        self._conversation = conversation
        self._stopped = stopped
        self._latencies: array[float] = array("d")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._conversation.greet() + self._conversation.call(time.perf_counter()))

    def data_received(self, data: bytes) -> None:
        try:
            said = self._conversation.take(data, time.perf_counter(), self._latencies, is_over=False)
        except CallError as error:
            self._fail(error)
            return
        if self._latencies and self._latencies.pop() < SLOW_SECONDS - _EARLY:
            self._fail(CallError("a call did not wait"))
        self._transport.write(said)

    def connection_lost(self, _error: Exception | None) -> None:
        self._fail(CallError("the server closed the connection"))

    def _fail(self, error: CallError) -> None:
        if not self._stopped.done():
            self._stopped.set_exception(error)


async def _wait(http_port: int, grpc_port: int, number: int) -> None:
    """Keep the calls waiting until standard input ends."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sys.stdin, stopped.cancel)
    begin = list(_conversations(http_port, grpc_port))
    for index in range(number):
        port, conversation = begin[index % len(begin)]
        await loop.create_connection(partial(_Waiting, conversation(), stopped), "127.0.0.1", port)
        await asyncio.wait([stopped], timeout=1 / _A_SECOND)
    with suppress(asyncio.CancelledError):
        await stopped


def _conversations(http_port: int, grpc_port: int) -> Iterator[tuple[int, Callable[[], Conversation]]]:
    """Yield a port and a function that begins a conversation, for each protocol."""
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    for protocol in ("json", "grpc-web", "connect"):
        request = repeat(CALL.request(protocol, headers)).__next__
        yield http_port, partial(HttpConversation, request, CALL.is_good_http)
    block = header_block(CALL.method, f"127.0.0.1:{grpc_port}", headers)
    message = repeat(CALL.protobuf).__next__
    yield grpc_port, partial(GrpcConversation, 1, block, message, CALL.is_good_message)


@contextmanager
def keep(number: int, server: Server, target: Server) -> Iterator[None]:
    """Keep `number` of the server's calls waiting on the target. Raises CallError if they no longer do at the end."""
    ports = (str(server.http_port), str(server.grpc_port))
    command = [sys.executable, "-m", "bench.waiting", *ports, str(number)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        give_up = time.monotonic() + _START_SECONDS
        while (found := _count(target)) < _ABOUT * number:
            if time.monotonic() > give_up or process.poll() is not None:
                process.kill()
                raise CallError(f"{found} of {number} calls wait on the target")
            time.sleep(0.05)
        yield
        found = _count(target)
        if found < _ABOUT * number or process.poll() is not None:
            raise CallError(f"{found} of {number} calls still wait on the target")


def _count(target: Server) -> int:
    """Return how many requests wait on the target."""
    return int(ask(target.http_port, COUNT, {}, b"", "GET").body)


if __name__ == "__main__":
    try:
        uvloop.run(_wait(*map(int, sys.argv[1:])))
    except CallError as failure:
        sys.exit(f"a call that should wait failed: {failure}")
