"""A few of the calls of mixed.py, which makes many by hand."""

from pathlib import Path

from tests.gates.mixed import THREADS, WHOLE, run_mixed


def test_calls_of_many_sizes_are_each_changed_and_whole(tmp_path: Path) -> None:
    calls = 20 * THREADS
    assert run_mixed(tmp_path, calls, seed=1) == {WHOLE: calls}
