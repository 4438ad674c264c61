"""`actiond deliver`, a worker without listeners, and `actiond target test`, beside a real server."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.commands import refused, run_process
from tests.support.clients.json_api import ALL_EVENTS, JsonApi
from tests.support.servers.actiond import ServerProcess, clean_environment
from tests.support.targets.server import TargetServer

ALLOW = ("--allow-address", "127.0.0.0/8")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, *ALLOW, "--deliveries", "0") as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[TargetServer]:
    with TargetServer() as receiver:
        yield receiver


def send_test(server: ServerProcess, target_id: str) -> "subprocess.CompletedProcess[str]":
    return run_process("target", "test", target_id, "--data-dir", str(server.data_dir), *ALLOW)


@contextmanager
def delivering(server: ServerProcess, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "actiond", "deliver", "--data-dir", str(server.data_dir), *ALLOW, *arguments]
    with subprocess.Popen(
        command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "delivering events\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_worker_without_listeners_delivers_what_servers_leave_to_it(
    server: ServerProcess, receiver: TargetServer, workers: str
) -> None:
    api = JsonApi.of(server)
    api.set_execution(ALL_EVENTS, api.create_target(receiver.url("/ok"))["id"])
    assert receiver.paths() == []
    with delivering(server, "--workers", workers, "--delivery-poll", "50ms") as process:
        await receiver.until(lambda: receiver.paths() == ["/ok"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert json.loads(receiver.requests[0].body)["event_type"] == "execution.set"


def test_a_database_that_belongs_to_one_process_has_no_other_worker(tmp_path: Path) -> None:
    refused(run_process("deliver", "--database", "memory:", cwd=tmp_path), "--database: memory:")
    refused(run_process("deliver", "--deliveries", "0", cwd=tmp_path), "--deliveries: 0")


def test_a_target_is_tested_by_one_signed_request_that_is_logged(server: ServerProcess, receiver: TargetServer) -> None:
    target_id = JsonApi.of(server).create_target(receiver.url("/ok"))["id"]
    done = send_test(server, target_id)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"target {target_id} has accepted the test with status 200" in done.stderr
    (request,) = receiver.requests
    assert json.loads(request.body)["event_type"] == "target.tested"
    assert request.header("webhook-signature")
    assert request.header("zitadel-signature")


def test_a_target_that_refuses_the_test_is_exit_code_1(server: ServerProcess, receiver: TargetServer) -> None:
    target_id = JsonApi.of(server).create_target(receiver.url("/status/500"))["id"]
    refused(send_test(server, target_id), target_id, "status 500", code=1)
    refused(send_test(server, "404"), "there is no target '404'", code=1)
