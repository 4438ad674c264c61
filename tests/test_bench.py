"""The bench runs and its table is whole. What it measured is nobody's business here."""

import subprocess
import sys
from pathlib import Path

from bench.subjects import SUBJECTS

ROOT = Path(__file__).parents[1]


def test_the_bench_prints_a_row_of_figures_for_each_subject() -> None:
    command = [sys.executable, "-m", "bench", "--seconds", "0.2", "--rounds", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stderr
    rows = {line.split()[0]: line.split()[1:] for line in run.stdout.splitlines() if line.strip()}
    for subject in SUBJECTS:
        rate, _, p50, p99, *_ = rows[subject.name]
        assert float(rate.replace(",", "")) > 0
        assert 0 < float(p50) <= float(p99)


def test_the_bench_measures_the_rows_that_it_is_asked_for() -> None:
    command = [sys.executable, "-m", "bench", "--seconds", "0.1", "--rounds", "2", "--only", "granian-json", "grpcio"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=True)
    printed = {line.split()[0] for line in run.stdout.splitlines() if line.strip()}
    assert printed & {subject.name for subject in SUBJECTS} == {"granian-json", "grpcio"}
