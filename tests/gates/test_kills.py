"""A few of the kills of kills.py, which runs many by hand."""

from pathlib import Path

from tests.gates.kills import NATIVE, Kills


def test_no_call_passes_unexecuted_whatever_is_killed_when(tmp_path: Path) -> None:
    story = Kills(tmp_path, kills=10, seed=1).run()
    assert story.violations == []
    for name in NATIVE:
        assert story.passed(name) > 0, story.ends
