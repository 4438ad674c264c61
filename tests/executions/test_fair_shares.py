"""One owner takes all places of calls to targets that it gets, and another one's calls do not notice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    ListExecutionMethodsRequest,
    ListExecutionServicesRequest,
)
from google.rpc import code_pb2

from tests.executions.api import BYPASS, Api, add_token, new_owner, of_all
from tests.executions.logs import outcomes
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer

PLACES = 32
MOST_OF_ONE_OWNER = 24
DAY = 86_400.0


@pytest.fixture
def greedy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """An owner on a server that has few places of a kind, which the test names by the setting."""
    with ServerProcess(tmp_path, "--allow-address", "127.0.0.0/8", request.param, str(PLACES)) as server:
        yield new_owner(server)


@pytest.mark.parametrize("greedy", ["--max-target-calls"], indirect=True)
async def test_silent_background_targets_of_one_owner_leave_places_for_another(
    greedy: Api, receiver: TargetServer
) -> None:
    with TargetServer() as silent:
        targets = [await greedy.target(silent.url("/hold"), "async", seconds=DAY) for _ in range(4)]
        await greedy.set(of_all("request"), *targets)
        for _ in range(PLACES):
            assert (await greedy.call(ListExecutionServicesRequest())).code == 0
        await silent.until(lambda: len(silent.requests) == MOST_OF_ONE_OWNER)

        other = await add_token(greedy.server, f"another than {greedy.owner}", "execution.read", "execution.write")
        admin = await add_token(greedy.server, other.owner)
        called = await admin.target(receiver.url("/ok"))
        await admin.set(of_all("request"), called)
        for _ in range(20):
            assert (await other.call(ListExecutionMethodsRequest())).code == 0
        # None of them waited: the other owner's calls hold no more than they did.
        assert len(silent.requests) == MOST_OF_ONE_OWNER
        assert [outcome for outcome, _ in outcomes(greedy.server, called.id, 20)] == ["ok"] * 20
        assert (await greedy.call(ListExecutionMethodsRequest(), metadata=(BYPASS,))).code == 0
        silent.release()


@pytest.mark.parametrize("greedy", ["--max-concurrent"], indirect=True)
async def test_calls_of_one_owner_that_do_not_end_leave_places_for_another_and_for_the_way_back(
    greedy: Api,
) -> None:
    with TargetServer() as silent:
        target = await greedy.target(silent.url("/hold"), "call", seconds=DAY)
        await greedy.set(of_all("request"), target)
        running = [asyncio.create_task(greedy.call(ListExecutionServicesRequest())) for _ in range(2 * PLACES)]
        await silent.until(lambda: len(silent.requests) == MOST_OF_ONE_OWNER)
        refused, _ = await asyncio.wait(running, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result().code for task in refused} == {code_pb2.RESOURCE_EXHAUSTED}
        other = await add_token(greedy.server, f"another than {greedy.owner}")
        for _ in range(20):
            assert (await other.call(ListExecutionMethodsRequest())).code == 0
        assert (await greedy.call(ListExecutionMethodsRequest(), metadata=(BYPASS,))).code == 0
        assert len(silent.requests) == MOST_OF_ONE_OWNER
        silent.release()
        await asyncio.gather(*running)
