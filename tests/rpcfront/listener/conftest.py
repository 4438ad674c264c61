"""The event loop of the listener's tests."""

import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test on the loop that actiond runs on."""
    return {"uvloop": uvloop.new_event_loop}
