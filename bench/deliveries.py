"""The fifth part: deliveries of events, and what they cost the calls that the events come from.

Deliveries are made in the bench's own process, by what a worker makes them with, to a receiver in another. Their limit
is the same client, which posts the same bodies from a list.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.calls import Call
from bench.delivering import OWNERS, TARGETS_OF_OWNER, Recipient, Worker, recipients
from bench.delivery_loads import IN_FLIGHT, BacklogLoad, ExchangeLoad, PostsLoad, SteadyLoad
from bench.down import PAUSE_AFTER, RATE, BesideLoad, DownLoad
from bench.executions import add_callers, create_target, headers, set_execution
from bench.load import IN_FLIGHT as CALLS_IN_FLIGHT
from bench.load import Load
from bench.requests import JSON, JSON_PATH, METHOD, PROTOBUF
from bench.serving import starter
from bench.subjects import Bound, Client, Goal, Part, Server, Servers, Subject
from bench.target_server import DOWN, FAST
from tests.support.servers.actiond import ServerProcess

_TARGETS = OWNERS * TARGETS_OF_OWNER
_ENQUEUED = {0: "CreateTarget, whose event is not delivered", 1: "the same with one delivery", 3: "with three"}
"""By how many deliveries each call enqueues."""
_OWNERS = {number: f"bench-owner-of-{number}-deliveries" for number in _ENQUEUED}
_PROTOCOLS = ("json", "grpc")

_MANY = f"to {_TARGETS} targets of {OWNERS} owners"
_DELIVERING = (
    Subject("deliver-many", "deliver-many", "deliver-many", "posts-many", f"deliveries {_MANY}, SQLite"),
    Subject("posts-many", "posts-many", "posts-many", "posts-many", "limit: the same client, posts from a list"),
    Subject("deliver-one", "deliver-one", "deliver-one", "posts-one", "deliveries to one target, SQLite"),
    Subject("posts-one", "posts-one", "posts-one", "posts-one", "limit: the same client, posts from a list"),
    Subject("courier", "courier", "courier", "exchange", "deliveries that are answered at once, without HTTP"),
    Subject("exchange", "exchange", "exchange", "exchange", "the courier's exchanges with the store alone"),
    Subject("lag-half", "lag-half", "lag-half", "lag-half", "events at half of the rate at saturation"),
    Subject("lag-up", "lag-up", "lag-up", "lag-up", f"{RATE} events/s, {_MANY}"),
    Subject("lag-down", "lag-down", "lag-down", "lag-up", "the same while many deliveries wait for one of them"),
)


def _enqueue(number: int, protocol: str) -> str:
    """Return the name of the row whose calls enqueue so many deliveries."""
    return f"enqueue-{number}-{protocol}"


_ENQUEUEING = tuple(
    Subject(_enqueue(number, protocol), "actiond", _enqueue(number, protocol), _enqueue(0, protocol), what)
    for protocol in _PROTOCOLS
    for number, what in _ENQUEUED.items()
)

GOALS = (
    *(Goal(f"deliver-{name}", (f"posts-{name}",), 0.7) for name in ("many", "one")),
    *(Goal(f"deliver-{name}", (f"posts-{name}",), 1 / 1.35, "CPU") for name in ("many", "one")),
    *(
        Goal(_enqueue(number, protocol), (_enqueue(0, protocol),), 1 / factor, "CPU")
        for protocol in _PROTOCOLS
        for number, factor in ((1, 1.3), (3, 1.7))
    ),
    Goal("lag-down", ("lag-up",), 1 / 2, "p50"),
    Goal("lag-down", ("lag-up",), 1 / 2, "p99"),
)
BOUNDS = (Bound("exchange", "rate", 10_000), Bound("lag-half", "p99", 0.05))


def _beside_target(servers: Servers, directory: Path, _stack: ExitStack) -> Server:
    """Return the receiver's port, and a directory for a database: all CPU time is that of this process."""
    return Server(0, servers.get("target").http_port, (os.getpid(),), directory, servers.backlog)


def _without_deliveries(_: Servers, directory: Path, stack: ExitStack) -> Server:
    """Start a server that enqueues deliveries and makes none, with an owner for each number of them."""
    process = stack.enter_context(ServerProcess(directory, "--deliveries", "0"))
    server = Server(process.grpc_port, process.http_port, (process.pid,), directory)
    asyncio.run(add_callers(process.database, _OWNERS.values()))
    for number, owner in _OWNERS.items():
        targets = [create_target(server, owner, "https://example.com/hook") for _ in range(number)]
        if targets:
            set_execution(server, owner, {"event": {"event": "target.added"}}, *targets)
    return server


def _create(number: int, protocol: str) -> Client:
    owner = _OWNERS[number]
    call = Call(METHOD, "POST", JSON_PATH, JSON, PROTOBUF, owner.encode(), is_numbered=True)
    return lambda server: call.load(server, protocol, headers(owner), CALLS_IN_FLIGHT)


def _recipients(server: Server, *paths: str) -> Sequence[Recipient]:
    """Return recipients at these paths of the receiver."""
    return recipients(f"http://127.0.0.1:{server.http_port}{path}" for path in paths)


def _worker(server: Server, *paths: str, **settings: str) -> Worker:
    return Worker(server.directory / "deliveries.db", _recipients(server, *paths), **settings)


_ALL_FAST = (FAST,) * _TARGETS


def _deliver_many(server: Server) -> Load:
    return BacklogLoad(_worker(server, *_ALL_FAST))


def _deliver_one(server: Server) -> Load:
    return BacklogLoad(_worker(server, FAST, deliveries_per_target=str(IN_FLIGHT)))


def _courier(server: Server) -> Load:
    return BacklogLoad(_worker(server, *_ALL_FAST), is_answered_at_once=True)


def _lag_up(server: Server) -> Load:
    return BesideLoad(_worker(server, *_ALL_FAST), server.http_port)


def _lag_down(server: Server) -> Load:
    worker = _worker(server, DOWN, *_ALL_FAST[1:], pause_after=PAUSE_AFTER)
    return DownLoad(worker, server.http_port, server.backlog)


_CLIENTS: dict[str, Client] = {
    "deliver-many": _deliver_many,
    "posts-many": lambda server: PostsLoad(_recipients(server, *_ALL_FAST)),
    "deliver-one": _deliver_one,
    "posts-one": lambda server: PostsLoad(_recipients(server, FAST)),
    "courier": _courier,
    "exchange": lambda server: ExchangeLoad(_worker(server, *_ALL_FAST)),
    "lag-half": lambda server: SteadyLoad(_worker(server, *_ALL_FAST)),
    "lag-up": _lag_up,
    "lag-down": _lag_down,
}

PART = Part(
    title=f"deliveries of events, {IN_FLIGHT} attempts at once; CreateTarget, {CALLS_IN_FLIGHT} in flight",
    subjects=(*_DELIVERING, *_ENQUEUEING),
    starters={
        "target": starter("bench.target_server"),
        "actiond": _without_deliveries,
        **dict.fromkeys(_CLIENTS, _beside_target),
    },
    clients={
        **_CLIENTS,
        **{_enqueue(number, protocol): _create(number, protocol) for number in _ENQUEUED for protocol in _PROTOCOLS},
    },
    goals=GOALS,
    bounds=BOUNDS,
)
