"""A server that has as many connections as it may have: which of them end for a new one, and which stay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from rpcfront import ConnectionLimits
from rpcfront.listener.server import Server
from tests.rpcfront.listener.listening import listening
from tests.rpcfront.listener.process import gateway
from tests.support.clients import http1_client, http2_client
from tests.support.clients.http1_client import Http1Client
from tests.support.clients.http2_client import PREFACE, head

LIMIT = 10
SLACK = 2
"""Connections that are being closed may be there for a moment."""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with listening(gateway(), ConnectionLimits(connections=LIMIT, head_seconds=20)) as server:
        yield server


async def open_many(stack: AsyncExitStack, server: Server, number: int) -> list[Http1Client]:
    return [await stack.enter_async_context(http1_client.connect(server.port)) for _ in range(number)]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("sent", [b"", b"G", PREFACE, http1_client.request("GET", "/healthz")], ids=repr)
async def test_new_connections_take_the_places_of_idle_ones(server: Server, sent: bytes) -> None:
    async with AsyncExitStack() as stack:
        busy = await stack.enter_async_context(http1_client.connect(server.port))
        busy.get("/wait")
        busy2 = await stack.enter_async_context(http2_client.connect(server.port))
        waiting = busy2.request(head("GET", "/wait"))
        await busy2.until(lambda: busy2.settings_acks)
        idle = await open_many(stack, server, LIMIT - 2)
        for client in idle:
            client.send(sent)
        await asyncio.sleep(0.1)
        for _ in range(5 * LIMIT):
            (client,) = await open_many(stack, server, 1)
            assert await client.goes_on()
            assert len(server._connections) <= LIMIT + SLACK
        for client in idle:
            await asyncio.wait_for(client.reader.read(), 5)
        assert (await busy2.get()).status == 200
        assert not busy2.streams[waiting].is_over
        assert not busy2.goaways
        assert not await busy.has_ended(0.1)


async def test_no_place_is_taken_from_a_busy_connection(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async with AsyncExitStack() as stack:
        busy = await open_many(stack, server, LIMIT)
        for client in busy:
            client.get("/wait")
        await asyncio.sleep(0.1)
        for client in await open_many(stack, server, 20):
            assert await client.has_ended()
        assert len(server._connections) <= LIMIT
        for client in busy:
            assert not await client.has_ended(0.01)
        assert [record.getMessage() for record in caplog.records] == [
            f"all {LIMIT} connections are busy: new ones are closed"
        ]
        busy[0].leave()
        await asyncio.sleep(0.1)
        (client,) = await open_many(stack, server, 1)
        assert await client.goes_on()


async def test_that_all_connections_are_busy_is_said_again_when_it_has_been_otherwise(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        async with AsyncExitStack() as stack:
            busy = await open_many(stack, server, LIMIT)
            for client in busy:
                client.get("/wait")
            await asyncio.sleep(0.1)
            for client in await open_many(stack, server, 3):
                assert await client.has_ended()
            for client in busy:
                client.leave()
            await asyncio.sleep(0.1)
            (client,) = await open_many(stack, server, 1)
            assert await client.goes_on()
    assert len(caplog.records) == 2
