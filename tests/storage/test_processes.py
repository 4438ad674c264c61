"""Several processes on one file, and processes that are killed while they write."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from actiond.storage.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]


def start_writing(path: Path, prefix: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.storage.writing", str(path), prefix, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The rest of standard output, and standard error. (`communicate` loses what `readline` has read ahead.)"""
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        return process.stdout.read(), process.stderr.read()


def printed(lines: str, kind: str) -> list[str]:
    """A last line without its end was cut by the kill."""
    return [
        line.split()[1] for line in lines.splitlines(keepends=True) if line.startswith(kind) and line.endswith("\n")
    ]


def stored_targets(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM targets")]


def half_written(path: Path) -> list[str]:
    """Targets without their one event, and events without their target."""
    statement = """
        SELECT id FROM targets WHERE 1 <> (
            SELECT count(*) FROM events WHERE aggregate_type = 'target' AND aggregate_id = id AND events.sequence = 1)
        UNION ALL
        SELECT aggregate_id FROM events WHERE aggregate_id NOT IN (SELECT id FROM targets)
    """
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(statement)]


def test_processes_that_open_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "actiond.db"
    processes = [start_writing(path, prefix, 300) for prefix in "abcd"]
    outputs = [finish(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], outputs
    acknowledged = [target for lines, _ in outputs for target in printed(lines, "target")]
    assert len(acknowledged) == 1200
    assert sorted(stored_targets(path)) == sorted(acknowledged)
    assert half_written(path) == []
    workers = [worker for lines, _ in outputs for worker in printed(lines, "worker")]
    assert sorted(workers) == ["0", "1", "2", "3"]


async def reopen(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.ping()
    await store.close()


@pytest.mark.parametrize("kill_after", [0, 1, 2, 5, 17, 60, 150, 400, 700])
def test_kill_9_keeps_what_was_acknowledged_and_nothing_half_written(tmp_path: Path, kill_after: int) -> None:
    path = tmp_path / "actiond.db"
    process = start_writing(path, "a", 1_000_000)
    assert process.stdout is not None
    seen = "".join(process.stdout.readline() for _ in range(kill_after))
    process.kill()
    rest, errors = finish(process)
    assert errors == ""
    asyncio.run(reopen(path))
    stored = stored_targets(path)
    assert len(stored) == len(set(stored))
    assert set(printed(seen + rest, "target")) <= set(stored)
    assert half_written(path) == []


def test_a_process_killed_while_writing_does_not_stop_another(tmp_path: Path) -> None:
    path = tmp_path / "actiond.db"
    victim, survivor = start_writing(path, "a", 1_000_000), start_writing(path, "b", 500)
    assert victim.stdout is not None
    for _ in range(50):
        victim.stdout.readline()
    victim.kill()
    finish(victim)
    lines, errors = finish(survivor)
    assert (survivor.returncode, errors, len(printed(lines, "target"))) == (0, "", 500)
    assert half_written(path) == []
