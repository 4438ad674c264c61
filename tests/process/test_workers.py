"""Several workers: one dies, the parent dies, a signal reaches all of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from actiond.process import supervisor
from actiond.process.heartbeat import Heartbeats
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
import asyncio, os, signal, sys, time
from pathlib import Path
from actiond.process import child_process, heartbeat, shutdown, supervisor
from actiond.process.heartbeat import Heartbeats
from actiond.process.supervisor import Supervisor
from actiond.telemetry import standard_streams

heartbeats = Heartbeats(2)
scratch = Path({scratch!r})

def start(number):
    # Appended by two processes: so small a write is not torn.
    with (scratch / "starts").open("a") as starts:
        starts.write(f"{{number}} {{os.getpid()}}\\n")
    return sum(line.startswith(f"{{number}} ") for line in (scratch / "starts").read_text().splitlines())

def fails(_number, pipe):
    child_process.exit_now(3)

def hangs(_number, pipe):
    os.write(pipe, b"1")
    while True:
        time.sleep(60)

def serve(number, pipe, task):
    async def run():
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(shutdown.DRAIN, stopped.set)
        shutdown.unblock()
        heartbeat.beat_for_ever(loop, lambda: heartbeats.beat(number))
        os.write(pipe, b"1")
        await task()
        await stopped.wait()
    asyncio.run(run())
    child_process.exit_now(0)

async def nothing():
    pass

async def block():
    await asyncio.sleep(0.2)
    time.sleep(600)

def blocks_first(number, pipe):
    # The first process of the first worker blocks its event loop for good.
    serve(number, pipe, block if start(number) == 1 and number == 1 else nothing)

def serves(number, pipe):
    start(number)
    serve(number, pipe, nothing)

def serves_first(number, pipe):
    # After the first process of each worker, five fail before they serve.
    if 1 < start(number) < 7:
        child_process.exit_now(3)
    serve(number, pipe, nothing)

standard_streams.install("info")
shutdown.block()
shutdown.END_MARGIN = 0.3
{prelude}
sys.exit(Supervisor(heartbeats, 0.2, {body}, lambda: print("all serve", flush=True)).run())
"""


def supervise(body: str, scratch: Path, prelude: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=body, scratch=str(scratch), prelude=prelude)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_that_fail_at_every_start_end_the_whole_with_1_and_a_reason(tmp_path: Path) -> None:
    process = supervise("fails", tmp_path)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert "actiond: error: a worker failed to start 3 times in a row" in err
    assert "Traceback" not in err


def test_workers_that_hang_past_the_grace_are_killed_and_the_exit_code_tells(tmp_path: Path) -> None:
    process = supervise("hangs", tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "all serve\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "killing the workers that have not ended in time" in err


def starts(scratch: Path) -> list[tuple[int, int]]:
    """The number and the process of each worker that was started, in their order."""
    try:
        lines = (scratch / "starts").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [(int(number), int(pid)) for number, pid in map(str.split, lines)]


def serving(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "all serve\n"


def test_workers_that_have_served_are_started_again_however_often_they_then_fail(tmp_path: Path) -> None:
    process = supervise("serves_first", tmp_path, "supervisor.MAX_DELAY = 0.1")
    serving(process)
    for _, pid in starts(tmp_path):
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(starts(tmp_path)) == 14, "each of the two has been started seven times")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err.count("ended with exit code 3; restarting it") == 10


def test_a_worker_can_be_restarted_more_than_a_thousand_times_in_a_row() -> None:
    slot = supervisor._Slot(1, restarts=2000)
    watched = supervisor.Supervisor(Heartbeats(1), 1.0, _never, lambda: None)
    watched._has_served = True
    watched._handle_end(slot, 1, 1)
    assert 0 < slot.due - time.monotonic() <= supervisor.MAX_DELAY


def _never(_number: int, _pipe: int) -> NoReturn:
    raise AssertionError


SHORT_SILENCE = 5.0
SHORT = f"supervisor.MAX_SILENCE = {SHORT_SILENCE}"


def test_a_worker_whose_event_loop_hangs_is_killed_with_one_line_and_replaced(tmp_path: Path) -> None:
    process = supervise("blocks_first", tmp_path, SHORT)
    serving(process)
    first = dict(starts(tmp_path))
    until(lambda: len(starts(tmp_path)) == 3, "a third process is started")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    (line,) = [line for line in err.splitlines() if "has not responded" in line]
    assert f" ERROR actiond.process.supervisor: worker 1 (process {first[1]}) has not responded for 5 s" in line
    assert f"worker 1 (process {first[1]}) was killed by SIGKILL; restarting it" in err
    assert "worker 2" not in err


def test_a_worker_that_is_stopped_by_a_signal_is_not_taken_for_one_that_hangs(tmp_path: Path) -> None:
    process = supervise("serves", tmp_path, SHORT)
    serving(process)
    (_, stopped), (_, running) = starts(tmp_path)
    os.kill(stopped, signal.SIGSTOP)
    # Longer than a loop may be silent, as the other worker's loop counts it.
    before = switches(running)
    until(lambda: switches(running) > before + SHORT_SILENCE + 2, "the other worker's loop has turned often")
    assert [pid for _, pid in starts(tmp_path)] == [stopped, running]
    os.kill(stopped, signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_group_that_was_suspended_goes_on_with_the_same_workers(tmp_path: Path) -> None:
    process = supervise("serves", tmp_path, SHORT)
    serving(process)
    pids = [process.pid, *(pid for _, pid in starts(tmp_path))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    suspended_at = time.monotonic()
    until(
        lambda: time.monotonic() > suspended_at + SHORT_SILENCE + 1,
        "they were suspended for longer than a loop may be silent",
    )
    os.kill(process.pid, signal.SIGCONT)
    for pid in pids[1:]:
        os.kill(pid, signal.SIGCONT)
    before = switches(pids[1])
    until(lambda: switches(pids[1]) >= before + 3, "the loops turn again")
    assert [pid for _, pid in starts(tmp_path)] == pids[1:]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def switches(pid: int) -> int:
    """How often a process has gone to sleep by itself: an idle loop does so about once for each beat."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
