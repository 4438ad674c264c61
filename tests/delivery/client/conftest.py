"""Clients on the loop that the workers run, targets, and an authority that the clients trust."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop

from tests.delivery.client.callers import Caller, MakeCaller, open_caller
from tests.support.targets.certificates import Authority
from tests.support.targets.server import TargetServer


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def make_caller() -> AsyncIterator[MakeCaller]:
    """Callers that are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> Caller:
            return await stack.enter_async_context(open_caller(**options))

        yield make


@pytest.fixture
async def caller(make_caller: MakeCaller) -> Caller:
    return await make_caller()


@pytest.fixture
async def server() -> AsyncIterator[TargetServer]:
    async with TargetServer() as server:
        yield server
