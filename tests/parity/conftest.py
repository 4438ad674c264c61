"""The fixtures: one server, one Envoy in front of it, and every driver connected to them."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.parity.calls import FUNCTIONS
from tests.parity.delivery_calls import EVENT_TYPES
from tests.parity.execution_calls import ANSWERS, RECEIVER_HOST
from tests.parity.service import seed, token_of
from tests.support.action_service.connections import DRIVERS, Ports
from tests.support.action_service.drivers import Driver
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.envoy import EnvoyProcess
from tests.support.services import shop
from tests.support.targets.server import TargetServer


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """A server with tokens and a target of another owner, and Envoy in front of it."""
    # The deliveries that rows look at must stay as they are: none is attempted, nor believed to be due too late.
    still = ("--deliveries", "0", "--retry-delays", "24h")
    directory = tmp_path_factory.mktemp("server")
    described = (
        "--descriptor-set",
        str(shop.write_descriptor_set(directory)),
        "--allow-address",
        f"{RECEIVER_HOST}/32",
    )
    flags = ("--execution-function", *FUNCTIONS, "--event-type", *EVENT_TYPES, *described, *still)
    with ServerProcess(directory, *flags) as server:
        asyncio.run(seed(server.database))
        with EnvoyProcess(tmp_path_factory.mktemp("envoy"), server.grpc_port) as envoy:
            yield Ports(server.grpc_port, server.http_port, envoy.port)
        stderr = server.stderr
    # No row is a fault of the server's own, so none leaves a trace in its log.
    assert "Traceback" not in stderr, stderr


@pytest.fixture(scope="session")
def receiver() -> Iterator[TargetServer]:
    """Where the targets are that rows let be called."""
    with TargetServer(ANSWERS, host=RECEIVER_HOST) as server:
        yield server


@pytest.fixture(scope="session")
def drivers(ports: Ports) -> Iterator[dict[str, Driver]]:
    """Every driver, connected."""
    connected = {name: connect(ports, token_of(name)) for name, (_, connect) in DRIVERS.items()}
    yield connected
    for driver in connected.values():
        driver.close()


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[Callable[[int], ServerProcess]]:
    """Starts a server of the test's own, with so many workers."""
    servers: list[ServerProcess] = []

    def start(workers: int = 1) -> ServerProcess:
        servers.append(ServerProcess(tmp_path, workers=workers).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
