"""What a stranger, or a client that has lost its way, can hold on to, and for how long."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection

import pytest

from tests.overload.clients import PADDING, Connection, HttpCall, json_call, places_for
from tests.support.action_service import expect
from tests.support.action_service.connections import DIRECT, DRIVERS, Ports
from tests.support.action_service.requests import create, request
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

MAX_CONCURRENT = 8
"""Calls of one owner."""
SHORT, LONG = 1.5, 28.0
"""Read timeouts."""
ABOUT_A_SECOND = 5.0
"""On a busy machine, and still far from LONG."""
LIMIT = 1 << 20
"""Of a body, where nobody sets another."""
KEPT = 64 * 1024
"""How much of a body that nobody wants may be missing for its connection to be kept."""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """A server with a short read timeout."""
    yield from _serve(tmp_path_factory, SHORT)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """A server with a long one."""
    yield from _serve(tmp_path_factory, LONG)


def _serve(factory: pytest.TempPathFactory, read_timeout: float) -> Iterator[Ports]:
    arguments = (
        "--read-timeout",
        str(read_timeout),
        "--shutdown-grace-period",
        "30",
        "--max-concurrent",
        str(places_for(MAX_CONCURRENT)),
    )
    with ServerProcess(factory.mktemp("limits"), *arguments) as server:
        yield Ports(server.grpc_port, server.http_port)
        assert "Traceback" not in server.stderr


@asynccontextmanager
async def _half_sent(
    port: int, count: int, token: str | None = ADMIN_TOKEN, padding: int = PADDING
) -> AsyncIterator[list[Connection]]:
    """So many calls that have begun and do not go on."""
    calls = [json_call(f"half {n}", padding=padding) for n in range(count)]
    connections = [await Connection.open(port, call.half(token)) for call in calls]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.leave()


@asynccontextmanager
async def _full(port: int) -> AsyncIterator[set[asyncio.Task[tuple[int, bytes]]]]:
    """Half-sent calls in every place, whose answers are still to come.

    Twice as many are sent as there are places: those that are refused tell that all places are taken.
    """
    async with _half_sent(port, 2 * MAX_CONCURRENT) as connections:
        held = {asyncio.create_task(connection.answer()) for connection in connections}
        try:
            while len(held) > MAX_CONCURRENT:
                refused, held = await asyncio.wait(held, return_when=asyncio.FIRST_COMPLETED)
                assert {task.result()[0] for task in refused} == {429}
            yield held
        finally:
            for task in held:
                task.cancel()
            await asyncio.gather(*held, return_exceptions=True)


def _code(ports: Ports, driver: str, name: str) -> int:
    """The code of a CreateTarget by a well-behaved client."""
    with closing(DRIVERS[driver][1](ports, ADMIN_TOKEN)) as call:
        return call(create(request(name))).code


async def _code_when_free(ports: Ports, driver: str, name: str) -> int:
    """The same, tried again while the server is full."""
    deadline = time.monotonic() + LONG
    while True:
        code = await asyncio.to_thread(_code, ports, driver, name)
        if code != expect.RESOURCE_EXHAUSTED or time.monotonic() > deadline:
            return code
        await asyncio.sleep(0.02)


async def test_a_call_over_the_limit_is_refused_over_every_protocol_while_half_sent_ones_fill_the_server(
    patient: Ports,
) -> None:
    async with _full(patient.http) as held:
        codes = {name: await asyncio.to_thread(_code, patient, name, f"too many {name}") for name in DIRECT}
        assert not any(task.done() for task in held)
    assert codes == dict.fromkeys(DIRECT, expect.RESOURCE_EXHAUSTED)


async def test_the_process_still_says_that_it_lives_when_half_sent_calls_fill_the_server(patient: Ports) -> None:
    async with _full(patient.http):
        assert await asyncio.to_thread(_probe, patient) == {"/healthz": 200, "/readyz": 200}


def _probe(ports: Ports) -> dict[str, int]:
    with closing(HTTPConnection("127.0.0.1", ports.http, timeout=10)) as connection:
        statuses = {}
        for path in ("/healthz", "/readyz"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            statuses[path] = response.status
        return statuses


async def test_a_server_that_was_full_of_half_sent_calls_serves_again_after_their_deadline(impatient: Ports) -> None:
    async with _half_sent(impatient.http, 2 * MAX_CONCURRENT) as connections:
        answers = await asyncio.gather(*(connection.answer() for connection in connections))
        statuses = [status for status, _ in answers]
        # Those that found no place were refused; the others had their time.
        assert set(statuses) <= {408, 429}
        assert statuses.count(408) >= MAX_CONCURRENT
        assert [_code(impatient, name, f"after {name}") for name in DIRECT] == [0] * len(DIRECT)


async def test_a_server_that_was_full_serves_again_as_soon_as_those_clients_have_left(patient: Ports) -> None:
    async with _full(patient.http):
        assert await asyncio.to_thread(_code, patient, "json", "too early") == expect.RESOURCE_EXHAUSTED
    begun = time.monotonic()
    assert await _code_when_free(patient, "json", "when they had left") == 0
    assert time.monotonic() - begun < ABOUT_A_SECOND


async def test_a_client_without_a_token_is_told_so_within_about_a_second_though_its_body_never_ends(
    patient: Ports,
) -> None:
    begun = time.monotonic()
    async with _half_sent(patient.http, 1, token=None, padding=4 * KEPT) as [connection]:
        status, body = await connection.answer()
        assert (status, json.loads(body)["code"]) == (401, expect.UNAUTHENTICATED)
        assert await connection.until_closed() == b""
    assert time.monotonic() - begun < ABOUT_A_SECOND


async def test_a_connection_that_is_kept_for_the_rest_of_a_body_ends_at_the_read_timeout(impatient: Ports) -> None:
    begun = time.monotonic()
    async with _half_sent(impatient.http, 1, token=None, padding=KEPT) as [connection]:
        status, body = await connection.answer()
        assert (status, json.loads(body)["code"]) == (401, expect.UNAUTHENTICATED)
        assert time.monotonic() - begun < SHORT
        assert await connection.until_closed() == b""
    assert time.monotonic() - begun < SHORT + ABOUT_A_SECOND


async def test_clients_without_a_token_take_nobodys_place(patient: Ports) -> None:
    async with _half_sent(patient.http, 5 * MAX_CONCURRENT, token=None) as connections:
        assert [_code(patient, name, f"beside strangers, {name}") for name in DIRECT] == [0] * len(DIRECT)
        answers = await asyncio.gather(*(connection.answer() for connection in connections))
    assert {status for status, _ in answers} == {401}


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
async def test_a_client_that_sends_too_large_a_body_to_its_end_still_sees_the_refusal(
    size: int, patient: Ports
) -> None:
    call = HttpCall("/v3alpha/targets", "application/json", b" " * size)
    connection = await Connection.open(patient.http, call.whole(ADMIN_TOKEN))
    status, body = await connection.answer()
    assert (status, json.loads(body)["code"]) == (413, expect.RESOURCE_EXHAUSTED)
    await connection.leave()


async def test_too_large_a_body_that_stops_in_the_middle_is_refused_within_about_a_second(patient: Ports) -> None:
    call = HttpCall("/v3alpha/targets", "application/json", b" " * 3 * LIMIT)
    begun = time.monotonic()
    connection = await Connection.open(patient.http, call.half(ADMIN_TOKEN))
    assert (await connection.answer())[0] == 413
    assert await connection.until_closed() == b""
    assert time.monotonic() - begun < ABOUT_A_SECOND
    await connection.leave()


async def test_a_head_that_comes_byte_by_byte_is_cut_off_at_the_read_timeout(impatient: Ports) -> None:
    connection = await Connection.open(impatient.http)
    async with _trickle(connection, json_call("slow").head(ADMIN_TOKEN)):
        status, body = await connection.answer()
        assert (status, json.loads(body)["code"]) == (408, expect.DEADLINE_EXCEEDED)


async def test_a_body_that_comes_byte_by_byte_is_cut_off_at_the_read_timeout(impatient: Ports) -> None:
    call = json_call("slow", padding=0)
    connection = await Connection.open(impatient.http, call.head(ADMIN_TOKEN))
    async with _trickle(connection, call.body):
        assert (await connection.answer())[0] == 408


@asynccontextmanager
async def _trickle(connection: Connection, data: bytes) -> AsyncIterator[None]:
    """Sends it so slowly that it takes several read timeouts, while the block waits for one of them to pass."""

    async def send() -> None:
        for byte in data:
            await connection.send(bytes([byte]))
            await asyncio.sleep(SHORT / 20)

    begun = time.monotonic()
    sending = asyncio.create_task(send())
    yield
    assert SHORT / 2 < time.monotonic() - begun < SHORT + ABOUT_A_SECOND
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await connection.leave()
