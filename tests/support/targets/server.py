"""A target for tests: a real HTTP or HTTPS server, written over streams, since a library's would behave too well.

    with TargetServer() as server:  # or: async with
        … server.url("/status/503") …
        assert server.requests[0].body == …

It runs on its own event loop and thread, so that it can serve both other processes and the loop under test.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.targets.answers import STANDARD
from tests.support.targets.exchanges import Answer, Exchange, Received

PATIENCE = 20.0
"""Seconds that a test waits for what it expects, long enough for a busy machine."""


class TargetServer:
    """Listens on a free port, responds according to the path, and records what it receives.

    answers: by the path's first segment; `script` overrides them for one path.
    tls: the server's side of https.
    host: the address on which to listen.
    port: where to listen; 0 for a free one.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer] = STANDARD,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._answers = answers
        self._host = host
        self._tls = tls
        self._chosen_port = port
        self._scripts: dict[str, list[Answer]] = {}
        self._news = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="target-server", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._connections: set[asyncio.Task[None]] = set()
        self._accepted = 0
        self._released = asyncio.Event()
        self._stopped = asyncio.Event()
        self.port = 0
        self.requests: list[Received] = []
        """In the order of their completion. It only grows."""

    # From any thread.

    def url(self, path: str, *, host: str = "") -> str:
        return f"http{'s' if self._tls else ''}://{host or self._host}:{self.port}{path}"

    def script(self, path: str, *answers: Answer) -> None:
        """Respond to requests for exactly this path with these in turn, then always with the last one."""
        self._scripts[path] = list(answers)

    def release(self) -> None:
        """Release held requests, now and in future."""
        self._loop.call_soon_threadsafe(self._released.set)

    @property
    def open(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    @property
    def accepted(self) -> int:
        """The number of connections accepted so far."""
        return self._accepted

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def wait_until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until the condition holds. It must be about this server, since it is checked on this server's events."""
        with self._news:
            if not self._news.wait_for(condition, seconds):
                raise TimeoutError(f"after {seconds} s: {self.open} connections open, {len(self.requests)} requests")

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait like `wait_until`, without blocking the event loop."""
        await asyncio.to_thread(self.wait_until, condition, seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_until(lambda: self.port > 0)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

    # On the server's own thread.

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Some tests have clients that do not trust the certificate: not worth a log line.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        server = await asyncio.start_server(self._connected, self._host, self._chosen_port, ssl=self._tls, backlog=4096)
        with self._news:
            self.port = server.sockets[0].getsockname()[1]
            self._news.notify_all()
        await self._stopped.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        with self._news:
            self._connections.add(task)
            self._accepted += 1
            number = self._accepted
        try:
            # The client may disconnect at any moment, and the test may end.
            with suppress(OSError, EOFError, asyncio.CancelledError):
                await self._converse(reader, writer, number)
        finally:
            writer.transport.abort()
            with self._news:
                self._connections.remove(task)
                self._news.notify_all()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        is_over = False
        while not is_over:
            received = await _receive(reader, number)
            with self._news:
                self.requests.append(received)
                answer = self._answer_to(received.path)
                self._news.notify_all()
            exchange = Exchange(received, reader, writer, self._released)
            await answer(exchange)
            is_over = exchange.is_over

    def _answer_to(self, path: str) -> Answer:
        script = self._scripts.get(path)
        if script is None:
            name = path.partition("?")[0].lstrip("/").partition("/")[0]
            return self._answers.get(name, self._answers["not_found"])
        return script.pop(0) if len(script) > 1 else script[0]


async def _receive(reader: asyncio.StreamReader, connection: int) -> Received:
    """Read a request. Raises EOFError if the client disconnects."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = dict(headers).get("content-length", "0")
    return Received(method, path, headers, await reader.readexactly(int(length)), connection)
