"""Real worker processes, forked as the supervisor forks them: counting, killed, replaced."""

import subprocess
import sys
from pathlib import Path

from tests.support.metrics import Reading
from tests.support.servers.actiond import clean_environment

SCRIPT = """
import os, signal, sys
from actiond.process import child_process
from actiond.telemetry.metrics.memory import Memory

memory = Memory(2)
assert "prometheus_client" not in sys.modules

def work(number, calls):
    def body(_pipe):
        from actiond.delivery.outcomes import Outcome, TargetCall
        from actiond.telemetry.metrics.recorder import Metrics
        metrics = Metrics(memory, number)
        for _ in range(calls):
            metrics.observe_target(TargetCall("1", "request", Outcome.OK, 200, 0.5, False, ""))
        metrics.set_background_calls(calls)
        os.kill(os.getpid(), signal.SIGKILL)
    return body

for number, calls in {workers}:
    child = child_process.spawn(work(number, calls))
    assert os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]) == -signal.SIGKILL

from actiond.telemetry.metrics.exposition import render_text
sys.stdout.buffer.write(render_text(memory.regions))
"""


def run(workers: list[tuple[int, int]]) -> Reading:
    """What is read after these workers, each a number and how many calls it counts, were killed in turn."""
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(workers=workers)],
        env=clean_environment(),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr.decode()
    return Reading(process.stdout)


def test_two_processes_give_one_sum_and_lose_nothing_when_killed() -> None:
    reading = run([(1, 2000), (2, 500)])
    assert reading("actiond_target_calls_total", target="1", outcome="ok") == 2500
    assert reading("actiond_target_call_duration_seconds_sum", outcome="ok") == 1250


def test_the_replacement_of_a_killed_worker_goes_on_counting() -> None:
    reading = run([(1, 2000), (1, 30), (1, 4)])
    assert reading("actiond_target_calls_total", target="1", outcome="ok") == 2034


def test_what_was_under_way_in_a_killed_worker_is_no_longer() -> None:
    reading = run([(1, 2000), (2, 500)])
    assert reading("actiond_started_target_calls") is None
    assert not reading.labels("process_open_fds", "worker")
