"""Receivers that hang, drip, never end, reset, refuse or redirect: each costs its own places, and nothing of others."""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.clients.json_api import JsonApi, on_event
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.deliveries import QUICK, content_of, until_content
from tests.support.targets.exchanges import Exchange
from tests.support.targets.receiver import ReceiverProcess
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

POISONS = {
    "hangs": "/hold",
    "sends half a head and hangs": "/half_head",
    "drips a body": "/slow_drip",
    "drips a head": "/drip_head",
    "sends 10 GB": "/ten_gigabytes",
    "sends chunks without end": "/endless",
    "sends a head without end": "/endless_head",
    "sends a line without end": "/endless_line",
    "sends 1xx without end": "/continue",
    "resets": "/reset",
    "responds with 429 and Retry-After": "/too_many_requests",
    "responds with 410": "/status/410",
    "redirects": "/redirect",
    "speaks no HTTP": "/garbage",
}
"""What a receiver does, and the path at which it does so."""
PLACES = 32
"""For attempts at one target, as is the default."""
BACKLOG = 200
"""Events for the poisoned target."""
SAMPLES = 80
MAX_LAG = 0.25
"""Seconds. Whoever had to wait for an attempt at the poisoned target would wait up to `TIMEOUT`."""
MAX_GROWTH = 16 * 1024
"""Kilobytes of memory."""
TIMEOUT = "2s"
"""Of the poisoned target."""


class Healthy:
    """Records for each event how long after it the request arrived, in seconds."""

    def __init__(self) -> None:
        self.lags: list[float] = []

    async def answer(self, exchange: Exchange) -> None:
        event = json.loads(exchange.received.body)
        self.lags.append(time.time() - datetime.fromisoformat(event["created_at"]).timestamp())
        await exchange.answer(204)


class Scene:
    """A server, a healthy receiver of `target.added`, and a poisoned one of `target.changed`."""

    def __init__(self, server: ServerProcess, healthy: TargetServer, poisoned: ReceiverProcess) -> None:
        self.server = server
        self.api = JsonApi.of(server)
        self._records = Healthy()
        self._healthy = healthy
        self._poisoned = poisoned
        healthy.script("/healthy", self._records.answer)
        self.api.set_execution(on_event("target.added"), self.api.create_target(healthy.url("/healthy"))["id"])
        self._changed = [self.api.create_target()["id"] for _ in range(BACKLOG)]

    def lag(self) -> float:
        """Make one event after another, and return in what time a quarter of them arrived.

        Other programs of the machine may hold up some events. Poison would hold up most.
        """
        begun = len(self._records.lags)
        for number in range(begun + 1, begun + SAMPLES + 1):
            self.api.create_target()
            self._healthy.wait_until(lambda number=number: len(self._records.lags) >= number)  # type: ignore[misc]  # no default's type
        return statistics.quantiles(self._records.lags[begun:])[0]

    @contextmanager
    def poison(self, path: str) -> Iterator[str]:
        """Deliver a backlog to a poisoned target while the block runs; yield the target's id."""
        target_id = self.api.create_target(self._poisoned.url(path), timeout=TIMEOUT)["id"]
        self.api.set_execution(on_event("target.changed"), target_id)
        for changed in self._changed:
            self.api.update_target(changed, name=f"changed for {target_id}: {changed}")
        until(lambda: self._has_arrived(path), f"{path} is called")
        yield target_id
        self.api.delete_target(target_id)
        until_content(self.server, lambda content: not content.unfinished(), "nothing is attempted any more", 30)

    def _has_arrived(self, path: str) -> bool:
        return any(request.path == path for request in self._poisoned.log().requests)

    def peak_memory(self) -> int:
        """Return the most memory that the server has used so far, in kilobytes."""
        lines = Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("poison")
    arguments = (*QUICK, "--retry-delays", "500ms,500ms,500ms,500ms,500ms,500ms")
    with (
        TargetServer() as healthy,
        ReceiverProcess(directory) as poisoned,
        ServerProcess(directory, *arguments) as server,
    ):
        scene = Scene(server, healthy, poisoned)
        scene.lag()
        yield scene


@pytest.mark.parametrize("path", list(POISONS.values()), ids=list(POISONS))
def test_a_poisoned_receiver_takes_its_own_places_and_no_time_or_memory_of_others(scene: Scene, path: str) -> None:
    memory = scene.peak_memory()
    with scene.poison(path) as poisoned:
        lag = scene.lag()
        claimed = [each for each in content_of(scene.server).deliveries if each.target_id == poisoned and each.claim]
    assert lag < MAX_LAG
    assert len(claimed) <= PLACES
    assert scene.peak_memory() - memory < MAX_GROWTH
