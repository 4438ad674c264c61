from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess


class Start(Protocol):
    def __call__(self, *arguments: str, workers: int = 1, token: str | None = ...) -> ServerProcess: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers that are gone after the test, however it ended."""
    started: list[ServerProcess] = []

    def start_one(*arguments: str, workers: int = 1, token: str | None = ADMIN_TOKEN) -> ServerProcess:
        server = ServerProcess(tmp_path, *arguments, workers=workers, token=token)
        started.append(server)
        return server.start()

    yield start_one
    for server in started:
        server.kill()
