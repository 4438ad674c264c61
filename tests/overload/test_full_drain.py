"""A real actiond that is told to stop while clients of every protocol go on calling: no answer is half an answer."""

import asyncio
import itertools
import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from tests.overload.clients import RPC, Connection, HttpCall, is_full, json_call, places_for, web_call
from tests.support.action_service.connections import DIRECT, DRIVERS, Ports
from tests.support.action_service.http_calls import accepts
from tests.support.action_service.model import Outcome
from tests.support.action_service.requests import create, request
from tests.support.clients.http import Reply
from tests.support.database import Content, assert_whole, read
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.waiting import until
from tests.support.wire.grpc_web import parse_answer
from tests.support.wire.protocols import CODES, read_connect_error, read_status

CLIENTS = 6
"""Of each protocol."""
SETTLED = 3
"""Calls of each client before the server is told to stop."""
PATIENCE = 60.0
CANCELLED, UNAVAILABLE = 1, 14


class Answer(NamedTuple):
    """What one client was told of one target."""

    kind: str
    name: str
    outcome: Outcome | None
    """None when nobody answered: the connection was refused, or closed before the answer."""


class Crowd:
    """Clients that call until there is nobody left to call."""

    def __init__(self, ports: Ports) -> None:
        self.answers: list[Answer] = []
        self.is_settled = threading.Event()
        self._ports = ports
        clients = [(kind, number) for kind in DIRECT for number in range(CLIENTS)]
        self._unsettled = set(clients)
        self._pool = ThreadPoolExecutor(len(clients))
        self._running = [self._pool.submit(self._client, *client) for client in clients]

    def wait(self) -> None:
        """Returns when every client has given up, which an answer that is not well-formed does not let it do."""
        self._pool.shutdown()
        for client in self._running:
            client.result()

    def _client(self, kind: str, number: int) -> None:
        with closing(DRIVERS[kind][1](self._ports, ADMIN_TOKEN)) as driver:
            for attempt in itertools.count(1):
                name = f"{kind} {number} {attempt}"
                is_refused = False
                outcome = None
                try:
                    outcome = driver(create(request(name)))
                    # grpcio's word for a connection that cannot be had.
                    is_refused = outcome.code == UNAVAILABLE
                except ConnectionError as error:
                    is_refused = isinstance(error, ConnectionRefusedError)
                self.answers.append(Answer(kind, name, outcome))
                if is_refused:
                    return
                if attempt == SETTLED:
                    self._unsettled.discard((kind, number))
                    if not self._unsettled:
                        self.is_settled.set()


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was seen of a server that stopped under load."""

    answers: list[Answer]
    exit_code: int
    content: Content
    stderr: str


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    directory = tmp_path_factory.mktemp("drain")
    with ServerProcess(directory) as server:
        crowd = Crowd(Ports(server.grpc_port, server.http_port))
        assert crowd.is_settled.wait(PATIENCE)
        server.signal(signal.SIGTERM)
        exit_code = server.wait()
        crowd.wait()
        return Aftermath(crowd.answers, exit_code, read(directory / "actiond.db"), server.stderr)


def test_a_call_during_the_drain_is_served_or_refused_and_never_something_else(aftermath: Aftermath) -> None:
    codes: dict[str, set[int]] = {kind: set() for kind in DIRECT}
    for answer in aftermath.answers:
        if answer.outcome is not None:
            codes[answer.kind].add(answer.outcome.code)
    # grpcio refuses by itself, and some calls that it has not begun by CANCELLED.
    assert codes.pop("grpc") - {CANCELLED} == {0, UNAVAILABLE}
    assert all(told == {0} for told in codes.values())


def test_what_was_answered_during_the_drain_happened_and_nothing_else(aftermath: Aftermath) -> None:
    assert_whole(aftermath.content)
    made = {answer.name for answer in aftermath.answers if answer.outcome is not None and answer.outcome.code == 0}
    assert aftermath.content.by_name().keys() == made


def test_a_drain_under_load_ends_well(aftermath: Aftermath) -> None:
    assert aftermath.exit_code == 0
    assert "Traceback" not in aftermath.stderr


def _stopping() -> status_pb2.Status:
    status = status_pb2.Status(code=UNAVAILABLE, message="the server is shutting down")
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1)))
    return status


def _connect(reply: Reply) -> status_pb2.Status:
    status = read_connect_error(json.loads(reply.body))
    assert reply.status == CODES[status.code][1]
    return status


def _grpc_web(reply: Reply) -> status_pb2.Status:
    assert reply.status == 200
    return parse_answer(reply.body).status


JSON = json_call("held", padding=0)
PLAIN = HttpCall(RPC, JSON.content_type, JSON.body)
VERSION = b"\r\nconnect-protocol-version: 1\r\n"
HELD = {
    "json": (JSON.half(ADMIN_TOKEN), read_status, "1"),
    "connect without the version": (PLAIN.half(ADMIN_TOKEN), _connect, "1"),
    "connect": (PLAIN.half(ADMIN_TOKEN).replace(b"\r\n", VERSION, 1), _connect, "1"),
    "grpc-web": (web_call("held").half(ADMIN_TOKEN), _grpc_web, None),
}
"""Half a call of each protocol, how its answer is read, and the Retry-After of that: gRPC-Web has HTTP's 200."""


async def test_a_call_that_outlives_the_grace_is_told_when_to_come_again(tmp_path: Path) -> None:
    arguments = (
        "--max-concurrent",
        str(places_for(len(HELD))),
        "--read-timeout",
        "30",
        "--shutdown-grace-period",
        "40",
    )
    with ServerProcess(tmp_path, *arguments) as server:
        connections = {name: await Connection.open(server.http_port, half) for name, (half, *_) in HELD.items()}
        while not await is_full(server.http_port):
            pass
        server.signal(signal.SIGTERM)
        await asyncio.to_thread(until, lambda: not accepts(server.http_port), "HTTP refuses connections")
        server.signal(signal.SIGTERM)
        for name, (_, status_of, retry_after) in HELD.items():
            reply = _reply(await connections[name].until_closed())
            assert (status_of(reply), reply.header("retry-after")) == (_stopping(), retry_after), name
            await connections[name].leave()
        assert await asyncio.to_thread(server.wait) == 0
    assert read(tmp_path / "actiond.db").targets == []


def _reply(data: bytes) -> Reply:
    """All that a connection brought, which is one answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = [(key.lower(), value) for key, _, value in (line.partition(": ") for line in lines)]
    reply = Reply(int(status.split()[1]), headers, body)
    assert reply.header("content-length") == str(len(body))
    return reply
