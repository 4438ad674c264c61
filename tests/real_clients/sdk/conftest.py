"""The server, and the SDKs that call it; where the machine lacks what an SDK needs, its tests are skipped."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count

import pytest

from tests.real_clients.sdk.sdks import APIS, SDKS, Api, Sdk
from tests.support.clients.browser import UnavailableError
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer

_numbers = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("server")
    with ServerProcess(directory, "--allow-address", "127.0.0.0/8", "--zitadel-conditions") as server:
        yield server


@pytest.fixture(scope="session")
def receiver() -> Iterator[TargetServer]:
    with TargetServer() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def start(server: ServerProcess) -> Iterator[Callable[[str], Sdk]]:
    """Starts an SDK when it is first asked for. Raises UnavailableError."""
    with ExitStack() as stack:

        @cache
        def start(name: str) -> Sdk:
            return stack.enter_context(SDKS[name].make(server))

        yield start


@pytest.fixture(scope="session", params=APIS, ids=" ".join)
def api(request: pytest.FixtureRequest, start: Callable[[str], Sdk]) -> Api:
    """Each version of the action service that each SDK has."""
    name, version = request.param
    try:
        return Api(SDKS[name], version, start(name))
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the SDKs must run: {lack}", pytrace=False)
        pytest.skip(f"{name} does not run here: {lack}")


@pytest.fixture
def unique() -> str:
    """A part of a name that no other test uses."""
    return f"{os.getpid()}-{next(_numbers)}"
