"""Targets for actiond to call, and nothing else: `python -m bench.target_server`, until standard input ends.

One responds at once, with a change to the message; one is slow; one is down until it is brought up. It parses requests
only as far as it must, because it runs beside the server that is measured, which lacks the time that it spends.
"""

import asyncio
import sys
from typing import cast

import uvloop

FAST, NOTE, SAME, SLOW, COUNT, DOWN, UP = "/fast", "/note", "/same", "/slow", "/count", "/down", "/up"
"""Paths. NOTE and SAME are as fast as FAST, for other services' calls; SAME changes nothing. COUNT returns how many
requests wait on the slow one, UP brings up the one that is down."""
SLOW_SECONDS = 10.0
RENAMED = "renamed-by-the-target"
CHANGE = b'{"target":{"name":"%s"}}' % RENAMED.encode()
"""The response of the fast target: a change to GetTargetByID's response."""
NOTE_CHANGE = b'{"text":"%s"}' % RENAMED.encode()
"""The response of NOTE: a change to a note."""
_FAST = {FAST: CHANGE, NOTE: NOTE_CHANGE, SAME: b"{}"}


class _Connection(asyncio.Protocol):
    """Serves one request at a time, as actiond's client sends them."""

    _transport: asyncio.Transport
    _late: asyncio.TimerHandle | None = None

    def __init__(self, waiting: "set[_Connection]", is_up: asyncio.Event) -> None:
        self._waiting = waiting
        self._is_up = is_up
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._received = b""
        path = head.split(b" ", 2)[1].decode()
        if path == SLOW:
            self._waiting.add(self)
            self._late = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._answer_late)
        elif path == DOWN and not self._is_up.is_set():
            self._answer(b"", b"503 Service Unavailable")
        else:
            if path == UP:
                self._is_up.set()
            self._answer(_FAST.get(path) or str(len(self._waiting)).encode())

    def connection_lost(self, _error: Exception | None) -> None:
        self._waiting.discard(self)
        if self._late is not None:
            self._late.cancel()

    def _answer_late(self) -> None:
        self._waiting.discard(self)
        self._answer(b"{}")

    def _answer(self, body: bytes, status: bytes = b"200 OK") -> None:
        self._transport.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))


def _length(head: bytes) -> int:
    """Return the length of the body."""
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def _serve() -> None:
    """Serve, and print the ports as the bench's servers do, the first of which is gRPC's."""
    loop, ended, waiting, is_up = asyncio.get_running_loop(), asyncio.Event(), set[_Connection](), asyncio.Event()
    server = await loop.create_server(lambda: _Connection(waiting, is_up), "127.0.0.1", 0, backlog=4096)
    print(0, server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
