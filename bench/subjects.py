"""The rows of the tables, and their servers, each started when it is first needed."""

import http.client
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.load import Load

ROOT = Path(__file__).parents[1]
WAITING = 1_000
"""Default number of calls that wait on a slow target."""
BACKLOG = 500_000
"""Default number of deliveries that wait for a target that is down."""


class MissingError(Exception):
    """A row cannot be measured on this machine. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server's two ports, and the processes whose CPU time counts."""

    grpc_port: int
    http_port: int
    processes: tuple[int, ...]
    directory: Path
    """The server's own directory, which exists as long as the bench runs."""
    backlog: int = 0
    """How many deliveries wait for a target that is down."""
    others: tuple[int, ...] = ()
    """Processes that a call passes beside, whose CPU time is shown apart."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A row of the table."""

    name: str
    server: str
    """A key of the part's starters."""
    protocol: str
    """A key of the part's clients."""
    limit: str
    """The row that shows how fast this one could be at best; a limit names itself."""
    includes: str
    is_stored: bool = False
    """Whether a call ends after a commit to the disk."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows whose ratio is reported."""

    row: str
    beside: str


@dataclass(frozen=True, slots=True)
class Goal:
    """How fast a row should be, as a share of the fastest of some others."""

    row: str
    others: tuple[str, ...]
    at_least: float
    figure: Literal["rate", "CPU", "p50", "p99"] = "rate"
    """By requests per second, or by the inverse of a time: a higher ratio is better by any."""

    def __str__(self) -> str:
        return f"{self.row} of {' and '.join(self.others)}"


@dataclass(frozen=True, slots=True)
class Bound:
    """How fast a row should be on any machine."""

    row: str
    figure: Literal["rate", "p50", "p99"]
    bound: float
    """At least so many requests per second, or at most so many seconds."""


Starter = Callable[["Servers", Path, ExitStack], Server]
"""Starts a server in its own directory; the exit stack stops it. Raises MissingError."""
Client = Callable[[Server], Load]
"""Returns the load of a row's protocol. Raises CallError if the server's response is not the expected one."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are reported in one table."""

    title: str
    subjects: Sequence[Subject]
    starters: Mapping[str, Starter]
    clients: Mapping[str, Client]
    goals: Sequence[Goal] = ()
    pairs: Sequence[Pair] = ()
    bounds: Sequence[Bound] = ()


class Servers:
    """Starts the servers of a part's rows on first use."""

    def __init__(
        self, starters: Mapping[str, Starter], stack: ExitStack, waiting: int = WAITING, backlog: int = BACKLOG
    ) -> None:
        """Take the starters and what they may ask for.

        stack: stops the servers.
        waiting: number of calls that wait on a slow target.
        backlog: number of deliveries that wait for a target that is down.
        """
        self.waiting = waiting
        self.backlog = backlog
        self._starters = starters
        self._stack = stack
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="actiond-bench-")))
        self._running: dict[str, Server] = {}

    def get(self, name: str) -> Server:
        if name not in self._running:
            directory = self.directory / name
            directory.mkdir(exist_ok=True)
            self._running[name] = self._starters[name](self, directory, self._stack)
        return self._running[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(path: str, headers: Mapping[str, str], body: bytes, verb: str = "POST") -> bytes:
    """Return an HTTP/1.1 request as it is sent."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{verb} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def ask(
    port: int,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    verb: str = "POST",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Make one call on a new connection and return its response."""
    if tls is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    else:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
    try:
        connection.request(verb, path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
