"""The event loop of the listener's tests, and what holds of its log."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test on the loop that actiond runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that made the server log a warning, an error or a traceback."""
    yield
    records = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING or record.exc_info]
    assert not records, [record.getMessage() for record in records]
