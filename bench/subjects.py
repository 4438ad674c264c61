"""What a row of the table is, and the servers behind the rows, each started when it is first asked for."""

import http.client
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.load import Load

ROOT = Path(__file__).parents[1]
WAITING = 1_000
"""Calls that wait on a slow target, unless the bench is told otherwise."""


class MissingError(Exception):
    """A row cannot be measured here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """What answers on two ports, and the processes whose time it takes."""

    grpc_port: int
    http_port: int
    processes: tuple[int, ...]
    directory: Path
    """Its own, for as long as the bench runs."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A row of the table."""

    name: str
    server: str
    """A key of the part's starters."""
    protocol: str
    """A key of the part's clients."""
    limit: str
    """The row that shows how fast this one could be at best; its own name for a limit."""
    includes: str
    is_stored: bool = False
    """Whether a call ends after a commit to the disk."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows whose ratio is the point."""

    row: str
    beside: str


@dataclass(frozen=True, slots=True)
class Goal:
    """How fast a row should be, beside the fastest of some others."""

    row: str
    others: tuple[str, ...]
    at_least: float

    def __str__(self) -> str:
        return f"{self.row} of {' and '.join(self.others)}"


Starter = Callable[["Servers", Path, ExitStack], Server]
"""Starts a server in a directory of its own; the stack ends it. Raises MissingError."""
Client = Callable[[Server], Load]
"""The load of a row's protocol. Raises CallError for a server that does not answer as it should."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong together."""

    title: str
    subjects: Sequence[Subject]
    starters: Mapping[str, Starter]
    clients: Mapping[str, Client]
    goals: Sequence[Goal] = ()
    pairs: Sequence[Pair] = ()


class Servers:
    """The servers that the rows of a part ask for."""

    def __init__(self, starters: Mapping[str, Starter], stack: ExitStack, waiting: int = WAITING) -> None:
        """`stack` ends them; `waiting` calls wait on a slow target where a starter has such calls."""
        self.waiting = waiting
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
    """An HTTP answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(path: str, headers: Mapping[str, str], body: bytes, verb: str = "POST") -> bytes:
    """A request over HTTP/1.1 as it is sent."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{verb} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def ask(port: int, path: str, headers: Mapping[str, str], body: bytes, verb: str = "POST") -> Answer:
    """One call on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(verb, path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
