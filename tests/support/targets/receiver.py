"""A receiver of deliveries that is a process of its own: it can be killed, and restarted on the same port.

It logs each request before it responds, and the response once it is written. What it has logged outlives it.

    with ReceiverProcess(directory) as receiver:
        … receiver.url("/mixed/1") …
        receiver.kill()
        receiver.start()
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from tests.support.delivery_database import EventKey
from tests.support.servers.ports import lasting_port
from tests.support.targets.answers import CHUNKED, STANDARD, ok, repeated
from tests.support.targets.exchanges import Answer, Exchange, Received, head
from tests.support.targets.server import TargetServer

ROOT = Path(__file__).parents[3]
READY = b"ready\n"
SLOW_SECONDS = 1.3
"""How long some responses of `/mixed` take: longer than a third of the shortest lease, so that it has to be renewed."""


@dataclass(frozen=True, slots=True)
class Request:
    """An attempt as it was received."""

    delivery_id: int
    attempt: int
    path: str
    event: EventKey
    digest: str
    """Of the body."""


@dataclass(slots=True)
class ReceiverLog:
    """What a receiver has logged so far. `read` adds what is new."""

    path: Path
    requests: list[Request] = field(default_factory=list)
    """In the order of their arrival."""
    successes: dict[tuple[int, int], int] = field(default_factory=dict)
    """By id and attempt, for each 2xx response: how many requests had arrived until it was logged."""
    _offset: int = 0

    def read(self) -> Self:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            lines, _, _ = file.read().rpartition(b"\n")
        self._offset += len(lines) + 1 if lines else 0
        for line in lines.splitlines():
            self._take(json.loads(line))
        return self

    def _take(self, line: dict[str, object]) -> None:
        match line:
            case {"request": [int(number), int(attempt), str(path), str(digest)], "event": [kind, aggregate, sequence]}:
                event = (str(kind), str(aggregate), int(str(sequence)))
                self.requests.append(Request(number, attempt, path, event, digest))
            case {"response": [int(number), int(attempt), int(status)]}:
                if 200 <= status <= 299:
                    self.successes[number, attempt] = len(self.requests)
            case _:
                raise AssertionError(f"not a line of the log: {line}")


class ReceiverProcess:
    """The process. `with` starts it, and kills it in the end."""

    def __init__(self, directory: Path) -> None:
        self.log_path = directory / "received.jsonl"
        self.log_path.touch()
        self.port = lasting_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def log(self) -> ReceiverLog:
        """Return all that it has logged until now."""
        return ReceiverLog(self.log_path).read()

    def start(self) -> Self:
        """Start it and return once it listens."""
        command = [sys.executable, "-m", __name__, str(self.port), str(self.log_path)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == READY, "the receiver does not start"
        return self

    def kill(self) -> None:
        """Send SIGKILL, and wait for its end."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        process.kill()
        process.wait()
        process.stdout.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


# The process itself.


class _Log:
    """The file to which lines are appended, each by one system call."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def request(self, received: Received) -> None:
        body = json.loads(received.body)
        event = [body["aggregateType"], body["aggregateID"], body["sequence"]]
        line = [*_delivery(received), received.path, sha256(received.body).hexdigest()]
        self._append({"request": line, "event": event})

    def response(self, received: Received, status: int) -> None:
        self._append({"response": [*_delivery(received), status]})

    def _append(self, line: dict[str, object]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


def _delivery(received: Received) -> tuple[int, int]:
    """Return the id of the delivery, and the attempt's number."""
    return int(received.header("webhook-id") or 0), int(received.header("actiond-attempt") or 0)


def _mixed(log: _Log) -> Answer:
    """Return an answer that depends on the delivery's id: most are 200, some fail now and then, some always."""

    async def answer(exchange: Exchange) -> None:
        received = exchange.received
        log.request(received)
        status, seconds = _luck(*_delivery(received))
        if seconds:
            await asyncio.sleep(seconds)
        await exchange.answer(status, b"{}")
        log.response(received, status)

    return answer


def _luck(delivery_id: int, attempt: int) -> tuple[int, float]:
    """Return the status of a response, and after how many seconds it is sent."""
    number = zlib.crc32(str(delivery_id).encode()) % 100
    if number < 1:
        return 500, 0
    if number < 13:
        return 503 if attempt % 2 else 200, 0
    if number < 15:
        return 200, SLOW_SECONDS
    return 200, 0


def _logged(log: _Log, answer: Answer) -> Answer:
    async def logged(exchange: Exchange) -> None:
        log.request(exchange.received)
        await answer(exchange)

    return logged


_MORE: Mapping[str, Answer] = {
    "slow_drip": repeated(head(200, (CHUNKED,)), b"1\r\n \r\n", pause=1),
    "ten_gigabytes": repeated(head(200, (("content-length", str(10 * 2**30)),)), bytes(65_536)),
    "too_many_requests": ok(b"{}", ("retry-after", "3600"), status=429),
}


def main() -> None:
    """Listen on the given port, and log to the given file, until killed."""
    log = _Log(Path(sys.argv[2]))
    answers = {name: _logged(log, answer) for name, answer in {**STANDARD, **_MORE}.items()} | {"mixed": _mixed(log)}
    with TargetServer(answers, port=int(sys.argv[1])):
        os.write(sys.stdout.fileno(), READY)
        signal.pause()


if __name__ == "__main__":
    main()
