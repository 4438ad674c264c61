"""What a client keeps of the responses that it has read: nothing, without the help of the garbage collector."""

import gc
from collections.abc import Iterator

import pytest

from actiond.delivery.http1.response import ResponseReader
from tests.delivery.client.callers import Caller, target
from tests.support.targets.server import TargetServer
from tests.support.waiting import async_until


@pytest.fixture
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collection")
@pytest.mark.parametrize(
    "path",
    [
        "/ok",
        "/status/500",
        "/endless",
        "/endless_line",
        "/continue",
        "/cut_body",
        "/garbage",
        "/reset",
        "/leave",
        "/bad_chunk",
        "/two_lengths",
    ],
)
async def test_nothing_is_left_of_a_response(path: str, caller: Caller, server: TargetServer) -> None:
    for _ in range(3):
        await caller.outcome(target(server.url(path)))
        await caller.attempt(target(server.url(path)))
    await _until_nothing_is_left()


@pytest.mark.usefixtures("_no_collection")
async def test_nothing_is_left_of_a_response_that_did_not_come_in_time(caller: Caller, server: TargetServer) -> None:
    for path in ("/half_head", "/half_body"):
        assert await caller.outcome(target(server.url(path), seconds=0.05)) == "timeout"
    await _until_nothing_is_left()


async def _until_nothing_is_left() -> None:
    # The loop may have callbacks left that refer to the last one.
    await async_until(
        lambda: not any(isinstance(each, ResponseReader) for each in gc.get_objects()), "nothing is left", seconds=5
    )
