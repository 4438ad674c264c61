"""Rounds of SIGKILL while events are delivered: something is killed at a random moment and restarted, then all is read.

What may be killed is a worker, the parent (the supervisor, or the only process), or the receiver. With `stalls`, a
worker may be stopped for longer than its leases, and go on afterwards; with `stops`, the server may end by SIGTERM.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tests.durability.delivery_audit import Audit, Pair, audit, undelivered
from tests.durability.delivery_load import EVENT_TYPE, Acknowledged, load
from tests.support.clients.json_api import JsonApi
from tests.support.delivery_database import read_deliveries
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.receiver import ReceiverLog, ReceiverProcess

LEASE = 3.1
SETTINGS = (
    *("--allow-address", "127.0.0.0/8", "--delivery-lease", f"{LEASE * 1000:.0f}ms", "--delivery-poll", "50ms"),
    *("--retry-delays", "100ms,200ms,300ms,400ms,500ms", "--delivery-timeout", "5s", "--event-type", EVENT_TYPE),
)
PAUSING = ("--pause-after", "4,300ms", "--delivery-max-age", "90s")
"""Pauses last 10 seconds at least: only long runs have time for them. What a paused target never gets dies of age."""
MAX_MOMENT = 0.8
"""Seconds until something is killed."""
MAX_ABSENCE = 0.6
"""Seconds for which the receiver is gone."""
SETTLE_TIMEOUT = 300.0
"""Seconds. Without pauses, a few are enough."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do."""

    rounds: int
    workers: int
    seed: int
    pauses: bool = False
    stalls: bool = False
    stops: bool = False

    def settings(self) -> Sequence[str]:
        return (*SETTINGS, *(PAUSING if self.pauses else ()))

    def kills(self, dice: random.Random) -> Iterator[str]:
        """Yield what is killed, round by round: everything equally often, in a random order."""
        chosen = {"worker": self.workers > 1, "stall": self.stalls, "stop": self.stops}
        kinds = ["parent", "receiver", *(kind for kind, is_chosen in chosen.items() if is_chosen)]
        while True:
            yield from dice.sample(kinds, len(kinds))


@dataclass(slots=True)
class Story:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    audits: list[Audit] = field(default_factory=list)
    """One for each round, and one at the end."""
    undelivered: list[Pair] = field(default_factory=list)
    """At the end: neither arrived nor dead."""
    unlisted: list[tuple[int, str]] = field(default_factory=list)
    """At the end: ids and states of what is delivered or dead, and not so by the API, or the other way round."""
    lost_responses: int = 0
    faults: list[str] = field(default_factory=list)
    """Lines of the server's log that tell of faults."""
    exit_code: int = -1
    seconds: float = 0.0

    @property
    def last(self) -> Audit:
        return self.audits[-1]


class Rounds:
    """Kills and restarts. `run` returns what happened."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311  # no secret
        self._receiver = ReceiverProcess(directory)
        self._log = ReceiverLog(self._receiver.log_path)
        self._directory = directory
        self._server = self._new_server()
        self._database = directory / "actiond.db"
        self._story = Story()

    def run(self) -> Story:
        begun = time.monotonic()
        with self._receiver:
            self._server.start()
            try:
                self._run()
                self._story.exit_code = self._server.stop()
            finally:
                self._server.kill()
        self._note_faults()
        self._story.seconds = time.monotonic() - begun
        return self._story

    def _new_server(self) -> ServerProcess:
        return ServerProcess(self._directory, *self._plan.settings(), workers=self._plan.workers)

    def _run(self) -> None:
        with load(lambda: self._server.http_port, self._receiver.url, self._plan.seed) as acknowledged:
            for kind in islice(self._plan.kills(self._random), self._plan.rounds):
                time.sleep(self._random.uniform(0.0, MAX_MOMENT))
                self._story.kills[kind] += 1
                getattr(self, f"_kill_{kind}")()
                self._look(acknowledged)
        self._settle()
        self._look(acknowledged)
        content = read_deliveries(self._database)
        self._story.undelivered = undelivered(content, self._log.read())
        self._story.unlisted = sorted(content.settled() ^ self._listed())
        self._story.lost_responses = acknowledged.lost_responses

    def _kill_worker(self) -> None:
        workers = self._server.children()
        if workers:  # otherwise each is being restarted
            _kill(self._random.choice(workers))

    def _kill_parent(self) -> None:
        # Its workers end by themselves, perhaps after the new ones have begun.
        _kill(self._server.pid)
        self._server.wait()
        self._note_faults()
        self._server = self._new_server().start()

    def _kill_stop(self) -> None:
        assert self._server.stop() == 0
        self._note_faults()
        self._server = self._new_server().start()

    def _kill_receiver(self) -> None:
        self._receiver.kill()
        time.sleep(self._random.uniform(0.0, MAX_ABSENCE))
        self._receiver.start()

    def _kill_stall(self) -> None:
        """Stop a worker until others have what it had claimed."""
        victims = self._server.children() or [self._server.pid]
        victim = self._random.choice(victims)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGSTOP)
            time.sleep(LEASE + self._random.uniform(0.0, 1.0))
            os.kill(victim, signal.SIGCONT)

    def _look(self, acknowledged: Acknowledged) -> None:
        known = acknowledged.known()
        before = len(self._log.read().requests)
        content = read_deliveries(self._database)
        self._story.audits.append(audit(known, before, content, self._log.read()))

    def _listed(self) -> set[tuple[int, str]]:
        """Return the ids and states of what the API lists as delivered or dead."""
        api = JsonApi.of(self._server)
        return {
            (int(delivery["deliveryId"]), state.lower())
            for state in ("DEAD", "DELIVERED")
            for delivery in api.deliveries(state)
        }

    def _settle(self) -> None:
        """Wait until everything is delivered or dead."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while unfinished := read_deliveries(self._database).unfinished():
            assert time.monotonic() < deadline, f"{len(unfinished)} deliveries stay unfinished, such as {unfinished[0]}"
            time.sleep(0.1)

    def _note_faults(self) -> None:
        words = ("Traceback", "ERROR", "CRITICAL")
        self._story.faults += [line for line in self._server.stderr.splitlines() if any(word in line for word in words)]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
