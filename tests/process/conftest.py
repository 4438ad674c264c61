import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from actiond.cli.main import main
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


class Run(Protocol):
    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in this process, as if each were one of its own in the test's directory.

    It is for commands that end before they would serve: one that binds a port fails the test.
    """

    def run_here(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.chdir(tmp_path)
            for name in os.environ:
                if name.startswith("ACTIOND_"):
                    patched.delenv(name)
            for name, value in variables.items():
                patched.setenv(name, value)
            patched.setattr(socket.socket, "bind", _no_port)
            code = _exit_code(arguments)
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run_here


def _no_port(*_: object) -> None:
    raise AssertionError("this command is on its way to serve: run it as a process")


def _exit_code(arguments: tuple[str, ...]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        # argparse ends so, after help and after what it refuses.
        return int(end.code or 0)
