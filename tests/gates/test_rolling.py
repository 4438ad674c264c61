"""Two actiond behind one Envoy, which restart in turns under load."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.support.proxied.clients import SECONDS, channel
from tests.support.proxied.shop import PLACE, order, order_class, receipt_class
from tests.support.proxied.system import System
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.ports import lasting_port
from tests.support.targets.answers import ok
from tests.support.waiting import until

THREADS = 8
RESTARTS = 4


class Pair:
    """Two actiond on one database, one Envoy that knows both."""

    def __init__(self, directory: Path) -> None:
        self.second_port = lasting_port()
        self.system = System(directory, is_restarted=True, edits=[self._two_endpoints])
        (directory / "second").mkdir()
        self.second = ServerProcess(
            directory / "second",
            "--allow-address",
            "127.0.0.0/8",
            *self.system.descriptors,
            data_dir=self.system.server.data_dir,
            grpc_address=f"127.0.0.1:{self.second_port}",
        )

    def _two_endpoints(self, text: str) -> str:
        endpoint = f"""              - endpoint:
                  address:
                    socket_address: {{address: 127.0.0.1, port_value: {self.system.server.grpc_port}}}
"""
        assert text.count(endpoint) == 1
        other = endpoint.replace(str(self.system.server.grpc_port), str(self.second_port))
        return text.replace(endpoint, endpoint + other)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    with pair.system:
        pair.second.start()
        yield pair
        pair.second.stop()


def test_a_rolling_restart_loses_no_call(pair: Pair) -> None:
    system = pair.system
    system.targets.script("/change", ok(b'{"count": "7"}'))
    system.set("request", PLACE, system.target("/change"))
    ends: Counter[str] = Counter()
    is_over = threading.Event()

    def load(number: int) -> None:
        with channel(system.port) as connection:
            method = connection.unary_unary(
                PLACE,
                request_serializer=order_class().SerializeToString,
                response_deserializer=receipt_class().FromString,
            )
            while not is_over.is_set():
                try:
                    method(order(id=str(number)), timeout=SECONDS)
                except grpc.RpcError as error:
                    ends[f"{error.code().name}: {error.details()}"] += 1
                else:
                    ends["OK"] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        loads = [pool.submit(load, number) for number in range(THREADS)]
        try:
            for number in range(RESTARTS):
                server = (pair.second, system.server)[number % 2]
                assert server.stop() == 0
                server.lines.clear()
                server.start()
                # Its log begins anew.
                until(lambda server=server: "target=" in server.stderr, "Envoy asks it again")  # type: ignore[misc]  # mypy#15459
        finally:
            is_over.set()
        for one in loads:
            one.result()
    assert set(ends) == {"OK"}, ends
    assert {one.count for one in system.shop.orders} == {7}
