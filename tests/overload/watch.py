"""What can be seen of a server from outside: how long calls take, and what its process holds."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.support.action_service import expect
from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import Driver, Grpc, Json
from tests.support.action_service.requests import create, get, request

FEWEST_CALLS = 100
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long calls took, in seconds, sorted."""

    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return self.seconds[len(self.seconds) * 99 // 100]


class Caller:
    """A well-behaved client: creates and reads targets, one call after the other, over JSON and gRPC in turns."""

    def __init__(self, ports: Ports, token: str) -> None:
        self.ports = ports
        self._token = token
        self._numbers: Iterator[int] = itertools.count()

    def call_while(self, goes_on: Callable[[], bool]) -> Latencies:
        """Calls as long as that holds, and often enough to count. Every call must succeed."""
        seconds: list[float] = []
        with closing(Grpc(self.ports.grpc, self._token)) as grpc:
            while len(seconds) < FEWEST_CALLS or goes_on():
                # A connection of its own: whether new ones are taken is part of the question.
                with closing(Json(self.ports.http, self._token)) as json:
                    seconds += self._call(json)
                seconds += self._call(grpc)
        return Latencies(sorted(seconds))

    def call_once(self) -> None:
        """One call of each kind, over one connection."""
        with closing(Grpc(self.ports.grpc, self._token)) as grpc:
            list(self._call(grpc))

    def _call(self, driver: Driver) -> Iterator[float]:
        for call, code in ((create(request(f"good {next(self._numbers)}")), 0), (get("1"), expect.NOT_FOUND)):
            begun = time.perf_counter()
            outcome = driver(call)
            seconds = time.perf_counter() - begun
            assert outcome.code == code, outcome
            yield seconds


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    descriptors: int
    threads: int
    resident: int
    """Bytes."""

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        """As it is now."""
        process = Path(f"/proc/{pid}")
        fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        descriptors = sum(1 for _ in (process / "fd").iterdir())
        return cls(descriptors, int(fields["Threads"]), int(fields["VmRSS"].split()[0]) * 1024)


def footprint_when(pid: int, holds: Callable[[Footprint], bool]) -> Footprint:
    """The first footprint of which it holds; the last one when none comes in time, for the test to complain of."""
    deadline = time.monotonic() + PATIENCE
    while not holds(now := Footprint.of(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return now
