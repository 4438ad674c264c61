"""One owner takes all places of calls to targets that it gets, and another one's calls do not notice."""

import asyncio
from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Has places for few calls to targets."""
    arguments = ["--allow-address", "127.0.0.0/8", "--max-target-calls", str(PLACES)]
    with ServerProcess(tmp_path_factory.mktemp("small"), *arguments) as server:
        yield server


@pytest.fixture
def greedy(small_server: ServerProcess) -> Api:
    return new_owner(small_server)


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


CALLS = 32
MOST_CALLS_OF_ONE_OWNER = 24


@pytest.fixture(scope="module")
def crowded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Has places for few calls."""
    arguments = ["--allow-address", "127.0.0.0/8", "--max-concurrent", str(CALLS)]
    with ServerProcess(tmp_path_factory.mktemp("crowded"), *arguments) as server:
        yield server


@pytest.fixture
def greedy_caller(crowded_server: ServerProcess) -> Api:
    return new_owner(crowded_server)


async def test_calls_of_one_owner_that_do_not_end_leave_places_for_another_and_for_the_way_back(
    greedy_caller: Api,
) -> None:
    greedy = greedy_caller
    with TargetServer() as silent:
        target = await greedy.target(silent.url("/hold"), "call", seconds=DAY)
        await greedy.set(of_all("request"), target)
        running = [asyncio.create_task(greedy.call(ListExecutionServicesRequest())) for _ in range(2 * CALLS)]
        await silent.until(lambda: len(silent.requests) == MOST_CALLS_OF_ONE_OWNER)
        refused, _ = await asyncio.wait(running, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result().code for task in refused} == {code_pb2.RESOURCE_EXHAUSTED}
        other = await add_token(greedy.server, f"another than {greedy.owner}")
        for _ in range(20):
            assert (await other.call(ListExecutionMethodsRequest())).code == 0
        assert (await greedy.call(ListExecutionMethodsRequest(), metadata=(BYPASS,))).code == 0
        assert len(silent.requests) == MOST_CALLS_OF_ONE_OWNER
        silent.release()
        await asyncio.gather(*running)
