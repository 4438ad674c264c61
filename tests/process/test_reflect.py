"""`actiond serve --reflect`: methods of servers that are asked at the start, later and on SIGHUP, by every worker."""

import json
import signal
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.process.conftest import Start
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.ports import lasting_port
from tests.support.servers.reflecting import V1ALPHA, describing, reflecting, shop
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

PLACE, CANCEL = "/shop.v1.Orders/Place", "/shop.v1.Orders/Cancel"


def ask(server: ServerProcess, method: str, path: str, body: object = None, base: str = "/v3alpha/executions") -> Any:
    request = urllib.request.Request(  # noqa: S310  # to a server of the test
        f"{server.http_url}{base}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json", "Connection": "close"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310  # likewise
        return json.load(response)


def methods(server: ServerProcess) -> set[str]:
    """The methods of other services that a worker knows. Each call has a connection, and may reach another worker."""
    return {name for name in ask(server, "GET", "/methods")["methods"] if name.startswith("/shop.")}


def warnings(server: ServerProcess) -> list[str]:
    return [line.partition("WARNING ")[2] for line in server.stderr.splitlines() if "WARNING" in line]


@pytest.mark.parametrize("version", [V1ALPHA, "grpc.reflection.v1"])
def test_executions_are_set_for_methods_that_a_server_describes(start: Start, version: str) -> None:
    with reflecting(describing(shop("Place", "Cancel")), versions=[version]) as other:
        server = start("--reflect", other.address)
        until(lambda: methods(server) == {PLACE, CANCEL}, "the methods")
        assert "shop.v1.Orders" in ask(server, "GET", "/services")["services"]
        ask(server, "PUT", "", {"condition": {"request": {"method": PLACE}}, "targets": []})
        assert f"reflection of {other.address}: services: 1, methods: 2" in server.stderr
    assert server.stop() == 0
    assert warnings(server) == []


def test_executions_run_on_messages_that_a_server_describes(start: Start) -> None:
    with reflecting(describing(shop("Place"))) as other, TargetServer() as target:
        target.script("/change", ok(b'{"id": "changed"}'))
        server = start("--reflect", other.address, "--allow-address", "127.0.0.0/8")
        until(lambda: methods(server) == {PLACE}, "the method")
        made = {"name": "change", "restCall": {}, "timeout": "10s", "endpoint": target.url("/change")}
        target_id = ask(server, "POST", "/targets", made, base="/v3alpha")["id"]
        bound = {"condition": {"request": {"method": PLACE}}, "targets": [{"target": target_id}]}
        ask(server, "PUT", "", bound)
        call = {"call": {"method": PLACE}, "request": {"json": {"id": "first"}}}
        ran = ask(server, "POST", ":executeRequest", call, base="/v1/executions")
        assert ran["request"] == {"json": {"id": "changed"}}
        assert json.loads(target.requests[0].body)["request"] == {"id": "first"}


def test_an_execution_of_a_method_that_is_no_longer_known_stays(start: Start) -> None:
    with reflecting(describing(shop("Place"))) as other:
        server = start("--reflect", other.address)
        until(lambda: methods(server) == {PLACE}, "the method")
        ask(server, "PUT", "", {"condition": {"request": {"method": PLACE}}, "targets": []})
        other.answer = describing(shop("Cancel"))
        server.signal(signal.SIGHUP)
        until(lambda: methods(server) == {CANCEL}, "the new method")
        found = ask(server, "POST", "/search", {})["result"]
        assert [execution["Condition"]["request"]["method"] for execution in found] == [PLACE]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_worker_asks_again_on_sighup(start: Start, workers: int) -> None:
    with reflecting(describing(shop("Place"))) as other:
        server = start("--reflect", other.address, workers=workers)
        line = f"reflection of {other.address}: services: 1, methods: 1"
        until(lambda: server.stderr.count(line) == workers, "each worker has asked")
        assert {tuple(methods(server)) for _ in range(20)} == {(PLACE,)}
        other.answer = describing(shop("Cancel"))
        server.signal(signal.SIGHUP)
        until(lambda: server.stderr.count(line) == 2 * workers, "each worker has asked twice")
        assert {tuple(methods(server)) for _ in range(20)} == {(CANCEL,)}
        assert server.stop() == 0


def test_what_a_server_described_stays_when_it_is_away_on_sighup(start: Start) -> None:
    with reflecting(describing(shop())) as other:
        server = start("--reflect", other.address)
        until(lambda: methods(server) == {PLACE}, "the method")
    server.signal(signal.SIGHUP)
    until(lambda: any(other.address in line for line in warnings(server)), "the warning")
    line = warnings(server)[0]
    assert line.endswith("What it described before stays known.")
    assert methods(server) == {PLACE}


def test_a_server_that_starts_later_becomes_known(start: Start) -> None:
    port = lasting_port()
    server = start("--reflect", f"127.0.0.1:{port}")
    assert methods(server) == set()
    until(lambda: bool(warnings(server)), "the warning")
    line = warnings(server)[0]
    assert line.startswith(f"actiond.api.reflected_services: reflection of 127.0.0.1:{port}: UNAVAILABLE: ")
    with reflecting(describing(shop()), port):
        until(lambda: methods(server) == {PLACE}, "the method")


def test_servers_that_hang_do_not_hold_up_the_start_or_the_end(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        addresses = [f"127.0.0.1:{silent.getsockname()[1]}" for silent in (one, two)]
        with reflecting(describing(shop())) as other:
            server = start("--reflect", *addresses, other.address)
            until(lambda: methods(server) == {PLACE}, "the method")
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 5
    assert "Traceback" not in server.stderr


def test_garbage_is_a_warning_and_everything_else_goes_on(start: Start) -> None:
    with reflecting(lambda _: b"\xff" * 1000) as other:
        server = start("--reflect", other.address)
        until(lambda: bool(warnings(server)), "the warning")
        assert "has answered with something that is not server reflection" in warnings(server)[0]
        assert methods(server) == set()


def test_a_server_that_disagrees_with_a_descriptor_set_is_refused(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "shop.binpb"
    path.write_bytes(FileDescriptorSet(file=[shop("Place")]).SerializeToString())
    with reflecting(describing(shop("Place", "Cancel"))) as other:
        server = start("--reflect", other.address, "--descriptor-set", str(path))
        until(lambda: bool(warnings(server)), "the warning")
        assert f"{other.address}: defines shop.v1.Orders differently than {path} does" in warnings(server)[0]
        assert methods(server) == {PLACE}
