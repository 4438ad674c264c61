"""A real actiond with more calls than places: every client, of every protocol, is served or well refused."""

import asyncio
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetResponse
from google.protobuf import json_format

from tests.overload.clients import Connection, is_full, json_call, places_for
from tests.overload.watch import Footprint, footprint_when
from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import Driver, Grpc, GrpcWeb, Json
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, request
from tests.support.clients.http import ask
from tests.support.database import Content, assert_whole, read
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.wire.protocols import CONNECT_CODES

PLACES = 4
"""Of the one owner that everybody calls for."""
CLIENTS = 10
"""Of each protocol."""
ENOUGH = 10
"""Targets that each of them makes, however often it is refused."""
ARGUMENTS = ("--max-concurrent", str(places_for(PLACES)), "--read-timeout", "30", "--shutdown-grace-period", "40")
PATIENCE = 60.0
"""Seconds for all of it, where the machine has other things to do."""

SOON = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
FULL = (8, "too many concurrent calls", [SOON])


class _Heard:
    """An HTTP driver that keeps the Retry-After of the last answer."""

    retry_after: str | None = None

    def _send(self, *arguments: Any) -> Any:
        response, received = super()._send(*arguments)  # type: ignore[misc]  # a driver's
        self.retry_after = response.headers["retry-after"]
        return response, received


class HeardJson(_Heard, Json):
    pass


class HeardGrpcWeb(_Heard, GrpcWeb):
    pass


class Connect(HeardJson):
    """Connect's unary calls in JSON."""

    def __call__(self, call: Call) -> Outcome:
        assert call.message is not None
        headers = [("connect-protocol-version", "1"), ("content-type", "application/json"), *call.headers(self.token)]
        body = json_format.MessageToJson(call.message).encode()
        response, received = self._send("POST", call.rpc_path, body, headers)
        assert response.headers.get_all("content-type") == ["application/json"]
        content = json.loads(received)
        if response.status == 200:
            return Outcome(0, response=json_format.ParseDict(content, CreateTargetResponse()), http_status=200)
        details = [
            {"@type": f"type.googleapis.com/{detail['type']}", **detail["debug"]} for detail in content["details"]
        ]
        return Outcome(CONNECT_CODES[content["code"]], content["message"], details, http_status=response.status)


class Kind(NamedTuple):
    """A protocol's driver, and what HTTP says of a refusal."""

    connect: Callable[[Ports], Driver]
    refused: tuple[int | None, str | None]
    """The HTTP status and the Retry-After. gRPC-Web has one status for all, and says the rest in its trailers."""


KINDS = {
    "grpc": Kind(lambda ports: Grpc(ports.grpc, ADMIN_TOKEN), (None, None)),
    "grpc-web": Kind(lambda ports: HeardGrpcWeb(ports.http, ADMIN_TOKEN), (200, None)),
    "grpc-web-text": Kind(lambda ports: HeardGrpcWeb(ports.http, ADMIN_TOKEN, text=True), (200, None)),
    "json": Kind(lambda ports: HeardJson(ports.http, ADMIN_TOKEN), (429, "1")),
    "connect": Kind(lambda ports: Connect(ports.http, ADMIN_TOKEN), (429, "1")),
}


class Answer(NamedTuple):
    """What one client was told of one target."""

    kind: str
    client: int
    name: str
    outcome: Outcome
    retry_after: str | None


class Crowd:
    """Clients that call until each has made enough targets."""

    def __init__(self, ports: Ports) -> None:
        self.answers: list[Answer] = []
        self._ports = ports
        self._clients = [(kind, number) for kind in KINDS for number in range(CLIENTS)]
        self._pool = ThreadPoolExecutor(len(self._clients))
        self._unrefused = set(self._clients)
        self.all_were_refused = threading.Event()

    async def call(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._pool, self._client, *client) for client in self._clients))
        self._pool.shutdown()

    def _client(self, kind: str, number: int) -> None:
        made = 0
        with closing(KINDS[kind].connect(self._ports)) as driver:
            for attempt in itertools.count():
                name = f"{kind} {number} {attempt}"
                outcome = driver(create(request(name)))
                retry_after = getattr(driver, "retry_after", None)
                self.answers.append(Answer(kind, number, name, outcome, retry_after))
                made += outcome.code == 0
                if made == ENOUGH:
                    return
                self._unrefused.discard((kind, number))
                if not self._unrefused:
                    self.all_were_refused.set()


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was seen of a server that was full, and of the same one afterwards."""

    answers: list[Answer]
    holders: list[int]
    """The HTTP status of each call that had a place while the others were refused."""
    late_holders: list[int]
    """The same once the crowd was gone: as many as there are places, all at once."""
    probes: Counter[tuple[str, int]]
    """The answers of /healthz and /readyz while it was full."""
    before: Footprint
    after: Footprint
    content: Content
    stderr: str

    @property
    def made(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.outcome.code == 0]

    @property
    def refused(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.outcome.code != 0]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    directory = tmp_path_factory.mktemp("full")
    with ServerProcess(directory, *ARGUMENTS) as server:
        return asyncio.run(_crowd(server))


async def _crowd(server: ServerProcess) -> Aftermath:
    ports = Ports(server.grpc_port, server.http_port)
    before = Footprint.of(server.pid)
    async with asyncio.timeout(PATIENCE):
        held = await _take_every_place(ports, "held")
        crowd = Crowd(ports)
        calling = asyncio.create_task(crowd.call())
        while not crowd.all_were_refused.is_set():
            assert not calling.done()
            await asyncio.sleep(0.01)
        probes = Counter({(path, (await ask(ports.http, "GET", path)).status): 1 for path in ("/healthz", "/readyz")})
        holders = await _finish(held)
        while not calling.done():
            for path in ("/healthz", "/readyz"):
                probes[path, (await ask(ports.http, "GET", path)).status] += 1
        await calling
        late_holders = await _finish(await _take_every_place(ports, "late"))
    after = await asyncio.to_thread(footprint_when, server.pid, lambda now: now.descriptors <= before.descriptors)
    content = read(server.directory / "actiond.db")
    return Aftermath(crowd.answers, holders, late_holders, probes, before, after, content, server.stderr)


@dataclass(frozen=True, slots=True)
class Held:
    """A call that has its place, and a client that has not sent all of it."""

    connection: Connection
    rest: bytes


async def _take_every_place(ports: Ports, name: str) -> list[Held]:
    held: list[Held] = []
    for number in range(PLACES):
        call = json_call(f"{name} {number}", padding=0)
        half = call.half(ADMIN_TOKEN)
        connection = await Connection.open(ports.http, half)
        held.append(Held(connection, call.whole(ADMIN_TOKEN)[len(half) :]))
    while not await is_full(ports.http):
        pass
    return held


async def _finish(held: list[Held]) -> list[int]:
    """The HTTP status of each, once it has been sent whole."""
    for one in held:
        await one.connection.send(one.rest)
    statuses = [(await one.connection.answer())[0] for one in held]
    for one in held:
        await one.connection.leave()
    return statuses


def test_who_is_refused_is_told_so_in_his_protocols_form_and_when_to_come_again(aftermath: Aftermath) -> None:
    for answer in aftermath.refused:
        outcome = answer.outcome
        assert (outcome.code, outcome.message, outcome.details) == FULL, answer
        assert (outcome.http_status, answer.retry_after) == KINDS[answer.kind].refused, answer


def test_every_client_is_refused_while_the_server_is_full_and_served_when_it_is_not(aftermath: Aftermath) -> None:
    clients = {(kind, number) for kind in KINDS for number in range(CLIENTS)}
    assert {(answer.kind, answer.client) for answer in aftermath.refused} == clients
    assert Counter((answer.kind, answer.client) for answer in aftermath.made) == dict.fromkeys(clients, ENOUGH)


def test_an_answer_that_is_no_refusal_is_right(aftermath: Aftermath) -> None:
    targets = aftermath.content.by_name()
    for answer in aftermath.made:
        response = answer.outcome.response
        assert isinstance(response, CreateTargetResponse)
        assert targets[answer.name]["id"] == response.id


def test_what_was_refused_did_not_happen(aftermath: Aftermath) -> None:
    assert_whole(aftermath.content)
    held = {f"{name} {number}" for name in ("held", "late") for number in range(PLACES)}
    assert aftermath.content.by_name().keys() == held | {answer.name for answer in aftermath.made}


def test_who_has_a_place_is_not_disturbed(aftermath: Aftermath) -> None:
    assert aftermath.holders == [201] * PLACES


def test_the_probes_answer_while_it_is_full(aftermath: Aftermath) -> None:
    assert {status for _, status in aftermath.probes} == {200}
    assert {path for path, _ in aftermath.probes} == {"/healthz", "/readyz"}


def test_every_place_is_free_again_afterwards(aftermath: Aftermath) -> None:
    assert aftermath.late_holders == [201] * PLACES


def test_nothing_is_left_of_the_clients(aftermath: Aftermath) -> None:
    assert aftermath.after.descriptors <= aftermath.before.descriptors
    assert aftermath.after.threads < aftermath.before.threads + 4


def test_a_full_server_is_no_fault_that_its_log_speaks_of(aftermath: Aftermath) -> None:
    assert "Traceback" not in aftermath.stderr
    assert "ERROR" not in aftermath.stderr
