"""SIGTERM while half-sent calls are held open: they are ended in time, and the server with them."""

import asyncio
import signal
import time
from pathlib import Path

from tests.overload.clients import Connection, all_at_once, json_call
from tests.overload.waves import NEVER_MADE
from tests.support.action_service.cut_calls import CALLS
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

CLIENTS = 100


async def test_half_sent_calls_hold_up_the_end_no_longer_than_the_read_timeout(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--read-timeout", "1.5", "--shutdown-grace-period", "15") as server:
        call = json_call(NEVER_MADE).half(ADMIN_TOKEN)
        connections = [await Connection.open(server.http_port, call) for _ in range(CLIENTS)]
        begun = time.monotonic()
        server.signal(signal.SIGTERM)

        async def is_told(number: int) -> None:
            status, _ = await connections[number].answer()
            assert status == 408
            await connections[number].leave()

        await all_at_once(CLIENTS, is_told)
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - begun < 10


async def test_half_sent_grpc_calls_hold_up_the_end_no_longer_than_the_grace(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--read-timeout", "0.5", "--shutdown-grace-period", "1") as server:
        call = CALLS["grpc"](NEVER_MADE, ADMIN_TOKEN)
        connections = [await Connection.open(server.grpc_port, call) for _ in range(CLIENTS)]
        begun = time.monotonic()
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - begun < 10
        for connection in connections:
            await connection.leave()
