"""When a loop counts as silent: Silence, fed with what its clock and the kernel say."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from actiond.process.heartbeat import MAX_SILENCE, Heartbeats, Silence, ThreadState, thread_state
from tests.support.servers.actiond import ServerProcess, clean_environment
from tests.support.waiting import WAIT

RUNNING = ThreadState(is_stopped=False, waited=0.0)


def looks(silence: Silence, count: int, times: int, first: float = 100.0, step: float = 1.0) -> list[float]:
    return [silence.look(count, first + number * step) for number in range(times)]


def test_silence_is_the_time_for_which_the_count_stays_the_same() -> None:
    silence = Silence(lambda: RUNNING)
    assert looks(silence, 7, 5) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert silence.look(8, 105.0) == 0.0
    assert silence.look(8, 106.0) == 1.0


def test_a_time_in_which_nobody_looked_is_not_silence() -> None:
    silence = Silence(lambda: RUNNING)
    looks(silence, 7, 2)
    assert silence.look(7, 100_000.0) < MAX_SILENCE


def test_a_thread_that_is_stopped_is_not_silent() -> None:
    state = ThreadState(is_stopped=True, waited=0.0)
    silence = Silence(lambda: state)
    assert max(looks(silence, 7, 100)) < MAX_SILENCE
    state = RUNNING
    assert looks(silence, 7, 5, first=200.0)[-1] >= 4.0


def test_the_wait_for_a_processor_is_not_silence() -> None:
    waited = 0.0

    def state() -> ThreadState:
        nonlocal waited
        waited += 0.95
        return ThreadState(is_stopped=False, waited=waited)

    assert max(looks(Silence(state), 7, 100)) < MAX_SILENCE


def test_the_state_of_a_thread_is_read_from_the_kernel() -> None:
    own = thread_state(os.getpid(), threading.get_native_id())
    assert not own.is_stopped
    assert own.waited >= 0
    assert thread_state(os.getpid(), 0) == RUNNING


def test_the_count_of_a_worker_is_seen_by_its_parent() -> None:
    beats = Heartbeats(2)
    pid = os.fork()
    if pid == 0:
        beats.beat(2)
        os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert (beats.count(1), beats.count(2)) == (0, 1)


HANGS = """
import asyncio, time
from actiond.process import child_process, heartbeat, watchdog
from actiond.telemetry import standard_streams

watchdog.MAX_SILENCE = 1.5
beats = heartbeat.Heartbeats(1)
standard_streams.install("info")
standard_streams.start()

def hang_here():
    time.sleep(600)

async def main():
    watchdog.watch_this_thread(lambda: beats.count(1), lambda: child_process.exit_now(1))
    heartbeat.beat_for_ever(asyncio.get_running_loop(), lambda: beats.beat(1))
    await asyncio.sleep(0.1)
    hang_here()

asyncio.run(main())
"""


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )


def test_a_process_without_a_supervisor_ends_when_its_loop_hangs_and_says_where() -> None:
    done = run_script(HANGS)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert " CRITICAL actiond.process.watchdog: the event loop has not responded for 1.5 s" in line
    assert "in hang_here" in line


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_manager_is_told_of_ready_alive_and_stopping(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(WAIT)
        with ServerProcess(tmp_path, workers=workers, environment={"NOTIFY_SOCKET": str(path)}):
            seen = {manager.recv(100)}
            while seen != {b"READY=1", b"WATCHDOG=1"}:
                seen.add(manager.recv(100))
        while manager.recv(100) != b"STOPPING=1":
            pass


FAILS = """
from actiond.cli import main
from actiond.telemetry import standard_streams

def fail(_options):
    standard_streams.install("info")
    standard_streams.start()
    raise ValueError("two\\nlines")

main._run = fail
raise SystemExit(main.main(["token", "list"]))
"""


def test_a_start_that_fails_unforeseen_is_one_line_and_exit_code_1() -> None:
    done = run_script(FAILS)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert " CRITICAL actiond.telemetry.logging: the program failed" in line
    assert line.endswith("ValueError: two\\nlines")
