"""Commands as processes, and what a refusal looks like."""

import subprocess
import sys
from pathlib import Path

from tests.support.servers.actiond import clean_environment

ANY_PORTS = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
CREATE = ("token", "create", "--name", "ci", "--permission", "execution.target.write")


def run_process(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command as users do, for what only a process shows: its exit, its streams, the ports that it binds."""
    return subprocess.run(
        [sys.executable, "-m", "actiond", *arguments],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    """Ended with that code, and with one line that holds the words."""
    assert done.returncode == code, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("actiond: error: ")
    for word in words:
        assert word in line
