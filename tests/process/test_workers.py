"""Several workers: one dies, the parent dies, a signal reaches all of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.support.action_service.http_calls import HalfSentCall, accepts, create_target
from tests.support.servers.actiond import ServerProcess, clean_environment
from tests.support.waiting import until


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_worker_is_no_child_process(start: Start) -> None:
    assert start().children() == []


def test_the_supervisor_has_one_thread_no_grpc_and_no_open_database(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Measuring coverage loads SQLite into every process.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    server = start(workers=2)
    assert len(list(Path(f"/proc/{server.pid}/task").iterdir())) == 1
    opened = [str(entry.readlink()) for entry in Path(f"/proc/{server.pid}/fd").iterdir()]
    assert not [name for name in opened if "actiond.db" in name]
    libraries = Path(f"/proc/{server.pid}/maps").read_text()
    assert not [name for name in ("cygrpc", "_sqlite3", "httptools", "ngh2", "orjson", "uvloop") if name in libraries]


def test_a_killed_worker_is_replaced_while_the_other_serves(start: Start) -> None:
    server = start(workers=2)
    first, second = server.children()
    os.kill(first, signal.SIGKILL)
    until(lambda: first not in server.children(), "the killed worker is gone")
    assert all(create_target(server, f"meanwhile {number}") == 201 for number in range(20))
    until(lambda: len(server.children()) == 2, "there are two workers again")
    assert second in server.children()
    assert "was killed by SIGKILL" in server.stderr
    assert server.stop() == 0


def test_a_replacement_serves(start: Start) -> None:
    server = start("--log-level", "debug", workers=2)
    for worker in server.children():
        os.kill(worker, signal.SIGKILL)
    until(lambda: server.stderr.count(" serves") == 4, "both replacements serve")
    assert create_target(server, "after") == 201
    assert server.stop() == 0


def test_nothing_outlives_a_killed_parent(start: Start) -> None:
    server = start(workers=2)
    workers = server.children()
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    try:
        until(lambda: not any(map(alive, workers)), "the workers are gone")
    except AssertionError:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        raise
    until(lambda: not accepts(server.http_port), "nobody holds the HTTP port")
    until(lambda: not accepts(server.grpc_port), "nobody holds the gRPC port")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_drains_once(start: Start, number: signal.Signals) -> None:
    server = start(workers=2)
    with HalfSentCall(server, "in flight") as call:
        assert create_target(server, "before") == 201
        os.killpg(server.pid, number)
        until(lambda: not accepts(server.http_port), "HTTP refuses connections")
        until(lambda: not accepts(server.grpc_port), "gRPC refuses connections")
        assert call.finish().startswith(b"HTTP/1.1 201 ")
    assert server.wait() == 0
    assert "Traceback" not in server.stderr


def test_a_second_signal_to_the_supervisor_ends_the_grace_of_all(start: Start) -> None:
    server = start(workers=2)
    with HalfSentCall(server, "in flight") as call:
        assert create_target(server, "before") == 201
        server.signal(signal.SIGTERM)
        until(lambda: not accepts(server.http_port), "HTTP refuses connections")
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - began < 3
        assert call.answer().startswith(b"HTTP/1.1 503 ")


def test_a_signal_during_the_start_ends_with_0_and_without_a_word(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, workers=2).launch()
    until(lambda: "Blocked" in status(server) and blocks_sigterm(server), "signals wait")
    assert server.stop() == 0
    assert "Traceback" not in server.stderr
    assert server.stderr.count(" ERROR ") == 0


def status(server: ServerProcess) -> str:
    return Path(f"/proc/{server.pid}/status").read_text().replace("SigBlk", "Blocked")


def blocks_sigterm(server: ServerProcess) -> bool:
    mask = int(status(server).partition("Blocked:")[2].split()[0], 16)
    return bool(mask & (1 << (signal.SIGTERM - 1)))


# The supervisor alone, with workers that do what no worker of ours does.

SCRIPT = """
import os, signal, sys, time
from actiond.process import child_process, shutdown
from actiond.telemetry import logging
from actiond.process.supervisor import Supervisor

def fails(_number, pipe):
    child_process.exit_now(3)

def hangs(_number, pipe):
    os.write(pipe, b"1")
    while True:
        time.sleep(60)

logging.set_up("info")
shutdown.block()
shutdown.END_MARGIN = 0.3
sys.exit(Supervisor(2, 0.2, {body}, lambda: print("all serve", flush=True)).run())
"""


def supervise(body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_that_fail_at_every_start_end_the_whole_with_1_and_a_reason() -> None:
    process = supervise("fails")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert "actiond: error: a worker failed to start 3 times in a row" in err
    assert "Traceback" not in err


def test_workers_that_hang_past_the_grace_are_killed_and_the_exit_code_tells() -> None:
    process = supervise("hangs")
    assert process.stdout is not None
    assert process.stdout.readline() == "all serve\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "killing the workers that have not ended in time" in err
