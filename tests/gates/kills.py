"""Calls under load while actiond, its workers and Envoy are killed at random: no call may pass unexecuted.

`python -m tests.gates.kills --kills 500` prints figures.

A target refuses every order whose id begins with `no`, and counts the others to 7. Another one refuses the receipts of
orders whose id ends with `secret`. So whatever is killed when: no order that begins with `no` reaches a shop, every
order that does was counted, and no client sees the receipt of a secret one.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from tests.gates.ways import Way, open_ways
from tests.support.proxied.clients import channel
from tests.support.proxied.shop import CHAT, PLACE, UPLOAD, WATCH, order, order_class, receipt_class
from tests.support.proxied.system import System
from tests.support.targets.exchanges import Exchange
from tests.support.waiting import until

COUNTED = 7
THREADS = 6
"""Clients of each way."""
METHODS = (PLACE, UPLOAD, WATCH, CHAT)
SECONDS = 20.0
"""Deadline of each call."""
NATIVE = ("envoy, gRPC", "interceptor")


@dataclass
class Story:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    """Of calls, by way and status."""
    violations: list[str] = field(default_factory=list)
    reached: int = 0
    """Orders that reached a shop."""
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, name: str, code: str) -> None:
        with self.lock:
            self.ends[f"{name}: {code}"] += 1

    def passed(self, name: str) -> int:
        return self.ends[f"{name}: OK"]


class Kills:
    """Runs calls, and kills something until there were so many kills."""

    def __init__(self, directory: Path, kills: int, seed: int) -> None:
        self._directory = directory
        self._kills = kills
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._is_over = threading.Event()
        self.story = Story()

    def run(self) -> Story:
        """Return what happened."""
        begun = time.monotonic()
        with open_ways(self._directory, workers=2, is_restarted=True) as (system, ways):
            system.targets.script("/requests", _on_request)
            system.targets.script("/responses", _on_response)
            for method in METHODS:
                system.set("request", method, system.target("/requests"))
                system.set("response", method, system.target("/responses", "webhook"))
            with ThreadPoolExecutor(THREADS * len(NATIVE)) as pool:
                loads = [
                    pool.submit(self._load, name, self._port(system, ways[name]), number)
                    for name in NATIVE
                    for number in range(THREADS)
                ]
                try:
                    self._kill(system)
                finally:
                    self._is_over.set()
                for load in loads:
                    load.result()
            self._check([system.shop.orders, ways["interceptor"].shop.orders])
        self.story.seconds = time.monotonic() - begun
        return self.story

    @staticmethod
    def _port(system: System, way: Way) -> int:
        return system.port if way.shop is system.shop else way.shop.port

    def _kill(self, system: System) -> None:
        ways: dict[str, Callable[[System], object]] = {
            "a worker, SIGKILL": _kill_worker,
            "all of actiond, SIGKILL": _kill_all,
            "actiond, SIGTERM": _stop,
            "Envoy, SIGKILL": lambda system: system.envoy.restart(),
        }
        for _ in range(self._kills):
            # So that each kill meets calls that would pass.
            passed = {name: self.story.passed(name) for name in NATIVE}
            until(lambda: all(self.story.passed(name) > passed[name] for name in NATIVE), "calls pass again", 60.0)  # noqa: B023  # called before the next round
            time.sleep(self._random.uniform(0.0, 0.3))
            (name,) = self._random.choices(list(ways), (6, 3, 1, 2))
            ways[name](system)
            self.story.kills[name] += 1

    def _load(self, name: str, port: int, number: int) -> None:
        dice = random.Random(number)  # noqa: S311  # no secret
        calls = 0
        while not self._is_over.is_set():
            with channel(port) as connection:
                # A new connection now and then, since some are reset.
                for _ in range(20):
                    calls += 1
                    ids = [f"{dice.choice(('no', 'yes', 'yes'))}-{number}-{calls}-{at}" for at in range(3)]
                    if dice.random() < 0.2:
                        ids = [f"{one}-secret" for one in ids]
                    self._call(name, connection, dice.choice(METHODS), ids)
                    if self._is_over.is_set():
                        return

    def _call(self, name: str, connection: grpc.Channel, path: str, ids: Sequence[str]) -> None:
        coding = {
            "request_serializer": order_class().SerializeToString,
            "response_deserializer": receipt_class().FromString,
        }
        orders = [order(id=one) for one in ids]
        receipts: list[Any] = []
        try:
            if path == PLACE:
                receipts.append(connection.unary_unary(path, **coding)(orders[0], timeout=SECONDS))
            elif path == UPLOAD:
                receipts.append(connection.stream_unary(path, **coding)(iter(orders), timeout=SECONDS))
            else:
                responses = (
                    connection.unary_stream(path, **coding)(orders[0], timeout=SECONDS)
                    if path == WATCH
                    else connection.stream_stream(path, **coding)(iter(orders), timeout=SECONDS)
                )
                receipts.extend(responses)
        except grpc.RpcError as error:
            self.story.end(name, error.code().name)
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                self._is_over.wait(0.05)  # or nothing that starts again would get the processor
        else:
            self.story.end(name, "OK")
        for receipt in receipts:
            if "secret" in receipt.id or "no-" in receipt.id:
                self._violated(f"{name}, {path}: the client has seen {receipt.id}")

    def _check(self, shops: Sequence[Sequence[Any]]) -> None:
        for orders in shops:
            self.story.reached += len(orders)
            for one in orders:
                if one.id.startswith("no") or one.count != COUNTED:
                    self._violated(f"a shop has got {one.id}, counted to {one.count}")

    def _violated(self, text: str) -> None:
        with self.story.lock:
            self.story.violations.append(text)


async def _on_request(exchange: Exchange) -> None:
    name = json.loads(exchange.received.body)["request"].get("id", "")
    await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311  # no secret
    if name.startswith("no"):
        await exchange.answer(500)
    else:
        await exchange.answer(200, json.dumps({"count": str(COUNTED)}).encode())


async def _on_response(exchange: Exchange) -> None:
    name = json.loads(exchange.received.body)["response"].get("id", "")
    await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311  # no secret
    await exchange.answer(500 if "secret" in name else 200)


def _kill_worker(system: System) -> None:
    workers = system.server.children()
    if workers:
        with suppress(ProcessLookupError):
            os.kill(random.choice(workers), signal.SIGKILL)  # noqa: S311  # no secret


def _kill_all(system: System) -> None:
    system.server.kill()
    system.start_actiond()


def _stop(system: System) -> None:
    system.server.stop()
    system.start_actiond()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311  # no secret
    given = parser.parse_args()
    logging.getLogger("actiond.client").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="actiond-kills-") as directory:
        story = Kills(Path(directory), given.kills, given.seed).run()
    lines = [
        f"seed {given.seed}: {sum(story.kills.values())} kills in {story.seconds:.0f} s: {dict(story.kills)}",
        f"calls: {dict(sorted(story.ends.items()))}; orders that reached a shop: {story.reached}",
        *(f"VIOLATION: {text}" for text in story.violations[:20]),
    ]
    sys.stdout.write("\n".join((*lines, "")))
    return 1 if story.violations else 0


if __name__ == "__main__":
    sys.exit(main())
