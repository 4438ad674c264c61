"""SIGTERM while targets are being called."""

import asyncio
import signal
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.executions.api import Api, add_token, condition, target
from tests.executions.logs import outcomes
from tests.executions.protocols import PROTOCOLS
from tests.support.action_service.http_calls import accepts
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

LOOPBACK = ("--allow-address", "127.0.0.0/8")


async def start_one(server: ServerProcess, receiver: TargetServer) -> tuple[Api, str]:
    """A call that is under way when its caller has got the answer: a client, and the target's id."""
    api = await add_token(server, "1")
    created = await api.target(receiver.url("/hold"), "async")
    await api.set(condition("request"), created)
    assert (await api.call(target("made"))).code == 0
    await receiver.until(lambda: receiver.paths() == ["/hold"])
    return api, created.id


async def test_async_targets_are_waited_for_within_the_grace(tmp_path: Path, receiver: TargetServer) -> None:
    with ServerProcess(tmp_path, *LOOPBACK, "--shutdown-grace-period", "60") as server:
        _, target_id = await start_one(server, receiver)
        server.signal(signal.SIGTERM)
        await asyncio.to_thread(until, lambda: not accepts(server.http_port), "no more calls are taken")
        # A server that did not wait would be gone long before.
        with pytest.raises(subprocess.TimeoutExpired):
            await asyncio.to_thread(server.process.wait, 0.5)
        assert outcomes(server, target_id, least=0) == []
        receiver.release()
        assert await asyncio.to_thread(server.wait) == 0
        assert outcomes(server, target_id) == [("ok", "-")]


async def test_async_targets_are_cut_when_the_grace_is_over(tmp_path: Path, receiver: TargetServer) -> None:
    with ServerProcess(tmp_path, *LOOPBACK, "--shutdown-grace-period", "0.5", "--read-timeout", "0.25") as server:
        _, target_id = await start_one(server, receiver)
        server.signal(signal.SIGTERM)
        await receiver.until(lambda: receiver.open == 0)
        assert await asyncio.to_thread(server.wait) == 0
        assert outcomes(server, target_id) == [("failed", "cancelled")]
        assert "Traceback" not in server.stderr


async def test_calls_that_wait_for_a_target_get_their_answer_within_the_grace(
    tmp_path: Path, receiver: TargetServer
) -> None:
    with ServerProcess(tmp_path, *LOOPBACK, "--shutdown-grace-period", "60") as server:
        api = await add_token(server, "1")
        await api.set(condition("request"), await api.target(receiver.url("/hold")))
        async with AsyncExitStack() as stack:
            waiting = [
                await stack.enter_async_context(api.over(protocol).begin(target(f"made over {protocol}")))
                for protocol in PROTOCOLS
            ]
            await receiver.until(lambda: len(receiver.requests) == len(waiting))
            server.signal(signal.SIGTERM)
            await asyncio.to_thread(until, lambda: not accepts(server.http_port), "no more calls are taken")
            receiver.release()
            assert [(await running.ended()).code for running in waiting] == [0] * len(waiting)
        assert await asyncio.to_thread(server.wait) == 0
