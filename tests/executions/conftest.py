"""One server for most tests, an owner of its own for each test, and targets to call."""

import socket
import zlib
from collections.abc import Iterator

import pytest

from tests.executions.api import Api, new_owner
from tests.executions.protocols import PROTOCOLS
from tests.support.servers.actiond import ServerProcess
from tests.support.services import shop
from tests.support.targets.certificates import Authority
from tests.support.targets.server import TargetServer

LARGEST_ANSWER = 65_536
DENIED = "127.0.0.9"
"""The one address on this machine that targets may not have."""


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[ServerProcess]:
    """Calls targets on this machine, and trusts the tests' authority. What it logs at all is looked into."""
    directory = tmp_path_factory.mktemp("server")
    pem = directory / "authority.pem"
    pem.write_text(authority.pem)
    arguments = ["--allow-address", "127.0.0.0/8", "--deny-address", f"{DENIED}/32", "--log-level", "debug"]
    arguments += ["--max-target-response", str(LARGEST_ANSWER), "--execution-function", "price"]
    arguments += ["--descriptor-set", str(shop.write_descriptor_set(directory))]
    with ServerProcess(directory, *arguments, environment={"SSL_CERT_FILE": str(pem)}) as server:
        yield server
        stderr = server.stderr
    assert "Traceback" not in stderr, stderr


@pytest.fixture(scope="session")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Calls targets on this machine, and logs in JSON."""
    arguments = ["--allow-address", "127.0.0.0/8", "--access-log", "json"]
    with ServerProcess(tmp_path_factory.mktemp("two"), *arguments, workers=2) as server:
        yield server
        stderr = server.stderr
    assert "Traceback" not in stderr, stderr


@pytest.fixture
def api(server: ServerProcess) -> Api:
    """A client of an owner that has nothing yet."""
    return new_owner(server)


@pytest.fixture(params=PROTOCOLS)
def each_api(api: Api, request: pytest.FixtureRequest) -> Api:
    """The same, over each protocol."""
    return api.over(request.param)


@pytest.fixture
def any_api(api: Api, request: pytest.FixtureRequest) -> Api:
    """The same, over one protocol, which the test's name decides: where none makes a difference, none is left out."""
    return api.over(PROTOCOLS[zlib.crc32(request.node.name.encode()) % len(PROTOCOLS)])


@pytest.fixture
def receiver() -> Iterator[TargetServer]:
    """Where targets are: it answers by path, as tests/support/targets/answers.py says."""
    with TargetServer() as server:
        yield server


@pytest.fixture
def dead_end() -> Iterator[str]:
    """An endpoint where nobody listens, on a port that nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
